using Microsoft.Playwright;

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

    /// <summary>Signs the pages of a browser in to the console.</summary>
    public static async Task SignInAsync(IBrowserContext context, HostProcess host)
    {
        var cookie = await host.SignInAsync();
        await context.AddCookiesAsync([
            new()
            {
                Name = cookie.Name,
                Value = cookie.Value,
                Url = host.Url.ToString(),
            },
        ]);
    }

    /// <summary>A page of a browser that is signed in to the console.</summary>
    public static async Task<IPage> NewPageAsync(IBrowser browser, HostProcess host)
    {
        var context = await browser.NewContextAsync();
        await SignInAsync(context, host);
        return await context.NewPageAsync();
    }

    public static void Require()
    {
        if (Path is not null)
            return;
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "Chromium is not installed.");
        Skip.If(true, "Chromium is not installed.");
    }
}
