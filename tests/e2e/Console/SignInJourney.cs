using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using SimpleBase;

namespace MlsConsole.E2e;

/// <summary>
/// People sign in to a real host in a real browser: by a link, a password, an authenticator, a recovery code and a
/// passkey, on the name for which a passkey works.
/// </summary>
[Trait("Category", "Browser")]
public sealed class SignInJourney : IAsyncLifetime
{
    private const string Password = "a quiet harbour at dawn",
        Other = "seven green umbrellas";

    /// <summary>Within so many milliseconds an open page of a session that has ended has to be signed out.</summary>
    private const float SignedOut = 5000;

    private static readonly Dictionary<string, string> s_settings = new(HostFixture.NoLimits)
    {
        ["Demo__SignIn"] = "false",
        ["Console__SignInsPerMinute"] = "1000",
    };

    /// <summary>An authenticator that Chromium plays: it has keys, and knows its user.</summary>
    internal static readonly Dictionary<string, object> Authenticator = new()
    {
        ["options"] = new Dictionary<string, object>
        {
            ["protocol"] = "ctap2",
            ["transport"] = "internal",
            ["hasResidentKey"] = true,
            ["hasUserVerification"] = true,
            ["isUserVerified"] = true,
        },
    };

    private HostProcess _host = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async Task InitializeAsync()
    {
        if (Chromium.Path is null)
            return; // Each test is skipped with its reason.
        _host = await HostProcess.Start(s_settings);
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
        if (_host is not null)
            await _host.DisposeAsync();
    }

