using MlsConsole.Core.Activity;
using MlsConsole.Dashboard.Overview;

namespace MlsConsole.Dashboard.Tests;

public class Judging_the_overview
{
    public static OverviewSnapshot Overview(
        int accepted = 0,
        int mismatches = 0,
        int failed = 0,
        int refused = 0,
        double? p50 = 0.01,
        double? p99 = 0.04,
        DateTimeOffset? lastAt = null
    )
    {
        int attempts = accepted + mismatches + failed;
        bool none = attempts == 0;
        return new(
            TimeSpan.FromMinutes(5),
            DateTimeOffset.UnixEpoch,
            attempts + refused,
            attempts,
            accepted,
            mismatches,
            refused,
            none ? null : p50,
            none ? null : p99,
            0.5,
            [],
            [],
            lastAt
        );
    }

    [Fact]
    public void Idle_is_a_state_of_its_own_and_never_a_rate()
    {
        var tiles = Judgement.Tiles(Overview());
        Assert.All(tiles, tile => Assert.Equal(Verdict.Idle, tile.Verdict));
        Assert.Equal(["0", "–", "–", "–", "–"], tiles.Select(tile => tile.Value));
        Assert.Equal("No external commits in the last 5 minutes.", Judgement.Headline(Overview(), "5 minutes").Words);
        Assert.Contains(
            "The last one was at",
            Judgement.Headline(Overview(lastAt: DateTimeOffset.UnixEpoch), "hour").Words,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_few_samples_are_shown_but_not_judged()
    {
        var tiles = Judgement.Tiles(Overview(accepted: 11, failed: 1));
        Assert.All(
            tiles.Skip(1),
            tile => Assert.Equal((Verdict.Few, "n = 12, not judged"), (tile.Verdict, tile.Words))
        );
        Assert.Equal(
            ("11 of 12 devices rejoined in the last hour: too few to judge.", Verdict.Few),
            Judgement.Headline(Overview(accepted: 11, failed: 1), "hour")
        );
    }

    [Fact]
    public void Good_figures_meet_their_targets()
    {
        var overview = Overview(accepted: 1000);
        Assert.All(Judgement.Tiles(overview), tile => Assert.Equal(Verdict.Met, tile.Verdict));
        Assert.Equal(["1,000", "100 %", "0", "10 ms", "40 ms"], Judgement.Tiles(overview).Select(tile => tile.Value));
        Assert.Equal(
            ("1,000 of 1,000 devices rejoined in the last hour. Everything is on target.", Verdict.Met),
            Judgement.Headline(overview, "hour")
        );
    }

    [Fact]
    public void Each_missed_target_is_named()
    {
        var overview = Overview(accepted: 970, mismatches: 20, failed: 10, p99: 1.5);
        Assert.Equal(
            "970 of 1,000 devices rejoined in the last hour. Off target: Success rate, Epoch mismatches, Latency P99.",
            Judgement.Headline(overview, "hour").Words
        );
        Assert.Equal("1.50 s", Judgement.Tiles(overview)[4].Value);
    }

    [Fact]
    public void What_policy_refused_is_counted_apart()
    {
        var overview = Overview(refused: 7);
        Assert.Equal(
            "7 external commits in the last hour, all refused by policy.",
            Judgement.Headline(overview, "hour").Words
        );
        Assert.Equal("external commits, 7 refused by policy", Judgement.Tiles(overview)[0].Target);
        Assert.Null(overview.SuccessRate);
    }
}
