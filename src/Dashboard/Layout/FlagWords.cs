using MlsConsole.Core.Rollouts;
using MudBlazor;

namespace MlsConsole.Dashboard.Layout;

/// <summary>The flag's state as people see it.</summary>
/// <param name="Words">For whom external commits are on.</param>
/// <param name="Icon">The icon's SVG content.</param>
/// <param name="Css">The class that gives the colour.</param>
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
