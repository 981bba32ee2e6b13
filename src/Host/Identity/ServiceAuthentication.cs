using MlsConsole.Core;
using MlsConsole.Core.Identity;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Identity;

/// <summary>
/// Turns a request's service token into the caller that Core knows. Nothing in a token is believed before the token is
/// verified.
/// </summary>
internal sealed class ServiceAuthentication(HostSettings settings, DidResolver resolver, TimeProvider clock)
{
    private const string Scheme = "Bearer ";

    /// <summary>Verifies the token, except for replay: see <see cref="AdmitAsync"/>.</summary>
    /// <exception cref="AuthenticationException">There is no token, or the token is not valid.</exception>
    /// <exception cref="XrpcException">The issuer's document cannot be fetched now (503).</exception>
    public ValueTask<ServiceToken> AuthenticateAsync(HttpRequest request, string nsid)
    {
        if (request.Headers.Authorization is not [{ } header])
            throw new AuthenticationException("token-missing", "A service token is required.");
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw new AuthenticationException("token-missing", "The Authorization header must carry a Bearer token.");
        return ServiceToken.VerifyAsync(
            header[Scheme.Length..].Trim(),
            IsThisService,
            nsid,
            resolver.SigningKeyOfAsync,
            clock.GetUtcNow()
        );
    }

    /// <summary>
    /// Uses the token up. This comes after the rate limits, so that a request answered 429 or 503 may be sent again
    /// with the same token.
    /// </summary>
    /// <exception cref="AuthenticationException">The token has been used before, or its issuer is no DID.</exception>
    public static async Task<Caller> AdmitAsync(ServiceToken token, TokenReplay replay, string correlationId)
    {
        if (!Did.TryParse(token.Issuer, out Did did))
            throw new AuthenticationException("token-issuer", "The token's issuer is not a DID.");
        if (!await replay.TryUseAsync(token.Issuer, token.TokenId, token.ExpiresAt))
            throw new AuthenticationException("token-replayed", "The token has been used before.");
        return new Caller(did, correlationId);
    }

    /// <summary>
    /// A proxying server names this service by its DID alone or with its service fragment. No other fragment means this
    /// service.
    /// </summary>
    private bool IsThisService(string audience) =>
        audience == settings.ServiceDid || audience == settings.ServiceDid + ServiceDocument.Fragment;
}
