using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;

namespace MlsConsole.Core.Tests;

public class Counting_refusals
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
