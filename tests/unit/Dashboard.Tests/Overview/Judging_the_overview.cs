using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Dashboard.Overview;

namespace MlsConsole.Dashboard.Tests;

public class Judging_the_overview
{
    /// <param name="accepted">Attempts that were accepted.</param>
    /// <param name="mismatches">Attempts that ended with EpochMismatch.</param>
    /// <param name="failed">Attempts that broke a rule.</param>
    /// <param name="refused">External commits that policy refused.</param>
    /// <param name="milliseconds">The latency of each attempt.</param>
    /// <param name="episodes">Rejoin episodes that count.</param>
    /// <param name="failedEpisodes">How many of them failed.</param>
    /// <param name="fallbacks">How many of them fell back.</param>
    /// <param name="slow">How many of them had an attempt of more than a second.</param>
    /// <param name="lastAt">When the last external commit was answered.</param>
    public static FigureSnapshot Overview(
        int accepted = 0,
        int mismatches = 0,
        int failed = 0,
        int refused = 0,
        double milliseconds = 10,
        int episodes = 0,
        int failedEpisodes = 0,
        int fallbacks = 0,
        int slow = 0,
        DateTimeOffset? lastAt = null
    )
    {
        var counts = new FigureCounts();
        Add(counts, "accepted", accepted, milliseconds);
        Add(counts, "EpochMismatch", mismatches, milliseconds);
        Add(counts, "InvalidCommit", failed, milliseconds);
        Add(counts, "Unauthorized", refused, milliseconds);
        counts.Add(Figure.Episodes, episodes);
        counts.Add(Figure.FailedEpisodes, failedEpisodes);
        counts.Add(Figure.FallbackEpisodes, fallbacks);
        counts.Add(Figure.EpisodesOverOneSecond, slow);
        return new(
            FigureRange.FiveMinutes,
            DateTimeOffset.UnixEpoch,
            new(counts),
            new Dictionary<Cohort, FigureRates> { [Cohort.Everybody] = new(counts) },
            [],
            [.. counts.Outcomes.Select(one => new OutcomeCount(one.Key.Outcome, one.Key.Reason, one.Value))],
            lastAt,
            [],
            true
        );
    }

    private static void Add(FigureCounts counts, string outcome, int times, double milliseconds)
    {
        for (int i = 0; i < times; i++)
            counts.Add(
                new RequestAnswered
                {
                    At = DateTimeOffset.UnixEpoch,
                    Method = "processExternalCommit",
                    Outcome = outcome,
                    Elapsed = TimeSpan.FromMilliseconds(milliseconds),
                    ElapsedSinceBody = TimeSpan.FromMilliseconds(milliseconds),
                }
            );
    }

    private static Tile Tile(FigureSnapshot overview, string name) =>
        Judgement.Tiles(overview).Single(tile => tile.Name == name);

    [Fact]
    public void Idle_is_a_state_of_its_own_and_never_a_rate()
    {
        var tiles = Judgement.Tiles(Overview());
        Assert.All(tiles, tile => Assert.Equal((Verdict.Idle, "Idle"), (tile.Verdict, tile.Words)));
        Assert.Equal(["0", "–", "–", "–", "–", "–"], tiles.Select(tile => tile.Value));
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
        var overview = Overview(accepted: 11, failed: 1, episodes: 12, failedEpisodes: 1);
        Assert.Equal(
            ("91.67 %", Verdict.Few, "n = 12 rejoins, not judged"),
            (
                Tile(overview, "Success rate").Value,
                Tile(overview, "Success rate").Verdict,
                Tile(overview, "Success rate").Words
            )
        );
        Assert.Equal("n = 12 attempts, not judged", Tile(overview, "Latency P50").Words);
        Assert.Equal(
            ("11 of 12 external commits accepted in the last hour; n = 12 rejoins: too few to judge.", Verdict.Few),
            Judgement.Headline(overview, "hour")
        );
    }

    [Fact]
    public void Good_figures_meet_their_targets()
    {
        var overview = Overview(accepted: 1000, episodes: 900);
        Assert.All(Judgement.Tiles(overview), tile => Assert.Equal(Verdict.Met, tile.Verdict));
        Assert.Equal(["1,000", "100 %", "0"], Judgement.Tiles(overview).Take(3).Select(tile => tile.Value));
        Assert.Equal("On target: 100 % of 900 rejoins succeeded", Tile(overview, "Success rate").Words);
        Assert.Equal(
            ("1,000 of 1,000 external commits accepted in the last hour. Everything is on target.", Verdict.Met),
            Judgement.Headline(overview, "hour")
        );
    }

    [Fact]
    public void Each_missed_target_is_named()
    {
        var overview = Overview(
            accepted: 970,
            mismatches: 20,
            failed: 10,
            milliseconds: 1500,
            episodes: 900,
            failedEpisodes: 10,
            fallbacks: 10,
            slow: 10
        );
        Assert.Equal(
            "970 of 1,000 external commits accepted in the last hour. "
                + "Off target: Success rate, Latency P50, Latency P99, Fallbacks.",
            Judgement.Headline(overview, "hour").Words
        );
        Assert.Equal("Off target: 98.89 % of 900 rejoins succeeded", Tile(overview, "Success rate").Words);
    }

    [Fact]
    public void One_device_that_fails_all_the_time_spoils_no_verdict()
    {
        var overview = Overview(accepted: 100, failed: 60, episodes: 500, failedEpisodes: 1);
        Assert.Equal("62.5 %", Tile(overview, "Success rate").Value);
        Assert.Equal("On target: 99.8 % of 500 rejoins succeeded", Tile(overview, "Success rate").Words);
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
        Assert.Null(overview.Total.SuccessRate);
    }
}
