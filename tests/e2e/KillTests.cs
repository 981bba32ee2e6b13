using System.Diagnostics;
using MlsConsole.TestKit;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

public sealed class KillTests(ITestOutputHelper output)
{
    private const int Clients = 4;
    private readonly Random _random = new();

    public enum Victim
    {
        Host,
        Database,
    }

    public static TheoryData<StorageProvider, Victim> Cases =>
        new()
        {
            { StorageProvider.Sqlite, Victim.Host },
            { StorageProvider.PostgreSql, Victim.Host },
            { StorageProvider.PostgreSql, Victim.Database },
        };

    [SkippableTheory, MemberData(nameof(Cases))]
    [Trait("Category", "Slow")]
    public Task After_each_of_ten_kills_every_acknowledged_commit_is_there_and_every_group_goes_on(
        StorageProvider provider,
        Victim victim
    ) => KillAgainAndAgain(provider, victim, kills: 10);

    [SkippableTheory, MemberData(nameof(Cases))]
    [Trait("Category", "Long")]
    public Task After_each_of_fifty_kills_every_acknowledged_commit_is_there_and_every_group_goes_on(
        StorageProvider provider,
        Victim victim
    ) => KillAgainAndAgain(provider, victim, kills: 50);

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_host_that_was_killed_while_it_created_its_database_starts_the_next_time()
    {
        await using var host = await HostProcess.Start(HostFixture.NoLimits);
        var started = Stopwatch.StartNew();
        await host.Restart();
        var startTime = started.Elapsed;
        for (var i = 1; i <= 10; i++)
        {
            await host.Kill();
            host.DeleteDatabase();
            host.Launch();
            await Task.Delay(startTime * i / 10); // from "has done nothing" to "has just finished"
            await host.Restart();
            using var device = await TestDevice.Register(host.Url, "afterwards");
            await device.CreateConvo();
        }
    }

    private async Task KillAgainAndAgain(StorageProvider provider, Victim victim, int kills)
    {
        // What is killed has to write what it acknowledges; the server that all share does not.
        var shared = await DatabaseServers.Of(provider);
        var killed = victim == Victim.Database ? await PostgreSqlServer.StartAsync(durable: true) : null;
        await using var host = await HostProcess.Start(HostFixture.NoLimits, killed ?? shared);
        var committers = new List<Committer>();
        for (var i = 0; i < Clients; i++)
            committers.Add(await Committer.Create(host.Url, i, mayFail: killed is not null));

        var (counted, duringStart, attempts) = (0, 0, 0);
        while (counted < kills || (killed is null && duringStart < kills / 5))
        {
            Assert.True(
                ++attempts <= 10 * kills,
                $"only {counted} of {attempts} kills cut a request, {duringStart} of them during start-up"
            );
            var startUp = killed is null && attempts % 4 == 0;
            var cut = await KillInFlight(host, killed, committers, startUp);
            foreach (var committer in committers)
                await CheckAfterRestart(committer);
            output.WriteLine(
                $"kill {attempts}{(startUp ? " during start-up" : "")}: {cut} requests cut, "
                    + $"{committers.Sum(c => c.Acknowledged.Count)} commits acknowledged so far"
            );
            if (cut == 0)
                continue; // nothing was in flight: this kill proves nothing
            counted++;
            if (startUp)
                duringStart++;
        }
        Assert.All(committers, committer => Assert.True(committer.Acknowledged.Count > kills));
        var (code, report) = await host.Run("verify-audit");
        output.WriteLine(report);
        Assert.True(code == 0, report);
        foreach (var committer in committers)
            committer.Dispose();
        if (killed is not null)
            await killed.KillAsync();
    }

    /// <summary>
    /// Kills the host, or the server of its database, while all clients commit, starts it again, and lets every client
    /// commit once more.
    /// </summary>
    /// <returns>
    /// How many requests the kill cut; of a kill during start-up, those that the starting host had accepted.
    /// </returns>
    private async Task<int> KillInFlight(
        HostProcess host,
        PostgreSqlServer? server,
        IReadOnlyList<Committer> committers,
        bool startUp
    )
    {
        using var stop = new CancellationTokenSource();
        var counts = committers.Select(committer => committer.Acknowledged.Count).ToList();
        var running = committers.Select(committer => Task.Run(() => committer.Run(stop.Token))).ToList();
        var before = Cut();
        await Task.Delay(_random.Next(100, 800));
        if (server is not null)
        {
            await server.KillAsync();
            await server.RestartAsync();
        }
        else
        {
            await host.Kill();
            host.Launch();
        }
        if (startUp)
        {
            // Once before it listens, and once while it has just begun to answer.
            await Task.Delay(_random.Next(50, 600));
            await host.Kill();
            host.Launch();
            await host.WaitUntilListening();
            before = Cut();
            await Task.Delay(_random.Next(0, 150));
            await host.Kill();
            host.Launch();
        }
        await host.WaitUntilReady();
        while (
            committers.Zip(counts).Any(pair => pair.First.Acknowledged.Count == pair.Second)
            && running.All(task => !task.IsFaulted)
        )
            await Task.Delay(20);
        await stop.CancelAsync();
        await Task.WhenAll(running);
        return Cut() - before;

        int Cut() => committers.Sum(committer => committer.Cut);
    }

    /// <summary>
    /// The log has every acknowledged commit at its epoch, without gaps, and a retry gets the first answer.
    /// </summary>
    private async Task CheckAfterRestart(Committer committer)
    {
        var log = await committer.Device.CommitLog(committer.ConvoId);
        Assert.Equal(
            committer.Acknowledged.Select(known => (known.Epoch, known.Prepared.Commit)),
            log.Skip(1).Select(commit => (commit.Epoch, commit.Commit))
        );
        Assert.Equal(Enumerable.Range(1, log.Count).Select(epoch => (ulong)epoch), log.Select(commit => commit.Epoch));
        var served = await committer.Device.ServedGroup(committer.ConvoId);
        Assert.Equal(committer.Group.Group.Epoch, served.Epoch);
        Assert.Equal(committer.Group.Group.TreeHash.ToArray(), served.TreeHash.ToArray());

        var retried = committer.Acknowledged[_random.Next(committer.Acknowledged.Count)];
        var answer = await committer.Device.Send(retried.Prepared);
        Assert.True(answer.IsSuccess, $"retry: {answer.Status} {answer.Body}");
        Assert.Equal(retried.Answer, answer.Body.GetRawText());
    }
}
