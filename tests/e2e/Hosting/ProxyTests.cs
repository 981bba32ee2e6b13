using System.Globalization;
using System.Net;
using System.Text.Json;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>The host behind HAProxy, which does the TLS, with the configuration of docs/deployment.md.</summary>
public sealed class ProxyTests
{
    private const string Xrpc = "/xrpc/blue.catbird.mls.getServiceInfo";
    private const int Unauthenticated = 16;

    [SkippableFact]
    public async Task A_journey_passes_through_it_and_forged_headers_of_strangers_change_nothing()
    {
        TsClient.Require();
        HaProxy.Require();
        Skip.IfNot(OperatingSystem.IsLinux(), "Other systems have one loopback address.");
        using var certificates = new TestCertificates();
        int publicPort = FreePorts.Next(),
            publicTls = FreePorts.Next(),
            consoleTls = FreePorts.Next();
        string clients = $"https://127.0.0.1:{publicTls}",
            operators = $"https://127.0.0.1:{consoleTls}";
        await using var host = await HostProcess.Start(ready => new Dictionary<string, string>
        {
            ["Endpoints__Public"] = $"http://127.0.0.1:{publicPort}",
            ["Endpoints__Console"] = ready.ToString().TrimEnd('/'),
            // HAProxy connects from this address, everybody else from another one.
            ["Proxies__Trusted"] = "127.0.0.2",
            ["Service__PublicUrl"] = clients,
            ["Console__PublicUrl"] = operators,
            ["RateLimits__Enabled"] = "true",
            ["RateLimits__Unauthenticated"] = $"{Unauthenticated}",
            ["RateLimits__Window"] = "01:00:00",
        });
        var file = Write(certificates, publicTls, consoleTls, publicPort, host.Url.Port);
        await using var proxy = await HaProxy.Start(file, publicTls, consoleTls);
        using var alice = new TrustingClient(certificates, from: IPAddress.Parse("127.0.0.9"));
        await UntilTheHostIsUp(alice, clients, proxy);

        var (_, text) = await alice.Get($"{clients}/.well-known/did.json");
        using (var document = JsonDocument.Parse(text))
            Assert.Equal(
                clients,
                document.RootElement.GetProperty("service")[0].GetProperty("serviceEndpoint").GetString()
            );
        Assert.Equal(200, await alice.Status($"{operators}/health/ready"));
        Assert.Equal(404, await alice.Status($"{clients}/health/ready"));
        Assert.Equal(404, await alice.Status(operators + Xrpc));
        Assert.Equal(400, await alice.Status(clients + Xrpc, "evil.example"));
        await Journey(new Uri(clients), certificates.RootPath);

        // A stranger who knows the way around the proxy gives a new address with each request, and it counts for none.
        using var stranger = new TrustingClient(certificates, from: IPAddress.Parse("127.0.0.3"));
        for (var i = 0; i <= Unauthenticated; i++)
            Assert.Equal(
                i < Unauthenticated ? 401 : 429,
                await stranger.Status($"http://127.0.0.1:{publicPort}{Xrpc}", headers: Forged($"192.0.2.{i}"))
            );
        // Through the proxy it is the same stranger, whatever the stranger says, and whoever was named is not.
        Assert.Equal(429, await stranger.Status(clients + Xrpc, headers: Forged("192.0.2.200")));
        for (var i = 0; i <= Unauthenticated; i++)
            Assert.Equal(
                i < Unauthenticated ? 401 : 429,
                await alice.Status(clients + Xrpc, headers: Forged(i % 2 == 0 ? "127.0.0.3" : $"192.0.2.{i}"))
            );
        using var bob = new TrustingClient(certificates, from: IPAddress.Parse("127.0.0.10"));
        Assert.Equal(401, await bob.Status(clients + Xrpc));
    }

    /// <summary>Two devices, a Welcome, a rejoin, messages, and events over a WebSocket.</summary>
    private static async Task Journey(Uri url, string authority)
    {
        await using var session = TsSession.Start(url, authority);
        await session.Do("device", "alice");
        await session.Do("device", "bob");
        var convoId = (await session.Do("createConvo", "alice")).GetProperty("convoId").GetString()!;
        await session.Do("addMembers", "alice", new { convoId, users = new[] { "bob" } });
        await session.Do("acceptWelcomes", "bob");
        await session.Do("follow", "alice", new { cursor = "0" });
        await session.Do("loseState", "bob");
        await session.Do("rejoin", "bob", new { convoId });
        await session.Do("catchUp", "alice", new { convoId });
        await session.Do("send", "bob", new { convoId, text = "through the proxy" });
        var received = await session.Do("receive", "alice", new { convoId });
        Assert.Contains("through the proxy", received.ToString(), StringComparison.Ordinal);
        var log = (await session.Do("log", "alice", new { convoId })).GetProperty("log").EnumerateArray().ToList();
        var followed = await session.Do(
            "followed",
            "alice",
            new { convoId, logSeq = log[^1].GetProperty("seq").GetInt64() }
        );
        Assert.Equal(
            log.Count,
            followed.GetProperty("events").EnumerateArray().Count(one => one.TryGetProperty("logSeq", out _))
        );
        Assert.Equal(1, followed.GetProperty("connections").GetInt32());
    }

    /// <summary>The documented configuration with this test's addresses.</summary>
    internal static string Write(
        TestCertificates certificates,
        int publicTls,
        int consoleTls,
        int publicPort,
        int consolePort,
        params string[] names
    )
    {
        var (path, keyPath, _) = certificates.WritePem("proxy", ["127.0.0.1", .. names]);
        var both = Path.Combine(certificates.Folder, "both.pem");
        File.WriteAllText(both, File.ReadAllText(path) + File.ReadAllText(keyPath));
        var text = HaProxy.DocumentedConfiguration();
        foreach (
            var (documented, own) in ((string, string)[])
                [
                    ("/etc/haproxy/mlsconsole.pem", both),
                    ("203.0.113.5:443", $"127.0.0.1:{publicTls}"),
                    ("10.0.0.5:8443", $"127.0.0.1:{consoleTls}"),
                    ("10.0.0.11:8080", $"127.0.0.1:{publicPort} source 127.0.0.2"),
                    ("10.0.0.11:8081", $"127.0.0.1:{consolePort} source 127.0.0.2"),
                    // The limit of files of whoever runs the tests may be low.
                    ("maxconn 20000", "maxconn 100"),
                    ("check port 8081", $"check port {consolePort}"),
                ]
        )
        {
            Assert.Contains(documented, text, StringComparison.Ordinal);
            text = text.Replace(documented, own, StringComparison.Ordinal);
        }
        // The second host of the document is not here.
        text = string.Join('\n', text.Split('\n').Where(static line => !line.Contains("10.0.0.12")));
        var file = Path.Combine(certificates.Folder, "haproxy.cfg");
        File.WriteAllText(file, text);
        return file;
    }

    private static async Task UntilTheHostIsUp(TrustingClient client, string url, HaProxy proxy)
    {
        for (var tries = 0; await client.Status($"{url}/health/live") != 200; tries++)
        {
            Assert.True(tries < 300, $"HAProxy finds no host: {proxy.Output}");
            await Task.Delay(200);
        }
    }

    private static (string, string)[] Forged(string address) =>
        [
            ("X-Forwarded-For", address),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.example"),
            ("Forwarded", string.Create(CultureInfo.InvariantCulture, $"for={address}")),
        ];
}
