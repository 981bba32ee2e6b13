using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rollouts;
using Xunit.Abstractions;

namespace MlsConsole.Core.Tests;

/// <summary>Two hosts over one database: who may change the flag, and how soon the other host follows.</summary>
public class Flag_on_two_hosts(ITestOutputHelper output)
{
    [Fact]
    public async Task Of_two_authors_who_saw_one_version_one_changes_the_flag_and_the_other_is_told_what_it_is_now()
    {
        await using var first = await Service.StartAsync();
        await using var second = await first.SecondHostAsync();
        ExternalCommitsFlag[] flags = [first.Get<ExternalCommitsFlag>(), second.Get<ExternalCommitsFlag>()];
        for (long version = 1; version <= 20; version++)
        {
            var outcomes = await Task.WhenAll(
                flags.Select((flag, i) => Task.Run(() => TrySetAsync(flag, i + 1, $"author-{i}", version)))
            );
            FlagView stored = await flags[0].ReadAsync(default);
            Assert.Equal(version + 1, stored.Version);
            FlagView won = Assert.Single(outcomes, outcome => outcome.Overtaken is null).Written!;
            Assert.Equal(stored, won);
            Assert.Equal(stored, Assert.Single(outcomes, outcome => outcome.Overtaken is not null).Overtaken!.Stored);
            // Both hosts follow what won, without another reading.
            Assert.All(flags, flag => Assert.Equal(stored, flag.Current));
        }
        var entries = await first.Get<AuditLog>().LatestAsync(100, default);
        Assert.Equal(20, entries.Count(entry => entry.Action == "setFlag"));
    }

    [Fact]
    public async Task The_author_who_was_overtaken_confirms_with_the_stored_version()
    {
        await using var first = await Service.StartAsync();
        await using var second = await first.SecondHostAsync();
        var flag = first.Get<ExternalCommitsFlag>();
        await second
            .Get<ExternalCommitsFlag>()
            .SetAsync(FlagState.Percentage, 10, "a stage", new("ben", ConsoleRole.Admin), 1);
        var overtaken = await Assert.ThrowsAsync<FlagOvertakenException>(() =>
            flag.SetAsync(FlagState.On, 0, "launch", new("anna", ConsoleRole.Admin), 1)
        );
        Assert.Equal(
            (FlagState.Percentage, 10, 2L, "a stage", "ben"),
            (
                overtaken.Stored.State,
                overtaken.Stored.Percentage,
                overtaken.Stored.Version,
                overtaken.Stored.Reason,
                overtaken.Stored.Actor
            )
        );
        FlagView after = await flag.SetAsync(
            FlagState.On,
            0,
            "launch",
            new("anna", ConsoleRole.Admin),
            overtaken.Stored.Version
        );
        Assert.Equal((FlagState.On, 3L), (after.State, after.Version));
        // A version that does not exist yet is another one too, and "off" in an emergency applies to any.
        await Assert.ThrowsAsync<FlagOvertakenException>(() =>
            flag.SetAsync(FlagState.On, 0, "x", new("anna", ConsoleRole.Admin), 4)
        );
        Assert.Equal(
            4,
            (await flag.SetAsync(FlagState.Off, 0, "trouble", new("anna", ConsoleRole.Admin), null)).Version
        );
    }

    [Fact]
    public async Task A_host_that_nobody_asks_follows_a_change_and_both_say_when()
    {
        FakeTimeProvider clock = new(DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000));
        await using var first = await Service.StartAsync(new() { HostName = "first" }, clock);
        await using var second = await first.SecondHostAsync(new() { HostName = "second" });
        FlagWatch[] watches = [first.Get<FlagWatch>(), second.Get<FlagWatch>()];
        List<FlagTakenOver> told = [];
        using var subscription = second.Get<ActivityFeed>().Subscribe(Keep);
        foreach (var watch in watches)
            await watch.RefreshAsync(default);
        clock.Advance(TimeSpan.FromHours(1));
        await watches[0].RefreshAsync(default);
        // What the hosts found when they started is in force, but says nothing of how soon they followed.
        AssertPropagation(watches[0].Propagation, 1, null, "first", "second");
        Assert.Empty(told);

        await first
            .Get<ExternalCommitsFlag>()
            .SetAsync(FlagState.Off, 0, "trouble", new("anna", ConsoleRole.Admin), null);
        await watches[0].RefreshAsync(default);
        AssertPropagation(watches[0].Propagation, 2, TimeSpan.Zero, "first");
        clock.Advance(TimeSpan.FromMilliseconds(400));
        Assert.Equal(FlagState.On, second.Get<ExternalCommitsFlag>().Current.State);
        await watches[1].RefreshAsync(default);
        Assert.Equal(FlagState.Off, second.Get<ExternalCommitsFlag>().Current.State);
        AssertPropagation(watches[1].Propagation, 2, TimeSpan.FromMilliseconds(400), "first", "second");
        await watches[0].RefreshAsync(default);
        AssertPropagation(watches[0].Propagation, 2, TimeSpan.FromMilliseconds(400), "first", "second");
        Assert.Equal((2L, TimeSpan.FromMilliseconds(400)), Assert.Single(told.Select(one => (one.Version, one.Delay))));

