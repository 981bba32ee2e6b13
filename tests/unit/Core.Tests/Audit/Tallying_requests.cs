using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;

namespace MlsConsole.Core.Tests;

public class Tallying_requests
{
    private readonly FakeTimeProvider _clock = new(new(2026, 3, 1, 12, 0, 10, TimeSpan.Zero));

    [Fact]
    public async Task Refusals_that_anybody_can_cause_are_one_entry_for_each_kind_and_minute()
    {
        await using var service = await Service.StartAsync();
        var feed = new ActivityFeed();
        using var tally = new AuditTally(feed, service.Get<AuditLog>(), _clock);
        for (int i = 0; i < 5; i++)
            Publish(feed, "commit", "AuthenticationRequired", "token-missing");
        Publish(feed, "commit", "AuthenticationRequired", "token-expired");
        Publish(feed, "sendMessage", "RateLimitExceeded", null);
        Publish(feed, "commit", "EpochMismatch", "stale");
        Publish(feed, "commit", RequestOutcomes.Accepted, null);
        await tally.FlushAsync(all: false, default);
        Assert.Empty(await Entries(service)); // the minute is not over
        _clock.Advance(TimeSpan.FromMinutes(1));
        Publish(feed, "commit", "AuthenticationRequired", "token-missing");
        await tally.FlushAsync(all: false, default);
        await tally.FlushAsync(all: false, default);
        DateTimeOffset minute = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(
            [
                (minute, "rate-limited", "sendMessage", "RateLimitExceeded", null, 1),
                (minute, "unauthenticated", "commit", "AuthenticationRequired", "token-expired", 1),
                (minute, "unauthenticated", "commit", "AuthenticationRequired", "token-missing", 5),
            ],
            await Entries(service)
        );
        await tally.FlushAsync(all: true, default);
        Assert.Equal(4, (await Entries(service)).Count);
    }

    [Fact]
    public async Task However_many_kinds_there_are_the_entries_of_a_minute_are_bounded()
    {
        await using var service = await Service.StartAsync();
        var feed = new ActivityFeed();
        using var tally = new AuditTally(feed, service.Get<AuditLog>(), _clock);
        for (int i = 0; i < 1500; i++)
            Publish(feed, "commit", "AuthenticationRequired", $"reason-{i}");
        await tally.FlushAsync(all: true, default);
        var entries = await Entries(service, 2000);
        Assert.Equal((1001, 1500), (entries.Count, entries.Sum(entry => entry.Times)));
        Assert.Equal(500, entries.Single(entry => entry.Action == "others").Times);
    }

    [Fact]
    public async Task Readings_that_succeed_and_faults_are_counted_whoever_made_the_requests()
    {
        await using var service = await Service.StartAsync();
        var feed = new ActivityFeed();
        using var tally = new AuditTally(feed, service.Get<AuditLog>(), _clock);
        for (int i = 0; i < 3; i++)
            Publish(feed, "getGroupInfo", RequestOutcomes.Accepted, null);
        Publish(feed, "getCommits", RequestOutcomes.Accepted, null);
        Publish(feed, "getMessages", RequestOutcomes.Accepted, null);
        Publish(feed, "commit", RequestOutcomes.InternalServerError, null);
        Publish(feed, "commit", RequestOutcomes.InternalServerError, null);
        Publish(feed, "commit", RequestOutcomes.NotEnoughResources, null);
        Publish(feed, "getGroupInfo", RequestOutcomes.RequestAborted, null);
        await tally.FlushAsync(all: true, default);
        Assert.Equal(
            [
                ("counted", "commit", "InternalServerError", 2),
                ("counted", "getCommits", "accepted", 1),
                ("counted", "getGroupInfo", "accepted", 3),
            ],
            (await Entries(service))
                .Select(entry => (entry.Actor, entry.Action, entry.Outcome, entry.Times))
                .OrderBy(entry => entry.Action, StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task What_cannot_be_written_waits_and_nothing_is_written_twice()
    {
        await using var service = await Service.StartAsync();
        var feed = new ActivityFeed();
        using var tally = new AuditTally(feed, service.Get<AuditLog>(), _clock);
        for (int i = 0; i < 3; i++)
            Publish(feed, "commit", RequestOutcomes.InternalServerError, null);
        await Rename("audit", "away");
        await Assert.ThrowsAnyAsync<Exception>(() => tally.FlushAsync(all: true, default));
        Publish(feed, "commit", RequestOutcomes.InternalServerError, null);
        await Rename("away", "audit");
        await Task.WhenAll(tally.FlushAsync(all: true, default), tally.FlushAsync(all: true, default));
        Assert.Equal(4, Assert.Single(await Entries(service)).Times);

        Task Rename(string from, string to) => Sql($"ALTER TABLE {from} RENAME TO {to}");

        Task Sql(string sql) =>
            service.Database.WriteAsync(context => context.Database.ExecuteSqlRawAsync(sql), default);
    }

    [Fact]
    public async Task While_the_database_cannot_be_written_the_memory_for_the_counts_is_bounded()
    {
        await using var service = await Service.StartAsync();
        var feed = new ActivityFeed();
        using var tally = new AuditTally(feed, service.Get<AuditLog>(), _clock);
        for (int i = 0; i < 3000; i++)
        {
            Publish(feed, "commit", "AuthenticationRequired", $"reason-{i}");
            _clock.Advance(TimeSpan.FromMinutes(1));
        }
        await tally.FlushAsync(all: true, default);
        Assert.Equal(2000, (await Entries(service, 4000)).Count);
    }

    private void Publish(ActivityFeed feed, string method, string outcome, string? reason) =>
        feed.Publish(
            new RequestAnswered
            {
                At = _clock.GetUtcNow(),
                Method = method,
                Outcome = outcome,
                Reason = reason,
                Elapsed = TimeSpan.Zero,
            }
        );

    private static async Task<
        List<(DateTimeOffset At, string Actor, string Action, string Outcome, string? Reason, int Times)>
    > Entries(Service service, int count = 20) =>
        [
            .. (await service.Get<AuditLog>().LatestAsync(count, default))
                .Select(entry => (entry.At, entry.Actor, entry.Action, entry.Outcome, entry.Reason, entry.Times))
                .OrderBy(entry => entry.Actor, StringComparer.Ordinal)
                .ThenBy(entry => entry.Reason, StringComparer.Ordinal),
        ];
}
