namespace MlsConsole.Core.Figures;

/// <summary>What is counted. docs/figures.md defines each of them and the rates that are computed from them.</summary>
/// <remarks>The names are stored in the database; they are never changed.</remarks>
public enum Figure
{
    /// <summary>Requests of all methods.</summary>
    Requests,

    /// <summary>External commits that were judged on their merits (<see cref="Attempt"/>).</summary>
    Attempts,

    /// <summary>Attempts that were accepted.</summary>
    Accepted,

    /// <summary>Attempts for an epoch that was not the current one.</summary>
    Mismatches,

    /// <summary>Attempts that failed by a fault of the service.</summary>
    Faults,

    /// <summary>Attempts that took longer than 500 milliseconds.</summary>
    Over500Milliseconds,

    /// <summary>Attempts that took longer than one second.</summary>
    OverOneSecond,

    /// <summary>External commits that were refused by policy before they were judged.</summary>
    Refused,

    /// <summary>Rejoins by external commit that clients reported as successful.</summary>
    ExternalCommitRejoins,

    /// <summary>Rejoins by the help of a member that clients reported as successful.</summary>
    LegacyRejoins,

    /// <summary>Rejoins that clients reported as failed.</summary>
    FailedRejoins,

    /// <summary>Rejoin episodes that count and have ended.</summary>
    Episodes,

    /// <summary>Of these, the episodes that failed.</summary>
    FailedEpisodes,

    /// <summary>Of these, the episodes whose first attempt ended with EpochMismatch.</summary>
    MismatchedEpisodes,

    /// <summary>Of these, the episodes with an attempt that took longer than 500 milliseconds.</summary>
    EpisodesOver500Milliseconds,

    /// <summary>Of these, the episodes with an attempt that took longer than one second.</summary>
    EpisodesOverOneSecond,

    /// <summary>
    /// Of these, the episodes after which the device came back, or tried to, by the help of a member.
    /// </summary>
    FallbackEpisodes,
}
