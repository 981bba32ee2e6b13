using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using MlsConsole.Host.Startup;
using MlsConsole.TestKit;

namespace MlsConsole.Host.Tests;

/// <summary>Which requests come through to the program, and as whose.</summary>
public sealed class Two_listeners
{
    [Theory]
    [InlineData("/xrpc/blue.catbird.mls.getServiceInfo", true, false)]
    [InlineData("/xrpc", true, false)]
    [InlineData("/.well-known/did.json", true, false)]
    [InlineData("/health/live", true, false)]
    [InlineData("/health/live/", false, false)]
    [InlineData("/XRPC/blue.catbird.mls.getServiceInfo", false, false)]
    [InlineData("/.WELL-KNOWN/did.json", false, false)]
    [InlineData("/.well-known/did.jso%6e", true, false)]
    [InlineData("/xrpcs", false, true)]
    [InlineData("/", false, true)]
    [InlineData("//xrpc/x", false, true)]
    [InlineData("/metrics", false, true)]
    [InlineData("/health/ready", false, true)]
    [InlineData("/hubs/live", false, true)]
    [InlineData("/account/login", false, true)]
    [InlineData("/api/x", false, true)]
    [InlineData("/_framework/blazor.web.js", false, true)]
    [InlineData("/xrpc/../metrics", false, true)]
    public async Task Each_answers_its_own_paths_whatever_host_is_named(string path, bool atPublic, bool atConsole)
    {
        int forClients = FreePorts.Next(),
            forOperators = FreePorts.Next(),
            both = FreePorts.Next();
        await using ListenerHost host = await ListenerHost.Start(
            $"Endpoints:Public=http://127.0.0.1:{forClients};http://127.0.0.1:{both}",
            $"Endpoints:Console=http://127.0.0.1:{forOperators};http://127.0.0.1:{both}"
        );
        foreach (int named in (int[])[forClients, forOperators, both])
        {
            Assert.Equal(atPublic ? 200 : 404, await Status(forClients, path, $"localhost:{named}"));
            Assert.Equal(atConsole ? 200 : 404, await Status(forOperators, path, $"localhost:{named}"));
            Assert.Equal(200, await Status(both, path, $"localhost:{named}"));
        }
    }

