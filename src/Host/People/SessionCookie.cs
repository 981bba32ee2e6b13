using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using MlsConsole.Dashboard.People;

namespace MlsConsole.Host.People;

/// <summary>Checks the session of each request's cookie, and answers those who have none.</summary>
internal sealed class SessionCookie(SessionCache sessions) : CookieAuthenticationEvents
{
    /// <summary>Where nobody looks at a page: there is no use in sending the caller to the sign-in page.</summary>
    private static readonly string[] s_noPages = ["/api", "/hubs", "/metrics", "/_blazor", "/passkeys"];

    public override async Task ValidatePrincipal(CookieValidatePrincipalContext context)
    {
        if (
            context.Principal is { } principal
            && ConsolePrincipal.SessionOf(principal) is { } claimed
            && await sessions.FindAsync(claimed.Id, context.HttpContext.RequestAborted) is { } session
            && (session.UserId, session.Role) == (claimed.UserId, claimed.Role)
        )
            return;
        context.RejectPrincipal();
        await context.HttpContext.SignOutAsync(ConsolePrincipal.Scheme);
    }

    public override Task SigningOut(CookieSigningOutContext context)
    {
        if (ConsolePrincipal.SessionOf(context.HttpContext.User) is { } session)
            sessions.Forget(session.Id);
        return base.SigningOut(context);
    }

    public override Task RedirectToLogin(RedirectContext<CookieAuthenticationOptions> context) =>
        AnswerAsync(
            context,
            StatusCodes.Status401Unauthorized,
            HttpMethods.IsGet(context.Request.Method) && context.Request.Path != "/"
                ? $"/sign-in?return={Uri.EscapeDataString(context.Request.Path + context.Request.QueryString)}"
                : "/sign-in"
        );

    public override Task RedirectToAccessDenied(RedirectContext<CookieAuthenticationOptions> context) =>
        AnswerAsync(context, StatusCodes.Status403Forbidden, "/not-allowed");

    private static Task AnswerAsync(RedirectContext<CookieAuthenticationOptions> context, int status, string page)
    {
        if (Array.Exists(s_noPages, path => context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal)))
            context.Response.StatusCode = status;
        else
            context.Response.Redirect(page);
        return Task.CompletedTask;
    }
}
