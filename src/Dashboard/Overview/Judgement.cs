using System.Globalization;
using MlsConsole.Core.Activity;
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
/// <param name="Samples">How many attempts the figure is computed from.</param>
/// <param name="Verdict">How the figure compares to its target.</param>
/// <param name="Points">The figure over the window, oldest point first; null is a gap.</param>
public sealed record Tile(
    string Name,
    string Value,
    string Target,
    int Samples,
    Verdict Verdict,
    IReadOnlyList<double?> Points
)
{
    public string Words =>
        Verdict switch
        {
            Verdict.Idle => "Idle",
            Verdict.Few => $"n = {Samples}, not judged",
            Verdict.Met => "On target",
            _ => "Off target",
        };

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

/// <summary>Judges the figures of the overview against their targets.</summary>
internal static class Judgement
{
    /// <summary>The fewest attempts that are judged: fewer say nothing about a rate of 99 %.</summary>
    public const int EnoughSamples = 30;

    public const double SuccessTarget = 0.99,
        MismatchTarget = 0.005,
        P50Target = 0.3,
        P99Target = 0.5;

    public static IReadOnlyList<Tile> Tiles(OverviewSnapshot overview) =>
        [
            new(
                "Requests",
                overview.Requests.ToString("N0", CultureInfo.InvariantCulture),
                overview.Refused == 0
                    ? "external commits submitted"
                    : $"external commits, {overview.Refused:N0} refused by policy",
                overview.Attempts,
                overview.Requests == 0 ? Verdict.Idle : Verdict.Met,
                [.. overview.Points.Select(point => (double?)point.Attempts)]
            ),
            new(
                "Success rate",
                Percent(overview.SuccessRate),
                "target at least 99 %",
                overview.Attempts,
                Judge(overview, overview.SuccessRate >= SuccessTarget),
                [.. overview.Points.Select(point => point.SuccessRate * 100)]
            ),
            new(
                "Epoch mismatches",
                overview.Attempts == 0 ? "–" : overview.Mismatches.ToString("N0", CultureInfo.InvariantCulture),
                overview.MismatchRate is { } rate
                    ? $"{Percent(rate)} of attempts, target at most 0.5 %"
                    : "target at most 0.5 % of attempts",
                overview.Attempts,
                Judge(overview, overview.MismatchRate <= MismatchTarget),
                [.. overview.Points.Select(point => point.Attempts == 0 ? (double?)null : point.Mismatches)]
            ),
            new(
                "Latency P50",
                Milliseconds(overview.P50),
                "target below 300 ms",
                overview.Attempts,
                Judge(overview, overview.P50 < P50Target),
                [.. overview.Points.Select(point => point.P50 * 1000)]
            ),
            new(
                "Latency P99",
                Milliseconds(overview.P99),
                "target below 500 ms",
                overview.Attempts,
                Judge(overview, overview.P99 < P99Target),
                [.. overview.Points.Select(point => point.P99 * 1000)]
            ),
        ];

    /// <summary>The sentence at the head of the page, and the verdict on all figures together.</summary>
    public static (string Words, Verdict Verdict) Headline(OverviewSnapshot overview, string window)
    {
        if (overview.Requests == 0)
            return (
                overview.LastAt is { } last
                    ? $"No external commits in the last {window}. The last one was at {last.ToLocalTime():HH:mm:ss}."
                    : $"No external commits in the last {window}.",
                Verdict.Idle
            );
        if (overview.Attempts == 0)
            return (
                $"{overview.Requests:N0} external commits in the last {window}, all refused by policy.",
                Verdict.Few
            );
        string counts = $"{overview.Accepted:N0} of {overview.Attempts:N0} devices rejoined in the last {window}";
        if (overview.Attempts < EnoughSamples)
            return ($"{counts}: too few to judge.", Verdict.Few);
        var missed = Tiles(overview).Where(tile => tile.Verdict == Verdict.Missed).Select(tile => tile.Name).ToList();
        return missed.Count == 0
            ? ($"{counts}. Everything is on target.", Verdict.Met)
            : ($"{counts}. Off target: {string.Join(", ", missed)}.", Verdict.Missed);
    }

    private static Verdict Judge(OverviewSnapshot overview, bool met) =>
        overview.Attempts == 0 ? Verdict.Idle
        : overview.Attempts < EnoughSamples ? Verdict.Few
        : met ? Verdict.Met
        : Verdict.Missed;

    private static string Percent(double? rate) =>
        rate is { } value ? (value * 100).ToString("0.##", CultureInfo.InvariantCulture) + " %" : "–";

    private static string Milliseconds(double? seconds) =>
        seconds is { } value
            ? value < 1
                ? $"{value * 1000:0} ms"
                : $"{value.ToString("0.00", CultureInfo.InvariantCulture)} s"
            : "–";
}
