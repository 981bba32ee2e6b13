using System.Globalization;
using MlsConsole.Core.Figures;
using MudBlazor;

namespace MlsConsole.Dashboard.Overview;

/// <summary>How a figure compares to its target.</summary>
public enum Verdict
{
    /// <summary>Nothing happened in the window.</summary>
    Idle,

    /// <summary>There are too few samples to judge the figure.</summary>
    Few,

    /// <summary>The figure meets its target.</summary>
    Met,

    /// <summary>The figure misses its target.</summary>
    Missed,
}

/// <summary>
/// One tile of the overview: a figure and how it is judged. This file decides all that the overview says; the
/// components only draw it.
/// </summary>
/// <param name="Name">Name of the figure.</param>
/// <param name="Value">The figure as text; a dash if the figure has no value.</param>
/// <param name="Target">The figure's target, or what the figure counts, in words.</param>
/// <param name="Verdict">How the figure compares to its target.</param>
/// <param name="Words">The verdict, and from what it was reached.</param>
/// <param name="Points">The figure over the window, oldest point first; null is a gap.</param>
public sealed record Tile(
    string Name,
    string Value,
    string Target,
    Verdict Verdict,
    string Words,
    IReadOnlyList<double?> Points
)
{
    public string Icon =>
        Verdict switch
        {
            Verdict.Idle => Icons.Material.Filled.Bedtime,
            Verdict.Few => Icons.Material.Filled.HourglassEmpty,
            Verdict.Met => Icons.Material.Filled.CheckCircle,
            _ => Icons.Material.Filled.Warning,
        };

    public string Css =>
        Verdict switch
        {
            Verdict.Met => "good",
            Verdict.Missed => "bad",
            _ => "quiet",
        };
}

/// <summary>
/// Judges the figures of the overview against their targets. What a tile shows is counted over all attempts, as
/// <c>/metrics</c> has it. What it is judged by are the rejoin episodes that count, as everything is that acts: one
/// device that fails again and again spoils the first, but not the second (docs/figures.md).
/// </summary>
internal static class Judgement
{
    /// <summary>The fewest samples that are judged: fewer say nothing about a rate of 99 %.</summary>
    public const int EnoughSamples = 30;

    public const double SuccessTarget = 0.99,
        MismatchTarget = 0.005,
        SlowTarget = 0.01,
        FallbackTarget = 0.01,
        P50Target = 0.3;

    public static IReadOnlyList<Tile> Tiles(FigureSnapshot overview) =>
        [
            Requests(overview),
            Success(overview),
            Mismatches(overview),
            LatencyP50(overview),
            LatencyP99(overview),
            Fallbacks(overview),
        ];

    /// <summary>The sentence at the head of the page, and the verdict on all figures together.</summary>
    public static (string Words, Verdict Verdict) Headline(FigureSnapshot overview, string window)
    {
        if (overview.Submitted == 0)
            return (
                overview.LastAt is { } last
                    ? $"No external commits in the last {window}. The last one was at {last.ToLocalTime():HH:mm:ss}."
                    : $"No external commits in the last {window}.",
                Verdict.Idle
            );
        if (overview.Total.Attempts == 0)
            return (
                $"{overview.Submitted:N0} external commits in the last {window}, all refused by policy.",
                Verdict.Few
            );
        string counts =
            $"{overview.Total.Counts[Figure.Accepted]:N0} of {overview.Total.Attempts:N0} external commits accepted "
            + $"in the last {window}";
        var tiles = Tiles(overview);
        var missed = tiles.Where(tile => tile.Verdict == Verdict.Missed).Select(tile => tile.Name).ToList();
        if (missed.Count > 0)
            return ($"{counts}. Off target: {string.Join(", ", missed)}.", Verdict.Missed);
        return overview.Total.Episodes < EnoughSamples
            ? ($"{counts}; {Samples(overview)}: too few to judge.", Verdict.Few)
            : ($"{counts}. Everything is on target.", Verdict.Met);
    }

    private static Tile Requests(FigureSnapshot overview)
    {
        long refused = overview.Total.Counts[Figure.Refused];
        return new(
            "Requests",
            Count(overview.Submitted),
            refused == 0 ? "external commits submitted" : $"external commits, {refused:N0} refused by policy",
            overview.Submitted == 0 ? Verdict.Idle : Verdict.Met,
            overview.Submitted == 0 ? "Idle" : "",
            Points(overview, rates => rates.Attempts, whereEmpty: 0)
        );
    }

