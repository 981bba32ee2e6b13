using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>
/// Tokens of accounts whose documents are served over the network, at the door of two hosts over one database.
/// </summary>
public sealed class Negative_tokens : IClassFixture<DidServer>, IDisposable
{
    private const string Method = "blue.catbird.mls.getServiceInfo",
        Audience = "did:web:localhost";

    private readonly DidServer _server;
    private readonly TestHost _host,
        _second;
    private readonly TestSigner _signer = new(EcdsaCurve.Secp256k1);
    private readonly string _did;
    private readonly List<string?> _reasons = [];

    public Negative_tokens(DidServer server)
    {
        _server = server;
        (string, string)[] settings =
        [
            ("Identity:AllowPrivateHosts", "true"),
            ("Identity:PlcDirectory", _server.Address.ToString()),
        ];
        _host = new TestHost(null, settings);
        _second = new TestHost(_host, settings);
        _did = _server.Web(Guid.NewGuid().ToString("N"));
        _server.Publish(_did, DidServer.Document(_did, _signer.Multikey));
        foreach (TestHost one in (TestHost[])[_host, _second])
            one.Services.GetRequiredService<ActivityFeed>()
                .Subscribe(activity =>
                {
                    if (activity is RequestAnswered request)
                        _reasons.Add(request.Reason);
                });
    }

    public void Dispose()
    {
        _second.Dispose();
        _host.Dispose();
        _signer.Dispose();
    }

    /// <summary>One thing changed in a token that is accepted, and the reason for which it is refused.</summary>
    public static TheoryData<string, string, string> OneThingWrong =>
        new()
        {
            { "aud", "did:web:other.example.com", "token-audience" },
            { "aud", Audience + "#other", "token-audience" },
            { "aud", Audience + "%3A80", "token-audience" },
            { "lxm", "blue.catbird.mls.getConvos", "token-method" },
            { "lxm", "", "token-method" },
            { "alg", "ES256", "token-algorithm" },
            { "alg", "none", "token-algorithm" },
            { "alg", "HS256", "token-algorithm" },
            { "typ", "at+jwt", "token-type" },
            { "typ", "refresh+jwt", "token-type" },
            { "typ", "dpop+jwt", "token-type" },
            { "exp", "-1", "token-expired" },
            { "exp", "330", "token-lifetime" },
            { "iat", "300", "token-issued-at" },
            { "jti", "", "token-jti" },
            { "iss", "did:web:unknown.localhost%3A1", "token-issuer" },
            { "iss", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "token-issuer" },
            { "iss", "did:example:nobody", "token-issuer" },
            { "iss", "nobody", "token-issuer" },
            { "signature", "", "token-signature" },
        };

    [Theory, MemberData(nameof(OneThingWrong))]
    public async Task A_token_with_one_thing_wrong_is_refused(string what, string value, string reason)
    {
        Assert.Equal(200, await Ask(Token(Claims())));
        JsonObject claims = Claims(),
            header = new() { ["typ"] = "JWT", ["alg"] = _signer.Algorithm };
        if (what is "exp" or "iat")
            claims[what] =
                DateTimeOffset.UtcNow.ToUnixTimeSeconds()
                + long.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
        else if (what is "alg" or "typ")
            header[what] = value;
        else if (what != "signature")
            claims[what] = value;
        Assert.Equal(
            401,
            await Ask(_signer.Token(claims, header, what == "signature" ? static bytes => [.. bytes.Reverse()] : null))
        );
        Assert.Equal([null, reason], _reasons);
    }

    [Fact]
    public async Task No_token_is_no_account()
    {
        Assert.Equal(401, (await RawHttp.Send(_host.Address, $"GET /xrpc/{Method} HTTP/1.1")).Status);
        Assert.Equal(["token-missing"], _reasons);
    }

    [Theory]
    [InlineData(Audience)]
    [InlineData(Audience + ServiceDocument.Fragment)]
    public async Task Our_did_and_our_fragment_are_our_audience(string audience)
    {
        JsonObject claims = Claims();
        claims["aud"] = audience;
        Assert.Equal(200, await Ask(_signer.Token(claims)));
    }

