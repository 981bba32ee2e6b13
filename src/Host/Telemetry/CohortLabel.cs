using MlsConsole.Core;

namespace MlsConsole.Host.Telemetry;

/// <summary>The label of metrics that says which part of the rollout the caller was in.</summary>
internal static class CohortLabel
{
    /// <summary>The name of the label.</summary>
    private const string Name = "cohort";

    /// <summary>All cohorts, so that every series can exist from the start.</summary>
    public static IReadOnlyList<Cohort> All { get; } = Enum.GetValues<Cohort>();

    public static KeyValuePair<string, object?> Of(Cohort cohort) =>
        new(
            Name,
            cohort switch
            {
                Cohort.Nobody => "nobody",
                Cohort.OutsidePercentage => "outside_percentage",
                Cohort.InsidePercentage => "inside_percentage",
                Cohort.Everybody => "everybody",
                _ => "not_evaluated",
            }
        );
}
