namespace MlsConsole.E2e;

/// <summary>The Chromium that is installed on the machine; Playwright does not download one of its own.</summary>
internal static class Chromium
{
    private static readonly string[] s_places =
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];

    public static string? Path { get; } =
        Environment.GetEnvironmentVariable("MLSCONSOLE_CHROMIUM") is { Length: > 0 } set
            ? set
            : Array.Find(s_places, File.Exists);

    public static string[] Arguments { get; } =
    [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];

    public static void Require()
    {
        if (Path is not null)
            return;
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "Chromium is not installed.");
        Skip.If(true, "Chromium is not installed.");
    }
}