    [Fact]
    public async Task A_token_is_used_once_on_all_hosts_together_and_its_twin_not_at_all()
    {
        JsonObject claims = Claims();
        string token = _signer.Token(claims),
            twin = _signer.Token(claims, change: _signer.Twin);
        Assert.NotEqual(token, twin);
        Assert.Equal(200, await Ask(token));
        foreach (TestHost one in (TestHost[])[_host, _second])
        {
            Assert.Equal(401, await Ask(token, one));
            Assert.Equal(401, await Ask(twin, one));
        }
        Assert.Equal([null, "token-replayed", "token-replayed", "token-replayed", "token-replayed"], _reasons);
        // The same jti of another account is another token.
        using TestSigner other = new(EcdsaCurve.P256);
        claims["iss"] = other.Did;
        Assert.Equal(200, await Ask(other.Token(claims)));
    }

    [Fact]
    public async Task The_high_s_twin_comes_first_as_well()
    {
        JsonObject claims = Claims();
        Assert.Equal(200, await Ask(_signer.Token(claims, change: _signer.Twin)));
        Assert.Equal(401, await Ask(_signer.Token(claims)));
    }

    [Fact]
    public async Task After_a_rotation_the_new_key_is_found_by_one_question_and_the_old_one_is_none()
    {
        // A host that has seen the old key more than a minute ago: a clock of its own.
        ManualClock clock = new();
        HostSettings settings = new()
        {
            ServiceDid = Audience,
            AllowDidKey = false,
            AllowPrivateHosts = true,
        };
        using DidFetcher fetcher = new(settings);
        using DidResolver resolver = new(settings, fetcher, clock);
        ServiceAuthentication authentication = new(settings, resolver, clock);
        Assert.Equal(_did, (await Authenticate(_signer)).Issuer);
        using TestSigner next = new(EcdsaCurve.P256);
        _server.Publish(_did, DidServer.Document(_did, next.Multikey));
        int before = _server.Asked(_did);

        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(_did, (await Authenticate(next)).Issuer);
        Assert.Equal(before + 1, _server.Asked(_did));
        for (int i = 0; i < 50; i++)
            Assert.Equal(
                "token-algorithm",
                (await Assert.ThrowsAsync<AuthenticationException>(async () => await Authenticate(_signer))).Reason
            );
        Assert.Equal(before + 1, _server.Asked(_did));

        ValueTask<ServiceToken> Authenticate(TestSigner by)
        {
            Microsoft.AspNetCore.Http.DefaultHttpContext context = new();
            JsonObject claims = by.Claims(Audience, Method, clock.GetUtcNow());
            claims["iss"] = _did;
            context.Request.Headers.Authorization = $"Bearer {by.Token(claims)}";
            return authentication.AuthenticateAsync(context.Request, Method);
        }
    }

    [Fact]
    public async Task An_account_whose_document_has_no_key_is_refused()
    {
        string keyless = _server.Web(Guid.NewGuid().ToString("N"));
        _server.Publish(keyless, DidServer.Document(keyless, _signer.Multikey, "#other"));
        JsonObject claims = Claims();
        claims["iss"] = keyless;
        Assert.Equal(401, await Ask(_signer.Token(claims)));
        Assert.Equal(["token-issuer"], _reasons);
        Assert.Equal(1, _server.Asked(keyless));
    }

    [Fact]
    public async Task A_host_in_a_private_network_is_not_asked_unless_a_setting_allows_it()
    {
        using TestHost strict = new();
        int before = _server.Asked(_did);
        Assert.Equal(401, await Ask(Token(Claims()), strict));
        Assert.Equal(before, _server.Asked(_did));
        Assert.Equal(200, await Ask(Token(Claims())));
    }

    private JsonObject Claims()
    {
        JsonObject claims = _signer.Claims(Audience, Method, DateTimeOffset.UtcNow);
        claims["iss"] = _did;
        return claims;
    }

    private string Token(JsonObject claims) => _signer.Token(claims);

    private async Task<int> Ask(string token, TestHost? of = null)
    {
        RawAnswer answer = await RawHttp.Send(
            (of ?? _host).Address,
            $"GET /xrpc/{Method} HTTP/1.1\nAuthorization: Bearer {token}"
        );
        if (answer.Status == 401)
            Assert.Equal("AuthenticationRequired", answer.Error);
        return answer.Status;
    }
}
