using System.Security.Cryptography;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using MlsConsole.Core.People;

namespace MlsConsole.Dashboard.People;

/// <summary>
/// The cookies of signing in: that of the session, and two short-lived ones which remember whose password was right and
/// which challenge a passkey has to sign. All are encrypted with the host's key ring.
/// </summary>
/// <param name="protection">Encrypts the short-lived cookies.</param>
/// <param name="isSecure">
/// Whether the console is reached by https. Then the names have the prefix <c>__Host-</c>, which a browser accepts from
/// this very host and by https alone.
/// </param>
public sealed class SignInCookies(IDataProtectionProvider protection, bool isSecure)
{
    private const string Pending = "mls-pending",
        Passkey = "mls-passkey";

    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(5);

    public bool IsSecure => isSecure;

    /// <summary>The name of a cookie with the prefix that it may have.</summary>
    public string NameOf(string name) => isSecure ? "__Host-" + name : name;

    /// <summary>Signs the person in on this browser.</summary>
    public async Task OpenAsync(HttpContext http, OpenSession session)
    {
        http.Response.Cookies.Delete(NameOf(Pending), Options());
        await http.SignInAsync(
            ConsolePrincipal.Scheme,
            ConsolePrincipal.Of(session),
            new AuthenticationProperties { IsPersistent = true, ExpiresUtc = session.ExpiresAt }
        );
    }

    /// <summary>Remembers whose password was right, until the second factor is given.</summary>
    public void WritePending(HttpContext http, string userId) => Write(http, Pending, userId);

    /// <summary>Whose password was right; null if nobody's, or too long ago.</summary>
    public string? ReadPending(HttpContext http) => Read(http, Pending);

    /// <summary>Remembers the state of a passkey's ceremony (WebAuthn §7).</summary>
    public void WritePasskey(HttpContext http, string state) => Write(http, Passkey, state);

    /// <summary>The state of a passkey's ceremony, which is used up.</summary>
    public string? TakePasskey(HttpContext http)
    {
        string? state = Read(http, Passkey);
        http.Response.Cookies.Delete(NameOf(Passkey), Options());
        return state;
    }

    /// <summary>From where a request comes, for the list of sessions.</summary>
    public static Visit VisitOf(HttpContext http) =>
        new(http.Request.Headers.UserAgent.ToString(), http.Connection.RemoteIpAddress?.ToString() ?? "");

    private void Write(HttpContext http, string name, string value) =>
        http.Response.Cookies.Append(NameOf(name), Protector(name).Protect(value, s_lifetime), Options());

    private string? Read(HttpContext http, string name)
    {
        if (http.Request.Cookies[NameOf(name)] is not { } value)
            return null;
        try
        {
            return Protector(name).Unprotect(value);
        }
        catch (CryptographicException)
        {
            return null; // It is forged, of another key ring, or too old.
        }
    }

    private ITimeLimitedDataProtector Protector(string name) =>
        protection.CreateProtector("MlsConsole.SignIn", name).ToTimeLimitedDataProtector();

    private CookieOptions Options() =>
        new()
        {
            HttpOnly = true,
            Secure = isSecure,
            SameSite = SameSiteMode.Strict,
            Path = "/",
            MaxAge = s_lifetime,
            IsEssential = true,
        };
}
