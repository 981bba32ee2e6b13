using System.Text.Json;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>
/// The official client of AT Protocol event streams, a real device that sends, and a host that does not stay up.
/// </summary>
public sealed class EventStreamTests(ITestOutputHelper output)
{
    private const int Restarts = 6;

    [SkippableTheory]
    [InlineData(StorageProvider.Sqlite)]
    [InlineData(StorageProvider.PostgreSql)]
    [Trait("Category", "Slow")]
    public async Task Through_kills_and_restarts_of_the_host_no_event_is_lost_or_repeated(StorageProvider provider)
    {
        TsClient.Require();
        await using var host = await HostProcess.Start(HostFixture.NoLimits, await DatabaseServers.Of(provider));
        await using var session = TsSession.Start(host.Url);
        var convoId = await AliceFollowsBob(session, [host.Url]);
        await session.Do("device", "stranger");
        await session.Do("follow", "stranger", new { cursor = "0" });
        var bob = new Sender(session, convoId);
        for (var i = 1; i <= Restarts; i++)
        {
            // Everybody is back, in the middle of the stream, and what alice has not yet seen is cut off from her.
            await bob.Acknowledges(20);
            await session.Do("followed", "alice", new { convoId, logSeq = bob.LastSeq });
            if (i % 3 == 0)
                await host.Stop();
            else
                await host.Kill();
            host.Launch();
            await host.WaitUntilReady();
        }
        await bob.Acknowledges(20);
        await bob.Stop();

        var (connections, memberships) = await CheckAgainstLog(session, convoId, bob);
        Assert.True(connections > Restarts);
        Assert.Equal(2, memberships);
        var strangers = await session.Do("followed", "stranger");
        Assert.Empty(strangers.GetProperty("events").EnumerateArray());
        Assert.True(strangers.GetProperty("connections").GetInt32() > 1);
        var (code, report) = await host.Run("verify-audit");
        Assert.True(code == 0, report);
    }

    [SkippableTheory]
    [InlineData(StorageProvider.Sqlite)]
    [InlineData(StorageProvider.PostgreSql)]
    [Trait("Category", "Slow")]
    public async Task Of_two_hosts_over_one_database_either_may_be_killed_and_its_subscribers_go_on_with_the_other(
        StorageProvider provider
    )
    {
        TsClient.Require();
        await using var first = await HostProcess.Start(HostFixture.NoLimits, await DatabaseServers.Of(provider));
        await using var second = await first.StartAnother();
        HostProcess[] hosts = [first, second];
        await using var session = TsSession.Start(second.Url);
        var convoId = await AliceFollowsBob(session, [first.Url, second.Url]);
        var bob = new Sender(session, convoId);
        var visited = new HashSet<int>();
        for (var i = 1; i <= Restarts; i++)
        {
            await bob.Acknowledges(20);
            var at = (await session.Do("followed", "alice", new { convoId, logSeq = bob.LastSeq }))
                .GetProperty("at")
                .GetInt32();
            visited.Add(at);
            await hosts[at].Kill();
            // Where bob's host stays up, he goes on, and the other host takes over whatever the killed one did.
            if (at == 0)
            {
                await bob.Acknowledges(20);
                await session.Do("followed", "alice", new { convoId, logSeq = bob.LastSeq });
            }
            hosts[at].Launch();
            await hosts[at].WaitUntilReady();
        }
        await bob.Stop();
        Assert.Equal([0, 1], visited.Order());
        var (connections, _) = await CheckAgainstLog(session, convoId, bob);
        Assert.True(connections > Restarts);
        var (code, report) = await first.Run("verify-audit");
        Assert.True(code == 0, report);
    }

    private static async Task<string> AliceFollowsBob(TsSession session, Uri[] hosts)
    {
        await session.Do("device", "alice");
        await session.Do("device", "bob");
        var convoId = (await session.Do("createConvo", "alice")).GetProperty("convoId").GetString()!;
        await session.Do("addMembers", "alice", new { convoId, users = new[] { "bob" } });
        await session.Do("acceptWelcomes", "bob");
        await session.Do(
            "follow",
            "alice",
            new { cursor = "0", urls = hosts.Select(url => url.ToString().TrimEnd('/')) }
        );
        return convoId;
    }

