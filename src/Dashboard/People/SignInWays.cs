using Microsoft.AspNetCore.Http;

namespace MlsConsole.Dashboard.People;

/// <summary>How people may sign in on this host.</summary>
/// <param name="Password">Whether passwords and passkeys are on (Console:Passwords).</param>
/// <param name="Provider">The name of the OpenID Connect provider; null if there is none.</param>
/// <param name="Demo">Whether the host is a demonstration, whose printed link signs in.</param>
public sealed record SignInWays(bool Password, string? Provider, bool Demo);

/// <summary>The address of the console, for links that people send to each other.</summary>
/// <param name="PublicUrl">Console:PublicUrl; null for the address of the request.</param>
public sealed record ConsoleAddress(Uri? PublicUrl)
{
    /// <summary>The address of a one-time link.</summary>
    public string LinkOf(string token, HttpContext http) =>
        LinkOf(PublicUrl ?? new Uri($"{http.Request.Scheme}://{http.Request.Host}"), token);

    /// <summary>The address of a one-time link below an address of the console.</summary>
    public static string LinkOf(Uri console, string token) => new Uri(console, $"/link?token={token}").ToString();
}
