using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using MlsConsole.Core;
using MlsConsole.Core.People;
using MlsConsole.Dashboard.People;

namespace MlsConsole.Host.People;

/// <summary>Signing in by an organisation's OpenID Connect provider (authorization code flow with PKCE).</summary>
internal static class Provider
{
    public static void AddProvider(this AuthenticationBuilder authentication, ProviderSettings settings) =>
        authentication.AddOpenIdConnect(
            ConsolePrincipal.ProviderScheme,
            options =>
            {
                options.Authority = settings.Authority.OriginalString;
                options.ClientId = settings.ClientId;
                options.ClientSecret = settings.ClientSecret;
                options.RequireHttpsMetadata = settings.RequiresHttps;
                options.SignInScheme = ConsolePrincipal.Scheme;
                options.ResponseType = "code";
                // By a form the answer would come from another site, without the cookie that belongs to it.
                options.ResponseMode = "query";
                options.UsePkce = true;
                options.MapInboundClaims = false;
                options.GetClaimsFromUserInfoEndpoint = true;
                options.SaveTokens = false;
                options.CallbackPath = "/sign-in/provider/answer";
                options.Scope.Clear();
                options.Scope.Add("openid");
                options.Scope.Add("profile");
                options.ClaimActions.MapAll();
                options.CorrelationCookie.HttpOnly = true;
                options.NonceCookie.HttpOnly = true;
                options.Events = new OpenIdConnectEvents
                {
                    OnTicketReceived = context => ReceiveAsync(context, settings),
                    OnRemoteFailure = context =>
                    {
                        context.Response.Redirect("/sign-in?provider=refused");
                        context.HandleResponse();
                        return Task.CompletedTask;
                    },
                };
            }
        );

    /// <summary>Puts the person's session in the place of the provider's claims.</summary>
    private static async Task ReceiveAsync(TicketReceivedContext context, ProviderSettings settings)
    {
        ClaimsPrincipal given = context.Principal!;
        string? subject = given.FindFirstValue("sub"),
            name = given.FindFirstValue(settings.NameClaim) ?? given.FindFirstValue("email");
        ConsoleRole? role = settings.RoleOf(given.FindAll(settings.RoleClaim).Select(claim => claim.Value));
        SignInAnswer answer = SignInAnswer.Refused;
        if (subject is not null && name is not null && role is { } known)
            try
            {
                answer = await context
                    .HttpContext.RequestServices.GetRequiredService<SignIn>()
                    .WithProviderAsync(
                        settings.Authority.OriginalString,
                        subject,
                        name,
                        known,
                        SignInCookies.VisitOf(context.HttpContext),
                        context.HttpContext.RequestAborted
                    );
            }
            catch (RefusedException)
            {
                // The name is taken or cannot be one. The person cannot do anything about it, an admin can.
            }
        if (answer.Session is not { } session)
        {
            context.Response.Redirect("/sign-in?provider=refused");
            context.HandleResponse();
            return;
        }
        context.Principal = ConsolePrincipal.Of(session);
        context.Properties!.IsPersistent = true;
        context.Properties.ExpiresUtc = session.ExpiresAt;
        context.ReturnUri = ReturnUrl.Local(context.ReturnUri);
    }
}