    /// <summary>What alice was told is the conversation's log, each entry once and in its order.</summary>
    private async Task<(int Connections, int Memberships)> CheckAgainstLog(
        TsSession session,
        string convoId,
        Sender bob
    )
    {
        var log = (await session.Do("log", "bob", new { convoId }))
            .GetProperty("log")
            .EnumerateArray()
            .Select(Entry)
            .ToList();
        Assert.True(log.Count >= bob.Acknowledged);
        var followed = await session.Do("followed", "alice", new { convoId, logSeq = log[^1].Seq });
        var events = followed.GetProperty("events").EnumerateArray().ToList();
        var connections = followed.GetProperty("connections").GetInt32();
        output.WriteLine(
            $"{log.Count} log entries, {events.Count} events, {connections} connections, {bob.Cut} requests cut"
        );
        Assert.Equal(
            log,
            events
                .Where(one => one.TryGetProperty("logSeq", out _))
                .Select(one =>
                    (
                        one.GetProperty("logSeq").GetInt64(),
                        one.GetProperty("type").GetString()!,
                        one.GetProperty("epoch").GetInt64()
                    )
                )
        );
        var seqs = events.Select(one => one.GetProperty("seq").GetInt64()).ToList();
        Assert.Equal(seqs.Distinct().Order(), seqs);
        return (connections, events.Count(one => one.GetProperty("type").GetString() == "membership"));

        static (long Seq, string Kind, long Epoch) Entry(JsonElement entry) =>
            (
                entry.GetProperty("seq").GetInt64(),
                entry.GetProperty("kind").GetString()!,
                entry.GetProperty("epoch").GetInt64()
            );
    }

    /// <summary>Bob, who sends messages and commits without pause, whatever becomes of the host.</summary>
    private sealed class Sender
    {
        private readonly TsSession _session;
        private readonly string _convoId;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _sending;
        private int _acknowledged,
            _cut;
        private long _lastSeq;

        public Sender(TsSession session, string convoId)
        {
            (_session, _convoId) = (session, convoId);
            _sending = Task.Run(Send);
        }

        public int Acknowledged => Volatile.Read(ref _acknowledged);
        public int Cut => Volatile.Read(ref _cut);

        /// <summary>The place in the log of what was acknowledged last.</summary>
        public long LastSeq => Volatile.Read(ref _lastSeq);

        /// <summary>Waits for so many more acknowledgements.</summary>
        public async Task Acknowledges(int more)
        {
            var target = Acknowledged + more;
            while (Acknowledged < target)
            {
                if (_sending.IsCompleted)
                    await _sending;
                await Task.Delay(5); // it is sent without a pause
            }
        }

        public async Task Stop()
        {
            await _stop.CancelAsync();
            await _sending;
            _stop.Dispose();
        }

        private async Task Send()
        {
            for (var i = 1; !_stop.IsCancellationRequested; i++)
            {
                var reply =
                    i % 5 == 0
                        ? await _session.Try("update", "bob", new { convoId = _convoId })
                        : await _session.Try("send", "bob", new { convoId = _convoId, text = $"message {i}" });
                if (reply.TryGetProperty("result", out var result))
                {
                    Volatile.Write(ref _lastSeq, result.GetProperty("seq").GetInt64());
                    Interlocked.Increment(ref _acknowledged);
                    continue;
                }
                Assert.Equal("Cut", reply.GetProperty("error").GetString());
                Interlocked.Increment(ref _cut);
                // Whether the commit whose answer was lost had been taken, the log knows.
                while (
                    !(await _session.Try("catchUp", "bob", new { convoId = _convoId })).TryGetProperty("result", out _)
                )
                    await Task.Delay(20); // until a host is there again
            }
        }
    }
}
