namespace MlsConsole.Core.Rollouts;

/// <summary>
/// A change of the flag is refused, and nothing was written: its author had seen another version than the stored one,
/// so somebody else has changed the flag meanwhile. Whoever still wants the change sends it with the stored version.
/// </summary>
/// <param name="stored">What the other author made of the flag: state, version, who, when and why.</param>
public sealed class FlagOvertakenException(FlagView stored)
    : RefusedException(Refusal.VersionMismatch(stored.WordsOfChange()))
{
    /// <summary>The state that is stored.</summary>
    public FlagView Stored { get; } = stored;
}