    [SkippableFact]
    public async Task The_first_admin_signs_in_by_every_way()
    {
        Chromium.Require();
        var page = await NewPageAsync();
        await page.GotoAsync(_host.ConsoleUrl.ToString());
        await Assertions.Expect(page.GetByTestId("first-admin")).ToBeVisibleAsync();
        string link = (await _host.PrintedLinkAsync()).ToString();
        await MakeAdminAsync(page, link, "anna");
        await page.GetByTestId("headline").WaitForAsync();
        await Assertions.Expect(page.GetByTestId("who")).ToHaveTextAsync("anna (Admin)");

        // The link works once.
        await page.GotoAsync(link);
        await Assertions.Expect(page.GetByTestId("no-link")).ToBeVisibleAsync();

        // An authenticator, whose codes are asked for from now on.
        await page.GotoAsync(Address("/me"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Set it up" }).ClickAsync();
        string secret = await page.GetByTestId("secret").InnerTextAsync();
        await page.GetByLabel("Code").FillAsync(CodeOf(secret, -1));
        await page.GetByRole(AriaRole.Button, new() { Name = "Confirm" }).ClickAsync();
        string recovery = await page.GetByTestId("recovery-codes").Locator("code").First.InnerTextAsync();
        await SignOutAsync(page);
        await PasswordAsync(page, "anna", Password);
        await page.GetByLabel("Code of your").FillAsync("000000");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByTestId("refused")).ToBeVisibleAsync();
        await page.GetByLabel("Code of your").FillAsync(CodeOf(secret, 0));
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.GetByTestId("headline").WaitForAsync();

        // A recovery code instead, once.
        foreach (bool isFresh in (bool[])[true, false])
        {
            await page.GotoAsync(Address("/me"));
            await SignOutAsync(page);
            await PasswordAsync(page, "anna", Password);
            await page.GetByLabel("Code of your").FillAsync(recovery);
            await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
            if (isFresh)
                await page.GetByTestId("headline").WaitForAsync();
            else
                await Assertions.Expect(page.GetByTestId("refused")).ToBeVisibleAsync();
        }
        await page.GetByLabel("Code of your").FillAsync(CodeOf(secret, 1));
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.GetByTestId("headline").WaitForAsync();

        // A passkey, of an authenticator that Chromium plays.
        var devTools = await page.Context.NewCDPSessionAsync(page);
        await devTools.SendAsync("WebAuthn.enable");
        await devTools.SendAsync("WebAuthn.addVirtualAuthenticator", Authenticator);
        await page.GotoAsync(Address("/me"));
        await page.GetByLabel("Name of the new passkey").FillAsync("laptop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByTestId("done")).ToContainTextAsync("passkey is added");
        await Assertions.Expect(page.GetByTestId("passkeys")).ToContainTextAsync("laptop");
        await SignOutAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.GetByTestId("headline").WaitForAsync();
        await page.GotoAsync(Address("/me"));
        await Assertions.Expect(page.GetByTestId("sessions")).ToContainTextAsync("passkey");
        await ScreenshotsAsync(page, "me");
        Assert.DoesNotContain("exception", _host.Output, StringComparison.OrdinalIgnoreCase);
    }

    [SkippableFact]
    public async Task What_an_admin_changes_signs_the_open_page_of_another_host_out()
    {
        Chromium.Require();
        await using var second = await _host.StartAnother(s_settings);
        var admin = await NewPageAsync();
        await MakeAdminAsync(admin, (await _host.PrintedLinkAsync()).ToString(), "anna");

        // Ben is invited, and opens a live page of the other host.
        var ben = await NewPageAsync();
        string invitation = await InviteAsync(admin, "ben", "Viewer");
        await ben.GotoAsync(On(second, new Uri(invitation).PathAndQuery));
        await ben.GetByLabel("Password").FillAsync(Other);
        await ben.GetByRole(AriaRole.Button, new() { Name = "Choose the password" }).ClickAsync();
        await ben.GetByTestId("headline").WaitForAsync();
        await Assertions.Expect(ben.GetByTestId("who")).ToHaveTextAsync("ben (Viewer)");
        await ben.GotoAsync(On(second, "/people"));
        await Assertions.Expect(ben).ToHaveURLAsync(new Regex("/not-allowed$"));

        // Another role.
        await ben.GotoAsync(On(second, "/"));
        await ben.GetByTestId("headline").WaitForAsync();
        var row = admin.GetByTestId("people").Locator("tr", new() { HasText = "ben" });
        await row.GetByLabel("Role of ben").SelectOptionAsync("Operator");
        await row.GetByRole(AriaRole.Button, new() { Name = "Set" }).ClickAsync();
        await IsSignedOutAsync(ben);

        // A revoked session; the cookie is worth nothing any more.
        await PasswordAsync(ben, "ben", Other);
        await Assertions.Expect(ben.GetByTestId("who")).ToHaveTextAsync("ben (Operator)");
        var cookies = await ben.Context.CookiesAsync();
        await admin.GotoAsync(Address("/people"));
        await admin
            .GetByTestId("sessions")
            .Locator("tr", new() { HasText = "ben" })
            .First.GetByRole(AriaRole.Button, new() { Name = "End" })
            .ClickAsync();
        await IsSignedOutAsync(ben);
        await ben.Context.AddCookiesAsync(
            cookies.Select(cookie => new Cookie
            {
                Name = cookie.Name,
                Value = cookie.Value,
                Url = second.ConsoleUrl.ToString(),
            })
        );
        await ben.GotoAsync(On(second, "/"));
        await Assertions.Expect(ben).ToHaveURLAsync(new Regex("/sign-in"));

        // Disabled, and so signed out.
        await PasswordAsync(ben, "ben", Other);
        await ben.GetByTestId("headline").WaitForAsync();
        await admin.GotoAsync(Address("/people"));
        await ScreenshotsAsync(admin, "people");
        await row.GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();
        await IsSignedOutAsync(ben);
        await PasswordAsync(ben, "ben", Other);
        await Assertions.Expect(ben.GetByTestId("refused")).ToBeVisibleAsync();

        // The last admin stays.
        var own = admin.GetByTestId("people").Locator("tr", new() { HasText = "anna" });
        await own.GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();
        await Assertions.Expect(admin.GetByTestId("refused")).ToContainTextAsync("last admin");
        foreach (var host in (HostProcess[])[_host, second])
            Assert.DoesNotContain("exception", host.Output, StringComparison.OrdinalIgnoreCase);
    }

    [SkippableFact]
    public async Task Everything_but_passkeys_works_without_JavaScript_and_five_wrong_passwords_lock_the_password()
    {
        Chromium.Require();
        var page = await NewPageAsync(javaScript: false);
        await MakeAdminAsync(page, (await _host.PrintedLinkAsync()).ToString(), "anna");
        await page.GotoAsync(Address("/me"));
        await Assertions.Expect(page.GetByTestId("who")).ToHaveTextAsync("anna (Admin)");
        string invitation = await InviteAsync(page, "ben", "Operator");
        await page.GotoAsync(Address("/tokens"));
        await page.GetByLabel("Name").FillAsync("ci");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the token" }).ClickAsync();
        string token = await page.GetByTestId("token").InnerTextAsync();
        using (HttpClient http = new() { BaseAddress = _host.Url })
        {
            http.DefaultRequestHeaders.Authorization = new("Bearer", token);
            Assert.Contains("external_commit", await http.GetStringAsync("metrics"), StringComparison.Ordinal);
            await page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
            await Assertions.Expect(page.GetByTestId("tokens")).ToContainTextAsync("revoked");
            Assert.Equal(401, (int)(await http.GetAsync("metrics")).StatusCode);
        }
        await page.GotoAsync(Address("/me"));
        await SignOutAsync(page);

        await page.GotoAsync(invitation);
        await page.GetByLabel("Password").FillAsync("password1234");
        await page.GetByRole(AriaRole.Button, new() { Name = "Choose the password" }).ClickAsync();
        await Assertions.Expect(page.GetByTestId("refused")).ToContainTextAsync("guessed first");
        await page.GetByLabel("Password").FillAsync(Other);
        await page.GetByRole(AriaRole.Button, new() { Name = "Choose the password" }).ClickAsync();
        await page.GotoAsync(Address("/me"));
        await SignOutAsync(page);

        string? words = null;
        for (int i = 0; i < 6; i++)
        {
            await PasswordAsync(page, "ben", "a wrong password");
            words = await page.GetByTestId("refused").InnerTextAsync();
        }
        await PasswordAsync(page, "ben", Other);
        Assert.Equal(words, await page.GetByTestId("refused").InnerTextAsync());
        await PasswordAsync(page, "nobody", Other);
        Assert.Equal(words, await page.GetByTestId("refused").InnerTextAsync());
        await ScreenshotsAsync(page, "sign-in");

        // An admin's reset opens the lock.
        await PasswordAsync(page, "anna", Password);
        await page.GotoAsync(Address("/people"));
        var row = page.GetByTestId("people").Locator("tr", new() { HasText = "ben" });
        await Assertions.Expect(row).ToContainTextAsync("password locked");
        await row.GetByRole(AriaRole.Button, new() { Name = "Reset" }).ClickAsync();
        string reset = await page.GetByTestId("link").InnerTextAsync();
        await page.GotoAsync(Address("/me"));
        await SignOutAsync(page);
        await page.GotoAsync(reset);
        await page.GetByLabel("Password").FillAsync("eleven quiet turtles");
        await page.GetByRole(AriaRole.Button, new() { Name = "Choose the password" }).ClickAsync();
        await page.GotoAsync(Address("/me"));
        await Assertions.Expect(page.GetByTestId("who")).ToHaveTextAsync("ben (Operator)");
        Assert.DoesNotContain("exception", _host.Output, StringComparison.OrdinalIgnoreCase);
    }

    private string Address(string path) => On(_host, path);

    private static string On(HostProcess host, string path) => new Uri(host.ConsoleUrl, path).ToString();

    private async Task<IPage> NewPageAsync(bool javaScript = true)
    {
        var context = await _browser.NewContextAsync(
            new()
            {
                JavaScriptEnabled = javaScript,
                ViewportSize = new() { Width = 1440, Height = 1000 },
            }
        );
        return await context.NewPageAsync();
    }

    private static async Task MakeAdminAsync(IPage page, string link, string name)
    {
        await page.GotoAsync(link);
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync(name);
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the admin" }).ClickAsync();
        await page.WaitForURLAsync(url => new Uri(url).AbsolutePath == "/");
    }

    private async Task<string> InviteAsync(IPage admin, string name, string role)
    {
        await admin.GotoAsync(Address("/people"));
        await admin.GetByLabel("Name", new() { Exact = true }).FillAsync(name);
        await admin.Locator("select[name=InvitedRole]").SelectOptionAsync(role);
        await admin.GetByRole(AriaRole.Button, new() { Name = "Make an invitation" }).ClickAsync();
        return await admin.GetByTestId("link").InnerTextAsync();
    }

    private async Task PasswordAsync(IPage page, string name, string password)
    {
        if (!page.Url.Contains("/sign-in", StringComparison.Ordinal))
            await page.GotoAsync(Address("/sign-in"));
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync(name);
        await page.GetByLabel("Password").FillAsync(password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
    }

    private static async Task SignOutAsync(IPage page)
    {
        await page.GetByTestId("sign-out").ClickAsync();
        await page.WaitForURLAsync(url => new Uri(url).AbsolutePath == "/sign-in");
    }

    private static Task IsSignedOutAsync(IPage page) =>
        Assertions.Expect(page).ToHaveURLAsync(new Regex("/sign-in"), new() { Timeout = SignedOut });

    /// <summary>Pictures of a page in both themes and two widths, to be looked at.</summary>
    private static async Task ScreenshotsAsync(IPage page, string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "screenshots")).FullName;
        foreach (int width in (int[])[1440, 390])
        foreach (string theme in (string[])["light", "dark"])
        {
            await page.SetViewportSizeAsync(width, 1000);
            await page.Locator("html").EvaluateAsync("(html, theme) => html.dataset.theme = theme", theme);
            await page.ScreenshotAsync(
                new() { Path = Path.Combine(folder, $"{name}-{theme}-{width}.png"), FullPage = true }
            );
        }
        await page.SetViewportSizeAsync(1440, 1000);
    }

    /// <summary>What an authenticator shows (RFC 6238): six digits of HMAC-SHA1 over the half minutes.</summary>
    private static string CodeOf(string secret, int steps)
    {
        byte[] counter = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 30 + steps);
#pragma warning disable CA5350 // RFC 6238 says SHA-1.
        byte[] hash = HMACSHA1.HashData(Base32.Rfc4648.Decode(secret), counter);
#pragma warning restore CA5350
        int offset = hash[^1] & 15;
        int number = BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(offset)) & int.MaxValue;
        return (number % 1_000_000).ToString("000000", CultureInfo.InvariantCulture);
    }
}
