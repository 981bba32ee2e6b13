using System.Globalization;
using System.Text.Json.Nodes;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

public sealed class Rate_limits : IAsyncLifetime
{
    private const int Queries = 16,
        Procedures = 8,
        Unauthenticated = 10;
    private static readonly string[] s_settings =
    [
        $"--RateLimits:Queries={Queries}",
        $"--RateLimits:Procedures={Procedures}",
        $"--RateLimits:Unauthenticated={Unauthenticated}",
    ];

    private readonly ManualClock _clock = new();
    private readonly TestSigner _alice = new(EcdsaCurve.Secp256k1),
        _bob = new(EcdsaCurve.P256);
    private readonly ProbeHost _host,
        _second;

    public Rate_limits()
    {
        _host = new ProbeHost(null, _clock, s_settings);
        _second = new ProbeHost(_host, _clock, s_settings);
    }

    public async Task InitializeAsync()
    {
        await _host.InitializeAsync();
        await _second.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _second.DisposeAsync();
        await _host.DisposeAsync();
        _alice.Dispose();
        _bob.Dispose();
    }

    [Fact]
    public async Task An_account_has_so_many_requests_of_a_method_in_a_window()
    {
        for (int left = Queries - 1; left >= 0; left--)
        {
            RawAnswer good = await Ask(_alice);
            Assert.Equal(200, good.Status);
            AssertHeaders(good, Queries, left);
        }
        string token = Token(_alice, ProbeHost.Ask);
        _clock.Advance(TimeSpan.FromSeconds(20));
        RawAnswer refused = await Ask(_alice, token: token);
        Assert.Equal((429, "RateLimitExceeded", "40"), (refused.Status, refused.Error, refused.Headers["Retry-After"]));
        AssertHeaders(refused, Queries, 0);

        // Another method, another account: other counts.
        Assert.Equal(200, (await Tell(_alice)).Status);
        Assert.Equal(200, (await Ask(_bob)).Status);

        // In the next window the token that was refused is good: nothing has used it up.
        _clock.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(401, (await Ask(_alice, token: token)).Status); // it has expired meanwhile
        string fresh = Token(_alice, ProbeHost.Ask);
        Assert.Equal(200, (await Ask(_alice, token: fresh)).Status);
        Assert.Equal(401, (await Ask(_alice, token: fresh)).Status);
    }

