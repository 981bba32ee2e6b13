
using MlsConsole.Core.Rollouts;

namespace MlsConsole.Dashboard.Rollouts;

/// <summary>What a person wants the flag to be, and why.</summary>
public sealed record FlagChange(FlagState State, int Percentage, string Reason)
{
    /// <summary>What the change does, in words to confirm.</summary>
    public string Words =>
        State switch
        {
            FlagState.On => "Turn external commits on for everyone",
            FlagState.Percentage => $"Turn external commits on for {Percentage} % of accounts",
            _ => "Turn external commits off for everyone",
        };
}
