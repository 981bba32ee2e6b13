using MlsConsole.Core.Rollouts;
using MudBlazor;

namespace MlsConsole.Dashboard.Layout;

/// <summary>What the flag's state means to a person: words, icon, colour.</summary>
internal sealed record FlagWords(string Words, string Icon, string Css)
{
    public static FlagWords Of(FlagView flag) =>
        flag.State switch
        {
            FlagState.On => new("on for everyone", Icons.Material.Filled.CheckCircle, "good"),
            FlagState.Percentage => new($"on for {flag.Percentage} %", Icons.Material.Filled.DonutLarge, "note"),
            _ => new("off", Icons.Material.Filled.PauseCircle, "quiet"),
        };
}
