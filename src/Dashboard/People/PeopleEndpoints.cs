using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Dashboard.People;

/// <summary>What the sign-in pages need beside themselves.</summary>
internal static class PeopleEndpoints
{
    public static void MapPeople(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/sign-out", SignOutAsync).AllowAnonymous();
        endpoints.MapGet("/demo", SignInToDemoAsync).AllowAnonymous();
        endpoints.MapPost("/sign-in/provider", GoToProviderAsync).AllowAnonymous();
        endpoints
            .MapPost("/passkeys/get", BeginSigningInAsync)
            .AllowAnonymous()
            .RequireRateLimiting(ConsolePolicies.SignInRate);
        endpoints.MapPost("/passkeys/create", BeginMakingAsync).RequireAuthorization(ConsolePolicies.Viewer);
    }

    private static async Task<IResult> SignOutAsync(HttpContext http, IAntiforgery antiforgery, Sessions sessions)
    {
        if (!await antiforgery.IsRequestValidAsync(http))
            return Results.BadRequest();
        if (ConsolePrincipal.SessionOf(http.User) is { } session)
            await sessions.EndAsync(session.Actor, session.Id, CancellationToken.None);
        await http.SignOutAsync(ConsolePrincipal.Scheme);
        return Results.Redirect("/sign-in");
    }

    /// <summary>
    /// Signs in to a demonstration by its printed link. There is no form: the link works once, on a host that only this
    /// machine reaches. The browser is sent on, so that the token stays in no address.
    /// </summary>
    private static async Task<IResult> SignInToDemoAsync(
        HttpContext http,
        [FromQuery] string? token,
        OneTimeLinks links,
        SignInCookies cookies,
        SignInWays ways
    )
    {
        // To look at a link costs one read. Only a link that is there is worth a transaction, or any stranger could
        // fill the queue of writes.
        if (
            !ways.Demo
            || token is not { Length: > 0 and < 100 }
            || await links.FindAsync(token, http.RequestAborted) is not { Purpose: LinkPurpose.Demo }
        )
            return Results.Redirect("/link");
        try
        {
            await cookies.OpenAsync(
                http,
                await links.SignInToDemoAsync(token, SignInCookies.VisitOf(http), http.RequestAborted)
            );
            return Results.Redirect("/");
        }
        catch (RefusedException)
        {
            return Results.Redirect("/link");
        }
    }

    private static async Task<IResult> GoToProviderAsync(
        HttpContext http,
        IAntiforgery antiforgery,
        SignInWays ways,
        [FromForm] string? returnUrl
    ) =>
        ways.Provider is null ? Results.NotFound()
        : !await antiforgery.IsRequestValidAsync(http) ? Results.BadRequest()
        : Results.Challenge(
            new AuthenticationProperties { RedirectUri = ReturnUrl.Local(returnUrl) },
            [ConsolePrincipal.ProviderScheme]
        );

    private static async Task<IResult> BeginSigningInAsync(
        HttpContext http,
        IAntiforgery antiforgery,
        Passkeys passkeys
    ) =>
        await antiforgery.IsRequestValidAsync(http)
            ? Results.Text(await passkeys.BeginSigningInAsync(http), "application/json")
            : Results.BadRequest();

    private static async Task<IResult> BeginMakingAsync(
        HttpContext http,
        IAntiforgery antiforgery,
        Passkeys passkeys
    ) =>
        await antiforgery.IsRequestValidAsync(http) && ConsolePrincipal.SessionOf(http.User) is { } session
            ? Results.Text(await passkeys.BeginMakingAsync(http, session), "application/json")
            : Results.BadRequest();
}
