namespace MlsConsole.Core.Figures;

/// <summary>A range of time that ends now.</summary>
/// <param name="Length">
/// Its length. The range is made of 60 slots, of which the last one is running, so what is shown is up to a sixtieth
/// shorter.
/// </param>
public sealed record FigureRange(TimeSpan Length)
{
    public static FigureRange FiveMinutes { get; } = new(TimeSpan.FromMinutes(5));
    public static FigureRange Hour { get; } = new(TimeSpan.FromHours(1));
    public static FigureRange SixHours { get; } = new(TimeSpan.FromHours(6));
    public static FigureRange Day { get; } = new(TimeSpan.FromHours(24));

    public static IReadOnlyList<FigureRange> All { get; } = [FiveMinutes, Hour, SixHours, Day];
}

/// <summary>
/// The figures of some time and some cohorts, as rates and quantiles. Each rate is null where nothing was counted that
/// it could be computed from. docs/figures.md has the formulas.
/// </summary>
/// <param name="Counts">What was counted; it is not changed any more.</param>
public sealed record FigureRates(FigureCounts Counts)
{
    public long Attempts => Counts[Figure.Attempts];

    public long Episodes => Counts[Figure.Episodes];

    /// <summary>Accepted of all attempts, 0 to 1.</summary>
    public double? SuccessRate => Share(Figure.Accepted, Figure.Attempts);

    /// <summary>Epoch mismatches of all attempts, 0 to 1.</summary>
    public double? MismatchRate => Share(Figure.Mismatches, Figure.Attempts);

    /// <summary>The median latency of the attempts, in seconds.</summary>
    public double? P50 => Counts.Latency(0.5);

    /// <summary>The 99th percentile of the attempts' latency, in seconds.</summary>
    public double? P99 => Counts.Latency(0.99);

    /// <summary>Episodes that did not fail, of all episodes that count, 0 to 1.</summary>
    public double? EpisodeSuccessRate => 1 - Share(Figure.FailedEpisodes, Figure.Episodes);

    /// <summary>Episodes whose first attempt ended with EpochMismatch, of all episodes that count, 0 to 1.</summary>
    public double? EpisodeMismatchRate => Share(Figure.MismatchedEpisodes, Figure.Episodes);

    /// <summary>Episodes with an attempt of more than a second, of all episodes that count, 0 to 1.</summary>
    public double? EpisodeSlowRate => Share(Figure.EpisodesOverOneSecond, Figure.Episodes);

    /// <summary>Episodes that fell back to the help of a member, of all episodes that count, 0 to 1.</summary>
    public double? FallbackRate => Share(Figure.FallbackEpisodes, Figure.Episodes);

    private double? Share(Figure part, Figure whole) =>
        Counts[whole] == 0 ? null : (double)Counts[part] / Counts[whole];
}

/// <summary>One slot of a range.</summary>
/// <param name="At">When the slot begins.</param>
/// <param name="Rates">What was counted in it, over all cohorts; null if nothing was.</param>
public sealed record FigurePoint(DateTimeOffset At, FigureRates? Rates);

/// <summary>How many external commits ended with an outcome.</summary>
public sealed record OutcomeCount(string Outcome, string? Reason, long Count);

/// <summary>
/// The figures of a range of time over all hosts. A snapshot is immutable: all pages, the hub and the guards of a host
/// read the same one.
/// </summary>
/// <param name="Range">The range, which ends at <paramref name="TakenAt"/>.</param>
/// <param name="TakenAt">When the snapshot was taken.</param>
/// <param name="Total">The figures over all cohorts.</param>
/// <param name="Cohorts">The figures of each cohort of which something was counted.</param>
/// <param name="Points">The slots of the range, oldest first.</param>
/// <param name="Outcomes">The outcomes of all external commits, the most frequent first.</param>
/// <param name="LastAt">
/// When the last external commit was answered that is known, to five seconds where another host answered it; null if
/// none is known.
/// </param>
/// <param name="Hosts">The hosts whose figures are in it, with the age of each.</param>
/// <param name="IsComplete">
/// Whether all that is stored has been read: false for the first moments of a host, and while the database cannot be
/// read.
/// </param>
public sealed record FigureSnapshot(
    FigureRange Range,
    DateTimeOffset TakenAt,
    FigureRates Total,
    IReadOnlyDictionary<Cohort, FigureRates> Cohorts,
    IReadOnlyList<FigurePoint> Points,
    IReadOnlyList<OutcomeCount> Outcomes,
    DateTimeOffset? LastAt,
    IReadOnlyList<HostView> Hosts,
    bool IsComplete
)
{
    /// <summary>All calls of processExternalCommit.</summary>
    public long Submitted => Total.Counts[Figure.Attempts] + Total.Counts[Figure.Refused];

    /// <summary>Requests of all methods in one second, on average over the range.</summary>
    public double RequestsPerSecond => Total.Counts[Figure.Requests] / Range.Length.TotalSeconds;
}