    [Fact]
    public async Task Hosts_that_are_not_allowed_get_400_but_for_health_checks()
    {
        int port = FreePorts.Next();
        await using ListenerHost host = await ListenerHost.Start(
            $"Endpoints:Public=http://127.0.0.1:{port}",
            $"Endpoints:Console=http://127.0.0.1:{port}",
            "Service:PublicUrl=https://mls.example.com",
            "Console:PublicUrl=https://console.example.com:8443",
            "Endpoints:AllowedHosts=*.internal"
        );
        foreach (
            string allowed in (string[])
                ["mls.example.com", "MLS.example.com:1", "console.example.com", "a.internal", "127.0.0.1", "[::1]:2"]
        )
            Assert.Equal((allowed, 200), (allowed, await Status(port, "/", allowed)));
        foreach (
            string refused in (string[])
                ["evil.example", "mls.example.com.evil.example", "evilmls.example.com", "192.0.2.1", "internal", ""]
        )
        {
            Assert.Equal((refused, 400), (refused, await Status(port, "/", refused)));
            Assert.Equal((refused, 400), (refused, await Status(port, "/xrpc/a.b.c", refused)));
            Assert.Equal((refused, 200), (refused, await Status(port, "/health/live", refused)));
            Assert.Equal((refused, 200), (refused, await Status(port, "/health/ready", refused)));
        }
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1 http localhost")]
    [InlineData("192.0.2.0/24", "127.0.0.1 http localhost")]
    // The proxy's word, and no further.
    [InlineData("127.0.0.1", "203.0.113.9 https mls.example.com", "198.51.100.1, 203.0.113.9", "mls.example.com")]
    // Two proxies in a row.
    [InlineData(
        "127.0.0.0/8 10.0.0.7",
        "203.0.113.9 https mls.example.com",
        "203.0.113.9, 10.0.0.7",
        "mls.example.com"
    )]
    // A host that is not allowed is not taken over.
    [InlineData("127.0.0.1", "203.0.113.9 https localhost", "203.0.113.9", "evil.example")]
    // Strangers, and nobody at all, are not believed.
    [InlineData("192.0.2.0/24", "127.0.0.1 http localhost", "203.0.113.9", "mls.example.com")]
    [InlineData("", "127.0.0.1 http localhost", "203.0.113.9", "mls.example.com")]
    public async Task Only_a_trusted_proxy_says_who_asks(
        string trusted,
        string seen,
        string? forwardedFor = null,
        string? forwardedHost = null
    )
    {
        int port = FreePorts.Next();
        await using ListenerHost host = await ListenerHost.Start(
            $"URLS=http://127.0.0.1:{port}",
            $"Proxies:Trusted={trusted}",
            "Service:PublicUrl=https://mls.example.com"
        );
        string head = "GET / HTTP/1.1";
        if (forwardedFor is not null)
            head += $"\nX-Forwarded-For: {forwardedFor}\nX-Forwarded-Proto: https\nX-Forwarded-Host: {forwardedHost}";
        RawAnswer answer = await RawHttp.Send(new Uri($"http://127.0.0.1:{port}"), head);
        Assert.Contains(seen, answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_tls_a_client_gets_the_whole_chain_and_both_versions_of_http()
    {
        using TestCertificates certificates = new();
        var (path, keyPath, _) = certificates.WritePem("server", "mls.example.com", "127.0.0.1");
        int port = FreePorts.Next(),
            other = FreePorts.Next();
        await using ListenerHost host = await ListenerHost.Start(
            $"Endpoints:Public=https://127.0.0.1:{port}",
            $"Endpoints:Console=https://127.0.0.1:{port};https://127.0.0.1:{other}",
            $"Endpoints:Certificate:Path={path}",
            $"Endpoints:Certificate:KeyPath={keyPath}"
        );
        using SocketsHttpHandler handler = new() { SslOptions = { CertificateChainPolicy = certificates.Trust() } };
        using HttpClient client = new(handler);
        foreach (Version version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            using HttpRequestMessage request = new(HttpMethod.Get, $"https://127.0.0.1:{port}/xrpc/a.b.c")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using HttpResponseMessage answer = await client.SendAsync(request);
            Assert.Equal(version, answer.Version);
            Assert.Equal($"127.0.0.1 https 127.0.0.1:{port}", await answer.Content.ReadAsStringAsync());
            using HttpRequestMessage elsewhere = new(HttpMethod.Get, $"https://127.0.0.1:{other}/xrpc/a.b.c")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using HttpResponseMessage refused = await client.SendAsync(elsewhere);
            Assert.Equal((version, HttpStatusCode.NotFound), (refused.Version, refused.StatusCode));
        }
    }

    [Fact]
    public async Task Addresses_of_ASP_NET_Core_take_the_certificate_too()
    {
        using TestCertificates certificates = new();
        var (path, _) = certificates.WritePfx("server", "secret", "127.0.0.1");
        int port = FreePorts.Next();
        await using ListenerHost host = await ListenerHost.Start(
            $"URLS=https://127.0.0.1:{port}",
            $"Endpoints:Certificate:Path={path}",
            "Endpoints:Certificate:Password=secret"
        );
        using SocketsHttpHandler handler = new() { SslOptions = { CertificateChainPolicy = certificates.Trust() } };
        using HttpClient client = new(handler);
        Assert.EndsWith(
            $":{port}",
            await client.GetStringAsync($"https://127.0.0.1:{port}/"),
            StringComparison.Ordinal
        );
        await Assert.ThrowsAsync<ConfigurationException>(() =>
            ListenerHost.Start(
                $"URLS=https://127.0.0.1:{FreePorts.Next()}",
                $"Endpoints:Certificate:Path={path}",
                "Endpoints:Certificate:Password=wrong"
            )
        );
    }

    [Fact]
    public async Task Connections_are_bounded_and_headers_have_their_time()
    {
        int port = FreePorts.Next();
        await using ListenerHost host = await ListenerHost.Start(
            $"URLS=http://127.0.0.1:{port}",
            "Limits:Connections=2",
            "Limits:WebSockets=3",
            "Limits:HeadersTimeout=00:00:01",
            "Limits:MinimumBodyRate=100",
            "Limits:BodyGracePeriod=00:00:07",
            "Limits:KeepAlive=00:01:00"
        );
        KestrelServerLimits limits = host.Limits;
        Assert.Equal((2L, 3L), (limits.MaxConcurrentConnections, limits.MaxConcurrentUpgradedConnections));
        Assert.Equal(
            (TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)),
            (limits.RequestHeadersTimeout, limits.KeepAliveTimeout)
        );
        foreach (MinDataRate? rate in (MinDataRate?[])[limits.MinRequestBodyDataRate, limits.MinResponseDataRate])
            Assert.Equal((100d, TimeSpan.FromSeconds(7)), (rate!.BytesPerSecond, rate.GracePeriod));

        using System.Net.Sockets.TcpClient first = new(),
            second = new(),
            third = new();
        byte[] buffer = new byte[1000];
        await first.ConnectAsync(IPAddress.Loopback, port);
        await second.ConnectAsync(IPAddress.Loopback, port);
        await second.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
        Assert.NotEqual(0, await second.GetStream().ReadAsync(buffer));
        await third.ConnectAsync(IPAddress.Loopback, port);
        try
        {
            Assert.Equal(0, await third.GetStream().ReadAsync(buffer));
        }
        catch (IOException)
        {
            // A reset is as good as a close.
        }
        // Headers that never end.
        await first.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n"u8.ToArray());
        int read = await first.GetStream().ReadAsync(buffer);
        Assert.StartsWith(
            "HTTP/1.1 408 ",
            System.Text.Encoding.ASCII.GetString(buffer, 0, read),
            StringComparison.Ordinal
        );
    }

    private static async Task<int> Status(int port, string path, string host)
    {
        using System.Net.Sockets.TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using System.Net.Sockets.NetworkStream stream = client.GetStream();
        await stream.WriteAsync(
            System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        );
        using MemoryStream answer = new();
        await stream.CopyToAsync(answer);
        return RawAnswer.Parse(answer.ToArray()).Status;
    }
}
