using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>The host in Production, reached by TLS, without anything in front of it.</summary>
public sealed class TlsTests
{
    private const string Xrpc = "/xrpc/blue.catbird.mls.getServiceInfo";

    /// <summary>The real libraries of AT Protocol's servers make the tokens, and a TLS of OpenSSL asks.</summary>
    [SkippableFact]
    public async Task On_an_address_that_others_reach_clients_and_operators_have_a_listener_each()
    {
        TsClient.Require();
        using var addresses = await OwnAddresses.Create();
        using var certificates = new TestCertificates();
        var address = addresses.First;
        var (path, keyPath, _) = certificates.WritePem("server", "console.example.com", $"{address}");
        int publicPort = FreePorts.Next(),
            consolePort = FreePorts.Next(),
            directory = FreePorts.Next();
        string clients = $"https://{address}:{publicPort}",
            operators = $"https://console.example.com:{consolePort}";
        await using var host = await HostProcess.Start(ready => new Dictionary<string, string>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["Endpoints__Public"] = clients,
            ["Endpoints__Console"] = $"https://{address}:{consolePort};{ready.ToString().TrimEnd('/')}",
            ["Endpoints__Certificate__Path"] = path,
            ["Endpoints__Certificate__KeyPath"] = keyPath,
            ["Service__Did"] = "did:web:localhost",
            ["Service__PublicUrl"] = clients,
            ["Console__PublicUrl"] = operators,
            ["Identity__PlcDirectory"] = $"http://127.0.0.1:{directory}",
            ["Identity__AllowPrivateHosts"] = "true",
            ["RateLimits__Enabled"] = "true",
        });
        using var client = new TrustingClient(certificates, to: address, from: addresses.Second);
        Assert.Equal((200, "live"), await client.Get($"{clients}/health/live"));
        var (status, text) = await client.Get($"{clients}/.well-known/did.json");
        Assert.Equal(200, status);
        using (var document = JsonDocument.Parse(text))
            Assert.Equal(
                clients,
                document.RootElement.GetProperty("service")[0].GetProperty("serviceEndpoint").GetString()
            );
        Assert.Equal(200, await client.Status($"{operators}/health/ready"));

        foreach (var path404 in (string[])["/", "/metrics", "/health/ready", "/hubs/live", "/console.css", "/api/x"])
        foreach (var named in (string?[])[null, $"console.example.com:{consolePort}"])
            Assert.Equal((path404, 404), (path404, await client.Status(clients + path404, named)));
        foreach (var path404 in (string[])[Xrpc, "/.well-known/did.json", "/health/live"])
        foreach (var named in (string?[])[null, $"{address}:{publicPort}"])
            Assert.Equal((path404, 404), (path404, await client.Status(operators + path404, named)));
        Assert.Equal(200, await client.Status($"{operators}/console.css"));

        Assert.Equal(401, await client.Status(clients + Xrpc));
        Assert.Equal(400, await client.Status(clients + Xrpc, "evil.example"));
        Assert.Equal(400, await client.Status($"{operators}/", "evil.example"));
        Assert.Equal(200, await client.Status($"{clients}/health/live", $"{addresses.Second}"));

        var result = (
            await TsClient.RunTrusting(certificates.RootPath, "accounts", "--url", clients, "--port", $"{directory}")
        )[^1];
        Assert.Equal(4, result.GetProperty("accepted").GetArrayLength());
        Assert.Single(host.Output.Split('\n'), line => line.Contains("are not encrypted: DataProtection:Certificate"));
    }

    /// <summary>The short form is the unit test of the certificate, with a clock that a test moves.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task New_connections_get_a_new_certificate_within_a_minute_and_a_broken_one_never()
    {
        using var certificates = new TestCertificates();
        var (path, keyPath, first) = certificates.WritePem("server", "127.0.0.1");
        var port = FreePorts.Next();
        await using var host = await HostProcess.Start(ready => new Dictionary<string, string>
        {
            ["Endpoints__Public"] = $"https://127.0.0.1:{port}",
            ["Endpoints__Console"] = ready.ToString().TrimEnd('/'),
            ["Endpoints__Certificate__Path"] = path,
            ["Endpoints__Certificate__KeyPath"] = keyPath,
        });
        using var open = new TrustingClient(certificates);
        Assert.Equal(200, await open.Status($"https://127.0.0.1:{port}/health/live"));
        Assert.Equal(first, await Thumbprint(port, certificates));
        var (_, _, second) = certificates.WritePem("server", "127.0.0.1");
        await Until(second);
        // The connection from before goes on.
        Assert.Equal(200, await open.Status($"https://127.0.0.1:{port}/health/live"));
        await File.WriteAllTextAsync(path, "nonsense");
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < TimeSpan.FromSeconds(30); await Task.Delay(1000))
            Assert.Equal(second, await Thumbprint(port, certificates));
        Assert.Single(host.Output.Split('\n'), line => line.Contains("The former certificate stays in force"));
        var (_, _, third) = certificates.WritePem("server", "127.0.0.1");
        await Until(third);

        async Task Until(string thumbprint)
        {
            var waited = Stopwatch.StartNew();
            while (await Thumbprint(port, certificates) != thumbprint)
            {
                Assert.True(waited.Elapsed < TimeSpan.FromMinutes(1), "The certificate is still the former one.");
                await Task.Delay(1000);
            }
        }
    }

    /// <summary>What a new connection is shown.</summary>
    private static async Task<string> Thumbprint(int port, TestCertificates certificates)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(tcp.GetStream());
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "127.0.0.1",
                CertificateChainPolicy = certificates.Trust(),
            }
        );
        using var shown = X509CertificateLoader.LoadCertificate(tls.RemoteCertificate!.GetRawCertData());
        return shown.Thumbprint;
    }
}
