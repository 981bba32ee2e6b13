using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;

namespace MlsConsole.Core.Tests;

public sealed class Counting_activity : IDisposable
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly ActivityFeed _feed = new();
    private readonly ActivityStatistics _statistics;

    public Counting_activity() => _statistics = new(_feed, _clock);

    public void Dispose() => _statistics.Dispose();

    private void Publish(
        string outcome = "accepted",
        double milliseconds = 10,
        string method = "processExternalCommit",
        string? reason = null
    ) =>
        _feed.Publish(
            new RequestAnswered
            {
                At = _clock.GetUtcNow(),
                Method = method,
                Outcome = outcome,
                Reason = reason,
                Elapsed = TimeSpan.FromMilliseconds(milliseconds),
            }
        );

    private OverviewSnapshot FiveMinutes => _statistics.Snapshot(TimeSpan.FromMinutes(5));

    [Fact]
    public void Nothing_is_nothing_and_no_rate()
    {
        Assert.Equal(
            (0, null, null, null),
            (FiveMinutes.Requests, FiveMinutes.SuccessRate, FiveMinutes.P99, FiveMinutes.LastAt)
        );
        Assert.All(FiveMinutes.Points, point => Assert.Null(point.SuccessRate));
    }

    [Fact]
    public void Attempts_judge_and_policy_refusals_are_apart()
    {
        for (int i = 0; i < 97; i++)
            Publish();
        Publish("EpochMismatch", reason: "stale");
        Publish("InvalidCommit", reason: "path.length");
        Publish("InternalServerError");
        foreach (string outcome in (string[])["Unauthorized", "ExternalCommitsDisabled", "AuthenticationRequired"])
            Publish(outcome);
        Publish(method: "getGroupInfo");
        var at = _clock.GetUtcNow();
        _feed.Publish(
            new AuditEntryAppended
            {
                At = at,
                Action = "commit",
                Outcome = RequestOutcomes.Accepted,
            }
        );
        _feed.Publish(new EventRelayed { At = at, Kind = "Commit" });
        _feed.Publish(new JoinTurnExpired { At = at });
        var overview = FiveMinutes;
        Assert.Equal(
            (103, 100, 97, 1, 3),
            (overview.Requests, overview.Attempts, overview.Accepted, overview.Mismatches, overview.Refused)
        );
        Assert.Equal(0.97, overview.SuccessRate);
        Assert.Equal(new OutcomeCount("accepted", null, 97), overview.Outcomes[0]);
        Assert.Contains(new OutcomeCount("InvalidCommit", "path.length", 1), overview.Outcomes);
        Assert.Equal(104 / 300.0, overview.RequestsPerSecond, 6);
    }

    [Fact]
    public void Quantiles_are_right_to_fifteen_percent()
    {
        for (int i = 1; i <= 1000; i++)
            Publish(milliseconds: i);
        Assert.InRange(FiveMinutes.P50!.Value, 0.5 / 1.15, 0.5 * 1.15);
        Assert.InRange(FiveMinutes.P99!.Value, 0.99 / 1.15, 0.99 * 1.15);
    }

    [Fact]
    public void What_is_older_than_the_window_leaves_it_and_stays_in_the_longer_one()
    {
        Publish();
        _clock.Advance(TimeSpan.FromMinutes(6));
        Publish();
        Assert.Equal(1, FiveMinutes.Requests);
        Assert.Equal(2, _statistics.Snapshot(TimeSpan.FromHours(1)).Requests);
        _clock.Advance(TimeSpan.FromHours(25));
        Assert.Equal(0, _statistics.Snapshot(TimeSpan.FromHours(24)).Requests);
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 12, 6, 0, TimeSpan.Zero), FiveMinutes.LastAt);
    }

    [Fact]
    public void The_version_grows_with_each_record_and_points_sum_to_the_whole()
    {
        long before = _statistics.Version;
        for (int i = 0; i < 10; i++)
        {
            Publish();
            _clock.Advance(TimeSpan.FromSeconds(7));
        }
        Assert.Equal(before + 10, _statistics.Version);
        Assert.Equal(10, FiveMinutes.Points.Sum(point => point.Attempts));
    }

    [Fact]
    public void A_subscriber_that_throws_hurts_nobody_and_one_that_left_hears_nothing()
    {
        int heard = 0;
        using (_feed.Subscribe(_ => throw new InvalidOperationException()))
        using (_feed.Subscribe(_ => heard++))
            Publish();
        Publish();
        Assert.Equal((1, 2), (heard, FiveMinutes.Requests));
    }
}
