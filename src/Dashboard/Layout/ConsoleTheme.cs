using MudBlazor;

namespace MlsConsole.Dashboard.Layout;

/// <summary>The console's colours and typefaces. Text has a contrast of at least 4.5 : 1 in both palettes.</summary>
internal static class ConsoleTheme
{
    private static readonly string[] s_fonts =
    [
        "Inter",
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "Roboto",
        "Ubuntu",
        "DejaVu Sans",
        "sans-serif",
    ];

    public static MudTheme Theme { get; } =
        new()
        {
            PaletteLight = new PaletteLight
            {
                Primary = "#4338ca",
                Background = "#f5f6fa",
                Surface = "#ffffff",
                AppbarBackground = "#ffffff",
                AppbarText = "#1b1f2a",
                TextPrimary = "#1b1f2a",
                TextSecondary = "#525c70",
                LinesDefault = "#e2e5ee",
                Divider = "#e2e5ee",
                Success = "#0f7a43",
                Warning = "#9a5b00",
                Error = "#b3261e",
                Info = "#0b63a5",
            },
            PaletteDark = new PaletteDark
            {
                Primary = "#a5b4fc",
                Background = "#0f1218",
                Surface = "#171b24",
                AppbarBackground = "#171b24",
                AppbarText = "#e8ebf2",
                TextPrimary = "#e8ebf2",
                TextSecondary = "#a3adc2",
                LinesDefault = "#2a3040",
                Divider = "#2a3040",
                Success = "#5ad08c",
                Warning = "#f0b354",
                Error = "#ff8a80",
                Info = "#7cc0ff",
                PrimaryContrastText = "#12152b",
            },
            Typography = new Typography
            {
                Default = new DefaultTypography { FontFamily = s_fonts, FontSize = "0.9rem" },
            },
            LayoutProperties = new LayoutProperties { DefaultBorderRadius = "10px" },
        };
}