        void Keep(ActivityRecord activity)
        {
            if (activity is FlagTakenOver taken)
                told.Add(taken);
        }
    }

    [Fact]
    public async Task The_sightings_of_a_host_that_starts_again_and_again_and_of_many_versions_are_bounded()
    {
        await using var service = await Service.StartAsync(new() { HostName = "first" });
        for (int i = 0; i < 5; i++)
        {
            await service.Get<FlagWatch>().RefreshAsync(default);
            await using var again = await service.SecondHostAsync(new() { HostName = "first" });
            await again.Get<FlagWatch>().RefreshAsync(default);
        }
        Assert.Equal(1, await SightingsAsync(service));
        for (int i = 0; i < FlagWatch.KeptVersions + 5; i++)
        {
            await service
                .Get<ExternalCommitsFlag>()
                .SetAsync(FlagState.Percentage, i % 100, "x", new("anna", ConsoleRole.Admin), null);
            await service.Get<FlagWatch>().RefreshAsync(default);
        }
        Assert.Equal(FlagWatch.KeptVersions, await SightingsAsync(service));
    }

    [Fact]
    public async Task PostgreSql_notifies_a_waiting_host_of_a_change_and_SQLite_has_no_notifications()
    {
        await using var first = await Service.StartAsync();
        if (!Service.OnPostgreSql)
        {
            await first.Get<FlagWatch>().ListenAsync(() => Assert.Fail("Nobody notifies."), default);
            return;
        }
        await using var second = await first.SecondHostAsync();
        var flag = first.Get<ExternalCommitsFlag>();
        for (int round = 0; round < 2; round++)
        {
            using SemaphoreSlim told = new(0);
            Task listening = second.Get<FlagWatch>().ListenAsync(() => told.Release(), default);
            await told.WaitAsync(); // it listens
            long changedAt = Stopwatch.GetTimestamp();
            await flag.SetAsync(FlagState.Off, 0, "x", new("anna", ConsoleRole.Admin), null);
            await told.WaitAsync();
            output.WriteLine($"Told {Stopwatch.GetElapsedTime(changedAt).TotalMilliseconds:0.0} ms after the call.");
            // A change that is refused notifies nobody: the next one that is told is the accepted one after it.
            await Assert.ThrowsAsync<FlagOvertakenException>(() =>
                flag.SetAsync(FlagState.On, 0, "x", new("anna", ConsoleRole.Admin), 1)
            );
            await flag.SetAsync(FlagState.Off, 0, "x", new("anna", ConsoleRole.Admin), null);
            await told.WaitAsync();
            await first.Database.WriteAsync(
                context =>
                    context.Database.ExecuteSqlAsync(
                        $"""
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND query = {"LISTEN " + FlagWatch.Channel}
                        """
                    ),
                default
            );
            await Assert.ThrowsAnyAsync<Exception>(() => listening);
            Assert.Equal(0, told.CurrentCount);
        }
    }

    [Fact]
    public async Task A_flag_that_cannot_be_read_is_a_failure_of_the_watch_and_the_last_state_stays()
    {
        await using var service = await Service.StartAsync();
        await service.Get<FlagWatch>().RefreshAsync(default);
        await Rename("rollout_flags", "away");
        await Assert.ThrowsAsync<FlagUnreadableException>(() => service.Get<FlagWatch>().RefreshAsync(default));
        var flag = service.Get<ExternalCommitsFlag>();
        Assert.Equal((FlagState.On, true), (flag.Current.State, flag.Current.IsLastKnownGood));
        await Rename("away", "rollout_flags");
        await service.Get<FlagWatch>().RefreshAsync(default);
        Assert.False(flag.Current.IsLastKnownGood);

        Task Rename(string from, string to) => Sql($"ALTER TABLE {from} RENAME TO {to}");

        Task Sql(string sql) =>
            service.Database.WriteAsync(context => context.Database.ExecuteSqlRawAsync(sql), default);
    }

    private static void AssertPropagation(
        FlagPropagation propagation,
        long version,
        TimeSpan? after,
        params string[] hosts
    )
    {
        Assert.Equal((version, after), (propagation.Version, propagation.Delay));
        Assert.Equal(hosts, propagation.Hosts.Order(StringComparer.Ordinal));
    }

    private static async Task<int> SightingsAsync(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<FlagSighting>().CountAsync();
    }

    private static async Task<(FlagView? Written, FlagOvertakenException? Overtaken)> TrySetAsync(
        ExternalCommitsFlag flag,
        int percentage,
        string author,
        long version
    )
    {
        try
        {
            return (
                await flag.SetAsync(FlagState.Percentage, percentage, "x", new(author, ConsoleRole.Admin), version),
                null
            );
        }
        catch (FlagOvertakenException overtaken)
        {
            return (null, overtaken);
        }
    }
}
