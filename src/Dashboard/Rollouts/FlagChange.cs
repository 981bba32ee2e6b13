using MlsConsole.Core.Rollouts;

namespace MlsConsole.Dashboard.Rollouts;

/// <summary>A change of the flag that a person asks for.</summary>
/// <param name="State">The state that the flag is to have.</param>
/// <param name="Percentage">0 to 100 with <see cref="FlagState.Percentage"/>, else 0.</param>
/// <param name="Reason">Why the person changes the flag; it goes to the audit log.</param>
/// <param name="SeenVersion">The version of the flag that the person saw when asking for the change.</param>
public sealed record FlagChange(FlagState State, int Percentage, string Reason, long SeenVersion)
{
    /// <summary>What the change does, in the words that the person has to confirm.</summary>
    public string Words =>
        State switch
        {
            FlagState.On => "Turn external commits on for everyone",
            FlagState.Percentage => $"Turn external commits on for {Percentage} % of accounts",
            _ => "Turn external commits off for everyone",
        };
}
