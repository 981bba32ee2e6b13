using System.Text.Json.Nodes;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

public sealed class Service_tokens
{
    private const string Audience = "did:web:mls.example.com";
    private const string Method = "blue.catbird.mls.getGroupInfo";
    private static readonly DateTimeOffset s_now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES256K")]
    public void A_token_in_order_names_its_caller(string algorithm)
    {
        using TestSigner signer = new(algorithm == "ES256" ? EcdsaCurve.P256 : EcdsaCurve.Secp256k1);
        JsonObject claims = signer.Claims(Audience, Method, s_now);
        ServiceToken token = Verify(signer.Token(claims));
        Assert.Equal(signer.Did, token.Issuer);
        Assert.Equal((string?)claims["jti"], token.TokenId);
        Assert.Equal(s_now.AddSeconds(60), token.ExpiresAt);
    }

    /// <summary>Each case changes one claim or header of a token that is in order, and signs again.</summary>
    public static TheoryData<string, string, string?> OneThingChanged =>
        new()
        {
            { "aud", "\"did:web:other.example.com\"", "token-audience" },
            { "aud", "\"did:web:mls.example.com#other\"", "token-audience" },
            { "aud", "\"did:web:mls.example.com.evil.example\"", "token-audience" },
            { "aud", "[\"did:web:mls.example.com\"]", "token-audience" },
            { "aud", "null", "token-audience" },
            { "lxm", "\"blue.catbird.mls.processExternalCommit\"", "token-method" },
            { "lxm", "\"*\"", "token-method" },
            { "lxm", "null", "token-method" },
            { "exp", "1772366399", "token-expired" },
            { "exp", "1772366400", "token-expired" },
            { "exp", "1772366701", "token-lifetime" },
            { "exp", "9999999999999", "token-malformed" },
            { "exp", "1e300", "token-malformed" },
            { "exp", "\"1772366460\"", "token-malformed" },
            { "exp", "null", "token-malformed" },
            { "iat", "1772366500", "token-issued-at" },
            { "iat", "\"x\"", "token-issued-at" },
            { "jti", "null", "token-jti" },
            { "jti", "\"\"", "token-jti" },
            { "jti", "17", "token-jti" },
            { "iss", "null", "token-malformed" },
            { "iss", "\"did:web:unknown.example.com\"", "token-issuer" },
            { "iss", "\"did:key:zDnaembgSGUhZULN2Caob4HLJPaxBh92N7rtH21TErzqf8HQo\"", "token-signature" },
            { "iss", "\"did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc\"", "token-algorithm" },
            { "header.alg", "\"none\"", "token-algorithm" },
            { "header.alg", "\"HS256\"", "token-algorithm" },
            { "header.alg", "\"ES256K\"", "token-algorithm" },
            { "header.alg", "\"ES384\"", "token-algorithm" },
            { "header.alg", "null", "token-malformed" },
            { "header.typ", "\"at+jwt\"", "token-type" },
            { "header.typ", "\"dpop+jwt\"", "token-type" },
            { "header.crit", "[\"b64\"]", "token-malformed" },
        };

    [Theory, MemberData(nameof(OneThingChanged))]
    public void A_token_with_one_thing_wrong_is_refused(string what, string json, string? reason)
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        JsonObject claims = signer.Claims(Audience, Method, s_now);
        JsonObject header = new() { ["typ"] = "JWT", ["alg"] = signer.Algorithm };
        Verify(signer.Token(claims, header));

        bool inHeader = what.StartsWith("header.", StringComparison.Ordinal);
        JsonObject target = inHeader ? header : claims;
        string name = inHeader ? what["header.".Length..] : what;
        if (json == "null")
            target.Remove(name);
        else
            target[name] = JsonNode.Parse(json);

