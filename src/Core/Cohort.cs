namespace MlsConsole.Core;

/// <summary>Whether the rollout of external commits includes the caller of a request, and by which rule.</summary>
public enum Cohort
{
    /// <summary>The request does not depend on the flag, or its caller was not authenticated.</summary>
    NotEvaluated,

    /// <summary>Excluded: the flag is off for every account.</summary>
    Nobody,

    /// <summary>Excluded: the flag is on for a percentage of the accounts, and this account is outside of it.</summary>
    OutsidePercentage,

    /// <summary>Included: the flag is on for a percentage of the accounts, and this account is inside of it.</summary>
    InsidePercentage,

    /// <summary>Included: the flag is on for every account.</summary>
    Everybody,
}

/// <summary>Questions about cohorts.</summary>
public static class Cohorts
{
    /// <summary>Whether external commits are on for the cohort.</summary>
    public static bool IsIn(this Cohort cohort) => cohort is Cohort.InsidePercentage or Cohort.Everybody;
}
