using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace MlsConsole.Host.Identity;

/// <summary>
/// The verified claims of an AT Protocol service-auth token
/// (<see href="https://atproto.com/specs/xrpc#inter-service-authentication-jwt"/>).
/// An instance exists only for a token whose signature and every claim have been checked. The only check
/// left to the caller is that against replay, keyed by (<see cref="Issuer"/>, <see cref="TokenId"/>).
/// </summary>
internal sealed class ServiceToken
{
    /// <summary>How far ahead a token may expire. This bounds how long a stolen token can be used.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromMinutes(5);

    private const int MaxLength = 8 * 1024;
    private const int MaxTokenIdLength = 256;

    // Callers whose clock is a little ahead of ours must not be locked out.
    private static readonly TimeSpan s_clockSkew = TimeSpan.FromSeconds(30);

    private ServiceToken(string issuer, string tokenId, DateTimeOffset expiresAt) =>
        (Issuer, TokenId, ExpiresAt) = (issuer, tokenId, expiresAt);

    /// <summary>The caller's DID.</summary>
    public string Issuer { get; }

    /// <summary>
    /// The claim <c>jti</c>. The token's text is no key for replay: with the other form of S it is another text.
    /// </summary>
    public string TokenId { get; }

    public DateTimeOffset ExpiresAt { get; }

    /// <summary>Checks a token completely, except for replay.</summary>
    /// <param name="compact">The compact serialisation: three base64url parts.</param>
    /// <param name="audience">Says whether an <c>aud</c> means this service.</param>
    /// <param name="method">The NSID that <c>lxm</c> must equal.</param>
    /// <param name="signingKeyOf">
    /// Returns the issuer's key, or <see langword="null"/> if the DID is unknown. It is called a second time with a key
    /// that did not verify the token, and returns a newer key if there is one.
    /// </param>
    /// <param name="now">The current time.</param>
    /// <exception cref="AuthenticationException">The token is not valid.</exception>
    public static async ValueTask<ServiceToken> VerifyAsync(
        string compact,
        Func<string, bool> audience,
        string method,
        Func<string, EcdsaPublicKey?, ValueTask<EcdsaPublicKey?>> signingKeyOf,
        DateTimeOffset now
    )
    {
        if (compact.Length > MaxLength)
            throw Malformed();
        string[] parts = compact.Split('.');
        if (parts.Length != 3)
            throw Malformed();
        using JsonDocument header = ReadPart(parts[0]);
        using JsonDocument payload = ReadPart(parts[1]);
        byte[] signature = DecodePart(parts[2]);

        string algorithm = RequireHeader(header);
        var (issuer, tokenId, expiresAt) = RequireClaims(payload, audience, method, now);
        EcdsaPublicKey key =
            await signingKeyOf(issuer, null)
            ?? throw new AuthenticationException(
                "token-issuer",
                "The issuer's DID cannot be resolved to a signing key."
            );
        byte[] signed = Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}");
        if (
            Fault(key) is { } fault
            && (await signingKeyOf(issuer, key) is not { } newer || (fault = Fault(newer)) is not null)
        )
            throw fault;
        return new ServiceToken(issuer, tokenId, expiresAt);

        AuthenticationException? Fault(EcdsaPublicKey by)
        {
            // The key decides the algorithm, and the header must agree.
            if (by.JwtAlgorithm != algorithm)
                return new("token-algorithm", "The token's algorithm is not that of the issuer's key.");
            return by.Verify(signed, signature, allowHighS: true)
                ? null
                : new("token-signature", "The token's signature is not the issuer's.");
        }
    }

    /// <summary>Checks the header.</summary>
    /// <returns>The algorithm that the header names.</returns>
    private static string RequireHeader(JsonDocument header)
    {
        string algorithm = Text(header, "alg") ?? throw Malformed();
        if (algorithm is not ("ES256" or "ES256K"))
            throw new AuthenticationException("token-algorithm", "The token's algorithm must be ES256 or ES256K.");
        // Access tokens ("at+jwt"), refresh tokens and DPoP proofs of the same key are no service tokens.
        if (Text(header, "typ") is { } type && !type.Equals("JWT", StringComparison.OrdinalIgnoreCase))
            throw new AuthenticationException("token-type", "The token's type must be JWT.");
        // RFC 7515 §4.1.11: "crit" lists extensions that must be understood, and this service understands none.
        if (header.RootElement.TryGetProperty("crit", out _))
            throw Malformed();
        return algorithm;
    }

    /// <summary>Checks all claims of the payload that need no key.</summary>
    private static (string Issuer, string TokenId, DateTimeOffset ExpiresAt) RequireClaims(
        JsonDocument payload,
        Func<string, bool> audience,
        string method,
        DateTimeOffset now
    )
    {
        string issuer = Text(payload, "iss") ?? throw Malformed();
        string tokenId =
            Text(payload, "jti") ?? throw new AuthenticationException("token-jti", "The token must have a jti.");
        if (tokenId.Length is 0 or > MaxTokenIdLength)
            throw new AuthenticationException("token-jti", "The token's jti must have 1 to 256 characters.");
        if (Text(payload, "aud") is not { } aud || !audience(aud))
            throw new AuthenticationException("token-audience", "The token is meant for another service.");
        if (Text(payload, "lxm") != method)
            throw new AuthenticationException("token-method", "The token is meant for another method.");

        DateTimeOffset expiresAt = Time(payload, "exp") ?? throw Malformed();
        if (expiresAt <= now)
            throw new AuthenticationException("token-expired", "The token has expired.");
        if (expiresAt - now > MaxLifetime)
            throw new AuthenticationException("token-lifetime", "The token must expire at most 5 minutes ahead.");
        if (
            payload.RootElement.TryGetProperty("iat", out _)
            && (Time(payload, "iat") is not { } issuedAt || issuedAt > now + s_clockSkew)
        )
            throw new AuthenticationException("token-issued-at", "The token was issued in the future.");
        return (issuer, tokenId, expiresAt);
    }

    private static AuthenticationException Malformed() => new("token-malformed", "The token is not a service token.");

    private static byte[] DecodePart(string part)
    {
        // Base64Url skips white space and accepts padding, and RFC 7515 §2 allows neither.
        foreach (char c in part)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                throw Malformed();
        try
        {
            return Base64Url.DecodeFromChars(part);
        }
        catch (FormatException)
        {
            throw Malformed();
        }
    }

    private static JsonDocument ReadPart(string part)
    {
        try
        {
            JsonDocument json = JsonDocument.Parse(
                DecodePart(part),
                new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false }
            );
            if (json.RootElement.ValueKind == JsonValueKind.Object)
                return json;
            json.Dispose();
            throw Malformed();
        }
        catch (JsonException)
        {
            throw Malformed();
        }
    }

    private static string? Text(JsonDocument json, string name)
    {
        if (!json.RootElement.TryGetProperty(name, out JsonElement value) || value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // The string has invalid UTF-8 or half a surrogate pair.
            throw Malformed();
        }
    }

    /// <summary>RFC 7519 §2 NumericDate: seconds, possibly with a fraction.</summary>
    private static DateTimeOffset? Time(JsonDocument json, string name) =>
        json.RootElement.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.Number
        && value.TryGetDouble(out double seconds)
        && seconds is > 0 and < 253_402_300_799d
            ? DateTimeOffset.UnixEpoch.AddSeconds(seconds)
            : null;
}
