using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Playwright;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>
/// A browser uses the console by its public name with TLS: the first admin, a live page, and a passkey, which is bound
/// to the name. Once Kestrel does the TLS, once HAProxy with the configuration of docs/deployment.md.
/// </summary>
[Trait("Category", "Browser")]
public sealed class ConsoleOverTlsTests
{
    private const string Name = "console.example.com";

    [SkippableFact]
    public async Task On_Kestrel_at_an_address_that_is_not_loopback()
    {
        Chromium.Require();
        using var addresses = await OwnAddresses.Create();
        using var certificates = new TestCertificates();
        var (path, keyPath, _) = certificates.WritePem("server", Name, $"{addresses.First}");
        int port = FreePorts.Next();
        await using var host = await HostProcess.Start(ready => new Dictionary<string, string>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["Endpoints__Public"] = $"https://{addresses.First}:{FreePorts.Next()}",
            ["Endpoints__Console"] = $"https://{addresses.First}:{port};{ready.ToString().TrimEnd('/')}",
            ["Endpoints__Certificate__Path"] = path,
            ["Endpoints__Certificate__KeyPath"] = keyPath,
            ["Service__Did"] = "did:web:mls.example.com",
            ["Service__PublicUrl"] = "https://mls.example.com",
            ["Console__PublicUrl"] = $"https://{Name}:{port}",
        });
        await UseTheConsole(host, path, $"{addresses.First}");
    }

    [SkippableFact]
    public async Task Behind_HAProxy()
    {
        Chromium.Require();
        HaProxy.Require();
        Skip.IfNot(OperatingSystem.IsLinux(), "Other systems have one loopback address.");
        using var certificates = new TestCertificates();
        int publicPort = FreePorts.Next(),
            publicTls = FreePorts.Next(),
            consoleTls = FreePorts.Next();
        await using var host = await HostProcess.Start(ready => new Dictionary<string, string>
        {
            ["Demo__SignIn"] = "false",
            ["Endpoints__Public"] = $"http://127.0.0.1:{publicPort}",
            ["Endpoints__Console"] = ready.ToString().TrimEnd('/'),
            ["Proxies__Trusted"] = "127.0.0.2",
            ["Service__PublicUrl"] = $"https://127.0.0.1:{publicTls}",
            ["Console__PublicUrl"] = $"https://{Name}:{consoleTls}",
        });
        string file = ProxyTests.Write(certificates, publicTls, consoleTls, publicPort, host.Url.Port, Name);
        await using var proxy = await HaProxy.Start(file, publicTls, consoleTls);
        using var client = new TrustingClient(certificates);
        for (int tries = 0; await client.Status($"https://127.0.0.1:{consoleTls}/health/ready") != 200; tries++)
        {
            Assert.True(tries < 300, $"HAProxy finds no host: {proxy.Output}");
            await Task.Delay(200);
        }
        await UseTheConsole(host, Path.Combine(certificates.Folder, "proxy.pem"), "127.0.0.1");
    }

    private static async Task UseTheConsole(HostProcess host, string certificate, string address)
    {
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = Chromium.Path,
                Args =
                [
                    .. Chromium.Arguments,
                    $"--host-resolver-rules=MAP {Name} {address}",
                    // This one key is trusted, so that the page counts as one without certificate errors.
                    $"--ignore-certificate-errors-spki-list={HashOf(certificate)}",
                ],
            }
        );
        var context = await browser.NewContextAsync();
        var page = await context.NewPageAsync();
        Uri link = await host.PrintedLinkAsync();
        Assert.Equal((Name, "https"), (link.Host, link.Scheme));
        var answer = await page.GotoAsync(link.ToString());
        Assert.Contains("max-age", (await answer!.AllHeadersAsync())["strict-transport-security"]);
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("anna");
        await page.GetByLabel("Password").FillAsync("a quiet harbour at dawn");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the admin" }).ClickAsync();
        await page.GetByTestId("headline").WaitForAsync(); // by the WebSocket of the live page
        foreach (var cookie in await context.CookiesAsync())
        {
            Assert.StartsWith("__Host-", cookie.Name, StringComparison.Ordinal);
            Assert.True(cookie is { Secure: true, HttpOnly: true, Path: "/" });
        }

        var devTools = await context.NewCDPSessionAsync(page);
        await devTools.SendAsync("WebAuthn.enable");
        await devTools.SendAsync("WebAuthn.addVirtualAuthenticator", SignInJourney.Authenticator);
        await page.GotoAsync(new Uri(link, "/me").ToString());
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByTestId("done")).ToContainTextAsync("passkey is added");
        await page.GetByTestId("sign-out").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.GetByTestId("headline").WaitForAsync();
        Assert.DoesNotContain("exception", host.Output, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The hash of the certificate's public key (RFC 7469 §2.4).</summary>
    private static string HashOf(string certificate)
    {
        using X509Certificate2 own = X509CertificateLoader.LoadCertificateFromFile(certificate);
        return Convert.ToBase64String(SHA256.HashData(own.PublicKey.ExportSubjectPublicKeyInfo()));
    }
}
