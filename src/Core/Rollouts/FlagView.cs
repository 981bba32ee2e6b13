namespace MlsConsole.Core.Rollouts;

/// <summary>For whom a feature is on.</summary>
public enum FlagState
{
    /// <summary>For nobody.</summary>
    Off,

    /// <summary>For everybody.</summary>
    On,

    /// <summary>For a percentage of all DIDs; a DID that is in stays in while the percentage grows.</summary>
    Percentage,
}

/// <summary>The state of a flag as it was read: immutable, so that no reader can change it for another.</summary>
/// <param name="State">For whom it is on.</param>
/// <param name="Percentage">0 to 100; it counts only in state <see cref="FlagState.Percentage"/>.</param>
/// <param name="Version">Grows by one with each change.</param>
/// <param name="ChangedAt">When it was last changed.</param>
/// <param name="Reason">Why, in the words of who changed it.</param>
/// <param name="Actor">Who changed it.</param>
public sealed record FlagView(
    FlagState State,
    int Percentage,
    long Version,
    DateTimeOffset ChangedAt,
    string Reason,
    string Actor
)
{
    /// <summary>The stored state cannot be read at the moment: this is the last one known, or off if none ever was.</summary>
    public bool IsLastKnownGood { get; init; }

    internal static bool IsValid(FlagState state, int percentage) =>
        Enum.IsDefined(state) && percentage is >= 0 and <= 100;
}
