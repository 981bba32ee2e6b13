using System.Globalization;
using System.Security.Claims;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Dashboard.People;

/// <summary>The claims of a signed-in person or of an API token, and what is read from them.</summary>
public static class ConsolePrincipal
{
    /// <summary>The authentication scheme of the console's cookie.</summary>
    public const string Scheme = "Console";

    /// <summary>The authentication scheme of API tokens.</summary>
    public const string TokenScheme = "ApiToken";

    /// <summary>The authentication scheme of the OpenID Connect provider.</summary>
    public const string ProviderScheme = "Provider";

    private const string SessionClaim = "sid",
        UserClaim = "sub",
        NameClaim = "name",
        RoleClaim = "role",
        ExpiryClaim = "exp",
        TokenClaim = "token";

    public static ClaimsPrincipal Of(OpenSession session) =>
        new(
            new ClaimsIdentity(
                [
                    new(SessionClaim, session.Id),
                    new(UserClaim, session.UserId),
                    new(NameClaim, session.UserName),
                    new(RoleClaim, session.Role.ToString()),
                    new(ExpiryClaim, session.ExpiresAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)),
                ],
                Scheme,
                NameClaim,
                RoleClaim
            )
        );

    /// <param name="id">The token's id.</param>
    /// <param name="actor">Who acts with it.</param>
    public static ClaimsPrincipal OfToken(string id, Actor actor) =>
        new(
            new ClaimsIdentity(
                [new(TokenClaim, id), new(NameClaim, actor.Name), new(RoleClaim, actor.Role.ToString())],
                TokenScheme,
                NameClaim,
                RoleClaim
            )
        );

    /// <summary>The session of the principal; null if it is nobody, or a token.</summary>
    public static OpenSession? SessionOf(ClaimsPrincipal principal) =>
        principal.FindFirstValue(SessionClaim) is { } id
        && principal.FindFirstValue(UserClaim) is { } userId
        && ActorOf(principal) is { } actor
        && long.TryParse(
            principal.FindFirstValue(ExpiryClaim),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out long expiry
        )
            ? new(id, userId, actor.Name, actor.Role, DateTimeOffset.FromUnixTimeMilliseconds(expiry))
            : null;

    /// <summary>The id of the token by which the principal came; null if it did not come by a token.</summary>
    public static string? TokenOf(ClaimsPrincipal principal) => principal.FindFirstValue(TokenClaim);

    /// <summary>Who gives commands; null if nobody is signed in.</summary>
    public static Actor? ActorOf(ClaimsPrincipal principal) =>
        principal.Identity is { IsAuthenticated: true, Name: { } name }
        && Enum.TryParse(principal.FindFirstValue(RoleClaim), out ConsoleRole role)
        && Enum.IsDefined(role)
            ? new(name, role)
            : null;
}
