using System.Globalization;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Playwright;

namespace MlsConsole.E2e;

/// <summary>A person looks at the console in a browser while devices on ts-mls call the service.</summary>
[Trait("Category", "Browser")]
public sealed class ConsoleJourney : IAsyncLifetime
{
    private HostProcess _host = null!;
    private TsSession _session = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async Task InitializeAsync()
    {
        if (!TsClient.Available || Chromium.Path is null)
            return; // Each test is skipped with its reason.
        _host = await HostProcess.Start(HostFixture.NoLimits);
        _session = TsSession.Start(_host.Url);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments }
        );
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_session is not null)
            await _session.DisposeAsync();
        if (_host is not null)
            await _host.DisposeAsync();
    }

    [SkippableFact]
    public async Task The_overview_counts_an_external_commit_without_reload_and_the_flag_is_switched_off_there()
    {
        TsClient.Require();
        Chromium.Require();
        string convo = await AliceAndBob();
        var page = await Open(ColorScheme.Light);
        await Assertions.Expect(page.GetByTestId("headline")).ToContainTextAsync("No external commits");
        await Assertions.Expect(Tile(page, "success-rate")).ToContainTextAsync("Idle");

        await _session.Do("loseState", "bob");
        await _session.Do("rejoin", "bob", new { convoId = convo });
        await CountsWithinTwoSeconds(page, "1");
        await Assertions.Expect(page.GetByTestId("headline")).ToContainTextAsync("1 of 1 external commits accepted");
        await Assertions.Expect(page.GetByText("processExternalCommit").First).ToBeVisibleAsync();
        await Screenshots(page, "light");

        // The person switches the flag off; the form demands a reason.
        await Assertions.Expect(page.GetByTestId("flag-apply")).ToBeDisabledAsync();
        await page.GetByTestId("flag-reason").FillAsync("rehearsal of the kill switch");
        await page.GetByTestId("flag-apply").ClickAsync();
        await page.GetByTestId("flag-confirm").ClickAsync();
        await Assertions.Expect(page.GetByTestId("flag-now")).ToHaveTextAsync("off");
        await Assertions.Expect(page.GetByTestId("flag-state")).ToContainTextAsync("off");

        var refused = await _session.Try("rejoin", "bob", new { convoId = convo });
        Assert.Equal("ExternalCommitsDisabled", refused.GetProperty("error").GetString());
        await Assertions.Expect(page.GetByText("rehearsal of the kill switch").First).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByText("ExternalCommitsDisabled").First).ToBeVisibleAsync();

        var dark = await Open(ColorScheme.Dark);
        await Assertions.Expect(Value(dark, "requests")).ToHaveTextAsync("1");
        await Screenshots(dark, "dark");
    }

    [SkippableFact]
    public async Task The_theme_is_chosen_and_kept()
    {
        TsClient.Require();
        Chromium.Require();
        var page = await Open(ColorScheme.Light);
        await page.GetByRole(AriaRole.Button, new() { Name = "Use the dark theme" }).ClickAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await page.ReloadAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await Assertions
            .Expect(page.GetByRole(AriaRole.Button, new() { Name = "Use the light theme" }))
            .ToBeVisibleAsync();
    }

    [SkippableFact]
    public async Task The_hub_and_the_metrics_say_what_the_page_says()
    {
        TsClient.Require();
        Chromium.Require();
        string convo = await AliceAndBob();
        var heard = new TaskCompletionSource<System.Text.Json.JsonElement>(
            TaskCreationOptions.RunContinuationsAsynchronously
        );
        var cookie = await _host.SignInAsync();
        await using var hub = new HubConnectionBuilder()
            .WithUrl(
                new Uri(_host.Url, "hubs/live"),
                options => options.Cookies.Add(_host.Url, new System.Net.Cookie(cookie.Name, cookie.Value))
            )
            .Build();
        hub.On<System.Text.Json.JsonElement>(
            "overview",
            overview =>
            {
                if (overview.GetProperty("accepted").GetInt32() == 1)
                    heard.TrySetResult(overview);
            }
        );
        await hub.StartAsync();
        await _session.Do("loseState", "bob");
        await _session.Do("rejoin", "bob", new { convoId = convo });
        var said = await heard.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((1, 0), (said.GetProperty("requests").GetInt32(), said.GetProperty("mismatches").GetInt32()));

        using var http = await _host.ConsoleClientAsync();
        string metrics = await http.GetStringAsync(new Uri("metrics", UriKind.Relative));
        Assert.Equal(1, Series(metrics, "external_commit_requests_total"));
        Assert.Equal(1, Series(metrics, "external_commit_success_total"));
        Assert.Equal(0, Series(metrics, "external_commit_epoch_mismatch_total"));
        Assert.Equal(1, Series(metrics, "external_commit_latency_seconds_count"));
        Assert.Contains("le=\"0.5\"", metrics, StringComparison.Ordinal);
    }

    private static double Series(string metrics, string name) =>
        metrics
            .Split('\n')
            .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));

    private async Task<string> AliceAndBob()
    {
        await _session.Do("device", "alice", new { suite = 1 });
        await _session.Do("device", "bob", new { suite = 1 });
        string convo = (await _session.Do("createConvo", "alice")).GetProperty("convoId").GetString()!;
        await _session.Do("addMembers", "alice", new { convoId = convo, users = new[] { "bob" } });
        await _session.Do("acceptWelcomes", "bob");
        return convo;
    }

    private async Task<IPage> Open(ColorScheme theme)
    {
        var context = await _browser.NewContextAsync(
            new()
            {
                ColorScheme = theme,
                ViewportSize = new() { Width = 1440, Height = 1000 },
            }
        );
        await Chromium.SignInAsync(context, _host);
        var page = await context.NewPageAsync();
        await page.GotoAsync(_host.Url.ToString());
        await page.GetByTestId("headline").WaitForAsync();
        return page;
    }

    private static ILocator Tile(IPage page, string name) => page.GetByTestId("tile-" + name);

    private static ILocator Value(IPage page, string name) => Tile(page, name).Locator(".value");

    /// <summary>
    /// Two seconds are what is demanded of the console. Playwright looks again and again until they are over.
    /// </summary>
    private static Task CountsWithinTwoSeconds(IPage page, string count) =>
        Assertions.Expect(Value(page, "requests")).ToHaveTextAsync(count, new() { Timeout = 2000 });

    private static async Task Screenshots(IPage page, string theme)
    {
        string folder = Path.Combine(Repository.Root, "artifacts", "screenshots");
        foreach (int width in (int[])[1440, 480])
        {
            await page.SetViewportSizeAsync(width, 1000);
            await page.ScreenshotAsync(
                new() { Path = Path.Combine(folder, $"overview-{theme}-{width}.png"), FullPage = true }
            );
        }
        await page.SetViewportSizeAsync(1440, 1000);
        // In a narrow window nothing is wider than the window.
        await page.SetViewportSizeAsync(480, 1000);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"));
        await page.SetViewportSizeAsync(1440, 1000);
    }
}
