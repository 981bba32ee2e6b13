namespace MlsConsole.Core.Rollouts;

/// <summary>
/// A version of the flag that this host has taken over: from then on its answers follow that version.
/// </summary>
/// <param name="View">The version.</param>
/// <param name="At">When the host took it over, by its own clock.</param>
/// <param name="AtStart">Whether it is the version that the host found when it started.</param>
internal sealed record FlagTakeover(FlagView View, DateTimeOffset At, bool AtStart)
{
    /// <summary>
    /// The time from the change to the takeover, never negative, whatever the clocks of the hosts say.
    /// </summary>
    public TimeSpan Delay => At > View.ChangedAt ? At - View.ChangedAt : TimeSpan.Zero;
}