    [Fact]
    public async Task A_token_that_was_refused_for_the_limit_is_not_used_up()
    {
        for (int i = 0; i < Procedures; i++)
            Assert.Equal(200, (await Tell(_alice)).Status);
        _clock.Advance(TimeSpan.FromSeconds(59));
        string token = Token(_alice, ProbeHost.Tell);
        for (int i = 0; i < 3; i++)
            Assert.Equal(429, (await Tell(_alice, token)).Status);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await Tell(_alice, token)).Status);
        Assert.Equal(401, (await Tell(_alice, token)).Status);
    }

    [Fact]
    public async Task A_replayed_token_counts_for_its_sender_and_not_for_its_issuer()
    {
        string token = Token(_alice, ProbeHost.Tell);
        Assert.Equal(200, (await Tell(_alice, token)).Status);
        for (int i = 0; i < Unauthenticated; i++)
        {
            RawAnswer replayed = await Tell(_alice, token);
            Assert.Equal(401, replayed.Status);
            AssertHeaders(replayed, Unauthenticated, Unauthenticated - 1 - i);
        }
        // From this address nothing goes any more; from another one, alice has lost one request only.
        Assert.Equal(429, (await Tell(_alice, token)).Status);
        _clock.Advance(TimeSpan.FromMinutes(1));
        AssertHeaders(await Tell(_alice), Procedures, Procedures - 1);
    }

    /// <summary>Requests that name nobody, and whether they count for the address.</summary>
    [Theory]
    [InlineData("GET /xrpc/com.example.probe.ask HTTP/1.1", 401, true)]
    [InlineData("GET /xrpc/com.example.probe.ask HTTP/1.1\nAuthorization: Bearer a.b.c", 401, true)]
    [InlineData("GET /xrpc/com.example.unknown HTTP/1.1", 501, true)]
    [InlineData("GET /xrpc/ HTTP/1.1", 400, true)]
    [InlineData(
        "POST /xrpc/com.example.probe.tell HTTP/1.1\nContent-Type: application/json\nContent-Length: 999999999",
        413,
        true
    )]
    [InlineData("GET /xrpc/com.example.unknown HTTP/1.1\nAuthorization: Bearer a.b.c", 501, false)]
    [InlineData(
        "POST /xrpc/com.example.probe.ask HTTP/1.1\nAuthorization: Bearer a.b.c\nContent-Length: 0",
        400,
        false
    )]
    public async Task An_address_has_so_many_requests_without_a_good_token(string head, int status, bool counts)
    {
        for (int i = 0; i < Unauthenticated; i++)
        {
            RawAnswer answer = await RawHttp.Send(_host.Address, head);
            Assert.Equal(status, answer.Status);
            AssertHeaders(answer, Unauthenticated, counts ? Unauthenticated - 1 - i : Unauthenticated);
        }
        RawAnswer next = await RawHttp.Send(_host.Address, head);
        Assert.Equal(counts ? 429 : status, next.Status);
        if (!counts)
            return;
        AssertHeaders(next, Unauthenticated, 0);
        Assert.Equal("60", next.Headers["Retry-After"]);
        // Verifying a token has its price too: a good one waits as well, and is good afterwards.
        string token = Token(_alice, ProbeHost.Ask);
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(429, (await Ask(_alice, token: token)).Status);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(401, (await RawHttp.Send(_host.Address, "GET /xrpc/com.example.probe.ask HTTP/1.1")).Status);
    }

    [Fact]
    public async Task Good_tokens_are_no_burden_of_their_address()
    {
        for (int i = 0; i < Unauthenticated; i++)
            Assert.Equal(200, (await Ask(i % 2 == 0 ? _alice : _bob)).Status);
        AssertHeaders(
            await RawHttp.Send(_host.Address, "GET /xrpc/com.example.probe.ask HTTP/1.1"),
            Unauthenticated,
            Unauthenticated - 1
        );
    }

    [Fact]
    public async Task Two_hosts_over_one_database_count_together()
    {
        int given = 0;
        for (int i = 0; i < 4 * Queries; i++)
            if ((await Ask(_alice, i % 2 == 0 ? _host : _second)).Status == 200)
                given++;
        Assert.InRange(given, Queries, Queries + Queries / 8);
        Assert.Equal(429, (await Ask(_alice)).Status);
        Assert.Equal(429, (await Ask(_alice, _second)).Status);

        for (int i = 0; i < 2 * Unauthenticated; i++)
            await RawHttp.Send((i % 2 == 0 ? _host : _second).Address, $"GET /xrpc/{ProbeHost.Ask} HTTP/1.1");
        foreach (ProbeHost one in (ProbeHost[])[_host, _second])
            Assert.Equal(429, (await RawHttp.Send(one.Address, $"GET /xrpc/{ProbeHost.Ask} HTTP/1.1")).Status);
    }

    [Fact]
    public async Task A_token_used_on_one_host_is_used_on_the_other()
    {
        string token = Token(_alice, ProbeHost.Ask);
        Assert.Equal(200, (await Ask(_alice, _host, token)).Status);
        Assert.Equal(401, (await Ask(_alice, _second, token)).Status);

        JsonObject claims = _bob.Claims("did:web:localhost", ProbeHost.Ask, _clock.GetUtcNow());
        Assert.Equal(200, (await Ask(_bob, _second, _bob.Token(claims))).Status);
        Assert.Equal(401, (await Ask(_bob, _host, _bob.Token(claims, change: _bob.Twin))).Status);
    }

    [Fact]
    public async Task What_a_refusal_is_counted_as_names_nobody()
    {
        List<ActivityRecord> seen = [];
        using (_host.Feed.Subscribe(seen.Add))
        {
            for (int i = 0; i <= Procedures; i++)
                await Tell(_alice);
            for (int i = 0; i <= Unauthenticated; i++)
                await RawHttp.Send(_host.Address, $"GET /xrpc/{ProbeHost.Ask} HTTP/1.1");
        }
        Assert.Equal(
            ["tell account", "unknown address"],
            seen.OfType<RequestAnswered>()
                .Where(static one => one.Outcome == "RateLimitExceeded")
                .Select(static one => $"{one.Method} {one.Reason}")
        );
    }

    [Fact]
    public async Task Behind_a_proxy_the_address_is_the_one_that_the_proxy_saw()
    {
        ProbeHost proxied = new(_host, _clock, [.. s_settings, "--Proxies:Trusted=127.0.0.1"]);
        await proxied.InitializeAsync();
        try
        {
            // What the caller itself sends in front is not looked at.
            async Task<int> From(string address, ProbeHost of) =>
                (
                    await RawHttp.Send(
                        of.Address,
                        $"GET /xrpc/{ProbeHost.Ask} HTTP/1.1\nX-Forwarded-For: {Guid.NewGuid():N}, {address}"
                    )
                ).Status;
            for (int i = 0; i < Unauthenticated; i++)
                Assert.Equal(401, await From("192.0.2.1", proxied));
            Assert.Equal(429, await From("192.0.2.1", proxied));
            Assert.Equal(401, await From("192.0.2.2", proxied));
            // IPv6 by its first half.
            for (int i = 0; i < Unauthenticated; i++)
                Assert.Equal(401, await From($"2001:db8::{i + 1}", proxied));
            Assert.Equal(429, await From("2001:db8::ffff", proxied));
            Assert.Equal(401, await From("2001:db8:0:1::1", proxied));
            // Without the setting the header is a caller's own word.
            for (int i = 0; i < Unauthenticated; i++)
                Assert.Equal(401, await From($"192.0.2.{i}", _host));
            Assert.Equal(429, await From("192.0.2.77", _host));
        }
        finally
        {
            await proxied.DisposeAsync();
        }
    }

    [Fact]
    public async Task Switched_off_nothing_is_counted_and_no_header_says_so()
    {
        ProbeHost off = new(_host, _clock, [.. s_settings, "--RateLimits:Enabled=false"]);
        await off.InitializeAsync();
        try
        {
            for (int i = 0; i < 2 * Queries; i++)
            {
                RawAnswer answer = await Ask(_alice, off);
                Assert.Equal(200, answer.Status);
                Assert.DoesNotContain(
                    answer.Headers.Keys,
                    static name => name.StartsWith("RateLimit", StringComparison.OrdinalIgnoreCase)
                );
            }
        }
        finally
        {
            await off.DisposeAsync();
        }
    }

    private void AssertHeaders(RawAnswer answer, int limit, int remaining)
    {
        long window = _clock.GetUtcNow().ToUnixTimeSeconds() / 60 * 60;
        Assert.Equal(
            (Text(limit), Text(remaining), Text(window + 60), $"{limit};w=60"),
            (
                answer.Headers["RateLimit-Limit"],
                answer.Headers["RateLimit-Remaining"],
                answer.Headers["RateLimit-Reset"],
                answer.Headers["RateLimit-Policy"]
            )
        );
        foreach (
            string header in (string[])
                ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "Retry-After"]
        )
            Assert.Contains(header, answer.Headers["Access-Control-Expose-Headers"], StringComparison.Ordinal);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private string Token(TestSigner signer, string method) =>
        signer.Token(signer.Claims("did:web:localhost", method, _clock.GetUtcNow()));

    private Task<RawAnswer> Ask(TestSigner signer, ProbeHost? of = null, string? token = null) =>
        RawHttp.Send(
            (of ?? _host).Address,
            $"GET /xrpc/{ProbeHost.Ask} HTTP/1.1\nAuthorization: Bearer {token ?? Token(signer, ProbeHost.Ask)}"
        );

    private Task<RawAnswer> Tell(TestSigner signer, string? token = null) =>
        RawHttp.Send(
            _host.Address,
            $"POST /xrpc/{ProbeHost.Tell} HTTP/1.1\nContent-Type: application/json\nContent-Length: 2\n"
                + $"Authorization: Bearer {token ?? Token(signer, ProbeHost.Tell)}",
            "{}"u8.ToArray()
        );
}