        Assert.Equal(reason, Refusal(signer.Token(claims, header)));
    }

    [Fact]
    public void Exactly_five_minutes_ahead_is_the_most()
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        JsonObject claims = signer.Claims(Audience, Method, s_now);
        claims["exp"] = s_now.ToUnixTimeSeconds() + 300;
        Assert.Equal(s_now.AddMinutes(5), Verify(signer.Token(claims)).ExpiresAt);
    }

    [Fact]
    public void Our_own_fragment_is_our_audience_too()
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        Verify(signer.Token(signer.Claims(Audience + ServiceDocument.Fragment, Method, s_now)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a.b")]
    [InlineData("a.b.c")]
    [InlineData("e30.e30.e30")]
    [InlineData("bnVsbA.bnVsbA.AA")]
    [InlineData("e30=.e30=.AA==")]
    [InlineData("eyJhbGciOiJFUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AA")]
    public void Text_that_is_no_token_is_refused(string text) => Assert.Equal("token-malformed", Refusal(text));

    [Fact]
    public void A_token_of_any_size_is_not_even_read()
    {
        Assert.Equal("token-malformed", Refusal(new string('a', 100_000)));
        Assert.Equal("token-malformed", Refusal(new string('.', 100_000)));
    }

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES256K")]
    public void A_signature_with_any_bit_changed_is_refused(string algorithm)
    {
        using TestSigner signer = new(algorithm == "ES256" ? EcdsaCurve.P256 : EcdsaCurve.Secp256k1);
        JsonObject claims = signer.Claims(Audience, Method, s_now);
        for (int bit = 0; bit < 512; bit += 37)
        {
            int at = bit;
            Assert.Equal(
                "token-signature",
                Refusal(
                    signer.Token(
                        claims,
                        change: signature =>
                        {
                            signature[at / 8] ^= (byte)(1 << (at % 8));
                            return signature;
                        }
                    )
                )
            );
        }
        Assert.Equal("token-signature", Refusal(signer.Token(claims, change: static signature => signature[..63])));
        Assert.Equal("token-signature", Refusal(signer.Token(claims, change: static signature => [.. signature, 0])));
        Assert.Equal("token-signature", Refusal(signer.Token(claims, change: static _ => [])));
        Assert.Equal("token-signature", Refusal(signer.Token(claims, change: static _ => new byte[64])));
    }

    [Fact]
    public void A_payload_that_was_changed_after_signing_is_refused()
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        using TestSigner other = new(EcdsaCurve.P256);
        string[] mine = signer.Token(signer.Claims(Audience, Method, s_now)).Split('.');
        string[] theirs = other.Token(other.Claims(Audience, Method, s_now)).Split('.');
        Assert.Equal("token-signature", Refusal($"{mine[0]}.{mine[1]}.{theirs[2]}"));
        Assert.Equal("token-signature", Refusal($"{mine[0]}.{theirs[1]}.{mine[2]}"));
    }

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES256K")]
    public void The_high_s_twin_is_the_same_token_under_another_text(string algorithm)
    {
        using TestSigner signer = new(algorithm == "ES256" ? EcdsaCurve.P256 : EcdsaCurve.Secp256k1);
        JsonObject claims = signer.Claims(Audience, Method, s_now);
        string low = signer.Token(claims);
        string high = signer.Token(claims, change: signer.Twin);
        Assert.NotEqual(low, high);
        // Both verify, as on the official server; replay sees one key for both.
        Assert.Equal((Verify(low).Issuer, Verify(low).TokenId), (Verify(high).Issuer, Verify(high).TokenId));
    }

    [Fact]
    public void No_word_of_a_refusal_comes_from_the_token()
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        JsonObject claims = signer.Claims("marker-aud", Method, s_now);
        AuthenticationException refusal = Assert.Throws<AuthenticationException>(() => Verify(signer.Token(claims)));
        Assert.DoesNotContain("marker", refusal.Message, StringComparison.Ordinal);
    }

    private static ServiceToken Verify(string token) =>
        ServiceToken
            .VerifyAsync(
                token,
                static aud => aud is Audience or Audience + ServiceDocument.Fragment,
                Method,
                static (did, unfit) => new(unfit is null ? Multikey.FromDidKey(did) : null),
                s_now
            )
            .AsTask()
            .GetAwaiter()
            .GetResult();

    private static string Refusal(string token) => Assert.Throws<AuthenticationException>(() => Verify(token)).Reason;
}
