namespace MlsConsole.Core.Figures;

/// <summary>What was counted of one cohort in one step.</summary>
/// <param name="Number">The number of the step: whole times <see cref="Seconds"/> since 1970.</param>
/// <param name="Cohort">The part of the rollout that the callers were in.</param>
/// <param name="Counts">What was counted.</param>
public sealed record FigureStep(long Number, Cohort Cohort, FigureCounts Counts)
{
    /// <summary>The length of a step.</summary>
    public const int Seconds = 5;

    public static long NumberOf(DateTimeOffset at) => Math.DivRem(at.ToUnixTimeSeconds(), Seconds).Quotient;

    public static DateTimeOffset StartOf(long number) => DateTimeOffset.FromUnixTimeSeconds(number * Seconds);
}
