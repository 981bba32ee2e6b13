using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace MlsConsole.E2e;

/// <summary>Every page of the console by the rules of axe-core: wide and light, narrow and dark.</summary>
[Trait("Category", "Browser")]
public sealed class AccessibilityTests
{
    [SkippableFact]
    public async Task No_page_breaks_a_rule()
    {
        Chromium.Require();
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits) { ["Demo__SignIn"] = "false" }
        );
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments }
        );
        List<string> broken = [];
        var page = await (await browser.NewContextAsync()).NewPageAsync();
        Uri link = await host.PrintedLinkAsync();
        await Look("/first-admin");
        await Look(link.PathAndQuery);
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("anna");
        await page.GetByLabel("Password").FillAsync("a quiet harbour at dawn");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the admin" }).ClickAsync();
        await page.GetByTestId("headline").WaitForAsync();
        await Look("/");
        await Look("/people");
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("ben");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make an invitation" }).ClickAsync();
        await Judge("/people with an invitation");
        await Look("/tokens");
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("ci");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the token" }).ClickAsync();
        await Judge("/tokens with a new token");
        await Look("/me");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set it up" }).ClickAsync();
        await page.GetByTestId("secret").WaitForAsync();
        await Judge("/me with a new authenticator");
        await Look("/not-allowed");
        await Look("/nowhere");
        await page.GotoAsync(new Uri(host.ConsoleUrl, "/me").ToString());
        await page.GetByTestId("sign-out").ClickAsync();
        await Judge("/sign-in");
        await Look("/sign-in?ended=1");
        await Look("/sign-in/code");
        await Look("/link");
        Assert.True(broken.Count == 0, string.Join('\n', broken));

        async Task Look(string path)
        {
            await page.GotoAsync(new Uri(host.ConsoleUrl, path).ToString());
            if (path == "/")
                await page.GetByTestId("headline").WaitForAsync();
            await Judge(path);
        }

        async Task Judge(string name)
        {
            foreach (var (width, theme) in ((int, string)[])[(1440, "light"), (390, "dark")])
            {
                await page.SetViewportSizeAsync(width, 1000);
                await page.Locator("html").EvaluateAsync("(html, theme) => html.dataset.theme = theme", theme);
                AxeResult result = await page.RunAxe();
                broken.AddRange(
                    result.Violations.SelectMany(rule =>
                        rule.Nodes.Select(node => $"{name} {theme} {width}: {rule.Id}: {node.Html}")
                    )
                );
                bool isWider = await page.EvaluateAsync<bool>(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                );
                if (isWider)
                    broken.Add($"{name} {theme} {width}: the page is wider than the window");
            }
        }
    }
}