    private static Tile Success(FigureSnapshot overview) =>
        OfEpisodes(
            overview,
            "Success rate",
            Percent(overview.Total.SuccessRate),
            "of attempts; target at least 99 % of rejoins",
            overview.Total.EpisodeSuccessRate,
            static rate => rate >= SuccessTarget,
            "succeeded",
            Points(overview, rates => rates.SuccessRate * 100)
        );

    private static Tile Mismatches(FigureSnapshot overview) =>
        OfEpisodes(
            overview,
            "Epoch mismatches",
            overview.Total.Attempts == 0 ? "–" : Count(overview.Total.Counts[Figure.Mismatches]),
            overview.Total.MismatchRate is { } rate
                ? $"{Percent(rate)} of attempts; target at most 0.5 % of rejoins"
                : "target at most 0.5 % of rejoins",
            overview.Total.EpisodeMismatchRate,
            static rate => rate <= MismatchTarget,
            "began with one",
            Points(overview, rates => rates.Attempts == 0 ? null : rates.Counts[Figure.Mismatches])
        );

    private static Tile LatencyP50(FigureSnapshot overview)
    {
        var verdict =
            overview.Total.Attempts == 0 ? Verdict.Idle
            : overview.Total.Attempts < EnoughSamples ? Verdict.Few
            : overview.Total.P50 < P50Target ? Verdict.Met
            : Verdict.Missed;
        return new(
            "Latency P50",
            Milliseconds(overview.Total.P50),
            "of attempts; target below 300 ms",
            verdict,
            verdict switch
            {
                Verdict.Idle => "Idle",
                Verdict.Few => $"n = {overview.Total.Attempts:N0} attempts, not judged",
                Verdict.Met => $"On target: {overview.Total.Attempts:N0} attempts",
                _ => $"Off target: {overview.Total.Attempts:N0} attempts",
            },
            Points(overview, rates => rates.P50 * 1000)
        );
    }

    private static Tile LatencyP99(FigureSnapshot overview) =>
        OfEpisodes(
            overview,
            "Latency P99",
            Milliseconds(overview.Total.P99),
            "of attempts; target at most 1 % of rejoins over 1 s",
            overview.Total.EpisodeSlowRate,
            static rate => rate <= SlowTarget,
            "took longer",
            Points(overview, rates => rates.P99 * 1000)
        );

    private static Tile Fallbacks(FigureSnapshot overview) =>
        OfEpisodes(
            overview,
            "Fallbacks",
            Percent(overview.Total.FallbackRate),
            "of rejoins; target at most 1 %",
            overview.Total.FallbackRate,
            static rate => rate <= FallbackTarget,
            "needed a member",
            Points(overview, rates => rates.FallbackRate * 100)
        );

    /// <summary>A tile that is judged by the share of the rejoin episodes of which something is true.</summary>
    private static Tile OfEpisodes(
        FigureSnapshot overview,
        string name,
        string value,
        string target,
        double? share,
        Func<double, bool> isMet,
        string truth,
        IReadOnlyList<double?> points
    )
    {
        var verdict = share is not { } rate
            ? overview.Total.Attempts == 0
                ? Verdict.Idle
                : Verdict.Few
            : overview.Total.Episodes < EnoughSamples
                ? Verdict.Few
                : isMet(rate)
                    ? Verdict.Met
                    : Verdict.Missed;
        string words = verdict switch
        {
            Verdict.Idle => "Idle",
            Verdict.Few => $"{Samples(overview)}, not judged",
            _ => $"{(verdict == Verdict.Met ? "On target" : "Off target")}: {Percent(share)} of "
                + $"{overview.Total.Episodes:N0} rejoins {truth}",
        };
        return new(name, value, target, verdict, words, points);
    }

    private static string Samples(FigureSnapshot overview) => $"n = {Count(overview.Total.Episodes)} rejoins";

    private static double?[] Points(
        FigureSnapshot overview,
        Func<FigureRates, double?> value,
        double? whereEmpty = null
    ) => [.. overview.Points.Select(point => point.Rates is { } rates ? value(rates) : whereEmpty)];

    internal static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    internal static string Percent(double? rate) =>
        rate is { } value ? (value * 100).ToString("0.##", CultureInfo.InvariantCulture) + " %" : "–";

    internal static string Milliseconds(double? seconds) =>
        seconds is { } value
            ? value < 1
                ? $"{value * 1000:0} ms"
                : $"{value.ToString("0.00", CultureInfo.InvariantCulture)} s"
            : "–";
}
