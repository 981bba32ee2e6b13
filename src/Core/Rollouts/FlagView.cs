namespace MlsConsole.Core.Rollouts;

/// <summary>For whom a feature is on.</summary>
public enum FlagState
{
    /// <summary>For nobody.</summary>
    Off,

    /// <summary>For everybody.</summary>
    On,

    /// <summary>
    /// For a percentage of all DIDs. A DID for which the feature is on keeps it while the percentage grows.
    /// </summary>
    Percentage,
}

/// <summary>The state of a flag as it was read. It is immutable, so no reader can change it for another one.</summary>
/// <param name="State">For whom the feature is on.</param>
/// <param name="Percentage">0 to 100; it counts only in state <see cref="FlagState.Percentage"/>.</param>
/// <param name="Version">Grows by one with each change.</param>
/// <param name="ChangedAt">When the flag was last changed.</param>
/// <param name="Reason">Why the flag was changed, in the words of whoever changed it.</param>
/// <param name="Actor">Who changed the flag.</param>
public sealed record FlagView(
    FlagState State,
    int Percentage,
    long Version,
    DateTimeOffset ChangedAt,
    string Reason,
    string Actor
)
{
    /// <summary>
    /// Whether the stored state cannot be read at the moment. If so, this is the last known state, or off if none was
    /// ever read.
    /// </summary>
    public bool IsLastKnownGood { get; init; }

    /// <summary>
    /// Whether this is the state that a new database began with: nobody has set the flag yet, so it is no stage of a
    /// rollout.
    /// </summary>
    public bool IsFirst => Version <= 1;

    /// <summary>For whom the feature is on: <c>on</c>, <c>off</c> or <c>10 %</c>.</summary>
    public string Words =>
        State switch
        {
            FlagState.Percentage => $"{Percentage} %",
            FlagState.On => "on",
            _ => "off",
        };

    /// <summary>What somebody else is told who has not seen this version.</summary>
    internal string WordsOfChange() =>
        $"The flag has been changed: version {Version} is {Words}, by {Actor} at {ChangedAt:yyyy-MM-dd HH:mm:ss} UTC, "
        + $"because “{Reason}”.";

    /// <summary>For how many of a hundred accounts the feature is on.</summary>
    public static int ShareOf(FlagState state, int percentage) =>
        state switch
        {
            FlagState.On => 100,
            FlagState.Percentage => percentage,
            _ => 0,
        };

    internal static bool IsValid(FlagState state, int percentage) =>
        Enum.IsDefined(state) && percentage is >= 0 and <= 100;
}
