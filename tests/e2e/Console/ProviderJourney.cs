using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>People sign in by an OpenID Connect provider that we did not write (npm oidc-provider).</summary>
[Trait("Category", "Browser")]
public sealed class ProviderJourney
{
    [SkippableFact]
    public async Task The_provider_says_who_somebody_is_and_which_role()
    {
        TsClient.Require();
        Chromium.Require();
        int port = FreePorts.Next(),
            own = FreePorts.Next();
        using Process provider = TsClient.StartScript(
            "src/oidc.mjs",
            "--port",
            $"{port}",
            "--callback",
            $"http://localhost:{own}/sign-in/provider/answer"
        );
        _ = provider.StandardError.ReadToEndAsync();
        try
        {
            Assert.Equal("listens", await provider.StandardOutput.ReadLineAsync());
            await using var host = await HostProcess.Start(
                new Dictionary<string, string>(HostFixture.NoLimits)
                {
                    ["Demo__SignIn"] = "false",
                    ["Console__Passwords"] = "false",
                    ["Console__Oidc__Name"] = "Example",
                    ["Console__Oidc__Authority"] = $"http://localhost:{port}",
                    ["Console__Oidc__ClientId"] = "mlsconsole",
                    ["Console__Oidc__ClientSecret"] = "a secret of the test",
                    ["Console__Oidc__Roles__admins"] = "Admin",
                    ["Console__Oidc__Roles__watchers"] = "Viewer",
                },
                url: new Uri($"http://127.0.0.1:{own}")
            );
            using var playwright = await Playwright.CreateAsync();
            await using var browser = await playwright.Chromium.LaunchAsync(
                new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments }
            );
            var admin = await SignInAsync(browser, host, "anna-admins");
            await Assertions.Expect(admin.GetByTestId("who")).ToHaveTextAsync("anna-admins (Admin)");
            var viewer = await SignInAsync(browser, host, "ben-watchers");
            await Assertions.Expect(viewer.GetByTestId("who")).ToHaveTextAsync("ben-watchers (Viewer)");

            // Who has no role here is not let in, and a page of another site is not where anybody ends.
            var stranger = await SignInAsync(browser, host, "eve-strangers");
            await Assertions.Expect(stranger).ToHaveURLAsync(new Regex("/sign-in\\?provider=refused"));
            await Assertions.Expect(stranger.GetByTestId("refused")).ToBeVisibleAsync();
            await Assertions.Expect(stranger.GetByLabel("Password")).ToHaveCountAsync(0);

            // An admin disables somebody whom the provider knows: the open page is signed out, and stays so.
            await admin.GotoAsync(new Uri(host.ConsoleUrl, "/people").ToString());
            await admin
                .GetByTestId("people")
                .Locator("tr", new() { HasText = "ben-watchers" })
                .GetByRole(AriaRole.Button, new() { Name = "Disable" })
                .ClickAsync();
            await Assertions.Expect(viewer).ToHaveURLAsync(new Regex("/sign-in"), new() { Timeout = 5000 });
            Assert.DoesNotContain("exception", host.Output, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            provider.Kill();
        }
    }

    private static async Task<IPage> SignInAsync(IBrowser browser, HostProcess host, string name)
    {
        var page = await (await browser.NewContextAsync()).NewPageAsync();
        await page.GotoAsync(new Uri(host.ConsoleUrl, "/sign-in?return=//evil.example").ToString());
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with Example" }).ClickAsync();
        await page.Locator("input[name=login]").FillAsync(name);
        await page.Locator("input[name=password]").FillAsync("anything");
        await page.Locator("button[type=submit]").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await page.WaitForURLAsync(url =>
            url.StartsWith(host.ConsoleUrl.ToString(), StringComparison.Ordinal)
            && !url.Contains("/answer", StringComparison.Ordinal)
        );
        return page;
    }
}
