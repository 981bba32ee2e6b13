using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.RateLimiting;
using MlsConsole.Core.Storage;
using MlsConsole.Dashboard.People;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.People;

/// <summary>Signing in to the console: schemes, policies, limits, and the order of what a request passes.</summary>
internal static class PeopleServices
{
    /// <param name="builder">The host.</param>
    /// <param name="listening">Where the host listens.</param>
    /// <exception cref="ConfigurationException">A setting cannot be used.</exception>
    public static void AddPeople(this WebApplicationBuilder builder, Listening listening)
    {
        PeopleSettings settings = PeopleSettings.Read(builder.Configuration, builder.Environment);
        Uri? console = HostSettings.Read(builder.Configuration, builder.Environment).ConsoleUrl;
        IServiceCollection services = builder.Services;
        bool isSecure =
            console?.Scheme == Uri.UriSchemeHttps
            || listening.Listeners.Any(static one => one.IsHttps && one.Serves.HasFlag(Serving.Console));
        services.AddSingleton(settings);
        services.AddSingleton(new SignInWays(settings.Passwords, settings.Provider?.Name, settings.IsDemo));
        services.AddSingleton(new ConsoleAddress(console));
        services.AddSingleton(provider => new SignInCookies(
            provider.GetRequiredService<IDataProtectionProvider>(),
            isSecure
        ));
        services.AddSingleton(provider => new Passkeys(
            provider.GetRequiredService<Database>(),
            provider.GetRequiredService<SignInCookies>(),
            console?.Host,
            provider.GetRequiredService<ILogger<Passkeys>>()
        ));
        services.AddSingleton<SessionCache>();
        services.AddSingleton<OpenConnections>();
        services.AddSingleton<SessionCookie>();
        services.AddScoped<AuthenticationStateProvider, SessionStateProvider>();

        AuthenticationBuilder authentication = services
            .AddAuthentication(ConsolePrincipal.Scheme)
            .AddCookie(ConsolePrincipal.Scheme, options => SetUp(options, isSecure))
            .AddScheme<AuthenticationSchemeOptions, ApiTokenHandler>(
                ConsolePrincipal.TokenScheme,
                configureOptions: null
            );
        if (settings.Provider is { } provider)
            authentication.AddProvider(provider);
        services.AddAuthorization(ConsolePolicies.AddTo);
        services.AddAntiforgery(options =>
        {
            options.Cookie.Name = isSecure ? "__Host-mls-form" : "mls-form";
            options.Cookie.SecurePolicy = isSecure ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
            options.SuppressXFrameOptionsHeader = true;
        });
        services.AddRateLimiter(options => Limit(options, settings));
    }

    /// <summary>
    /// Everything that stands between routing and the console's endpoints. XRPC has been answered before, and has an
    /// identity of its own.
    /// </summary>
    public static void UsePeople(this WebApplication app)
    {
        app.UseOriginCheck();
        app.UseRateLimiter();
        app.UseAuthentication();
        app.UseMiddleware<AdminGate>();
        app.UseAuthorization();
        app.UseConnectionEnd();
        app.UseAntiforgery();
    }

    /// <summary>Takes a person's cookie or an API token, for what both people and scripts use.</summary>
    public static TBuilder RequirePersonOrToken<TBuilder>(this TBuilder endpoint, Core.ConsoleRole role)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.RequireAuthorization(policy =>
        {
            policy.AddAuthenticationSchemes(ConsolePrincipal.Scheme, ConsolePrincipal.TokenScheme);
            ConsolePolicies.Require(policy, role);
        });

    private static void SetUp(CookieAuthenticationOptions options, bool isSecure)
    {
        options.Cookie.Name = isSecure ? "__Host-mls-console" : "mls-console";
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = isSecure ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
        options.Cookie.Path = "/";
        options.SlidingExpiration = false;
        options.LoginPath = "/sign-in";
        options.EventsType = typeof(SessionCookie);
    }

    /// <summary>Only what sends something is limited: everybody may look at the sign-in page.</summary>
    private static void Limit(RateLimiterOptions options, PeopleSettings settings)
    {
        options.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        options.OnRejected = static async (context, cancellation) =>
        {
            context.HttpContext.Response.Headers.RetryAfter = "60";
            await context.HttpContext.Response.WriteAsync("Too many tries to sign in; wait a minute.", cancellation);
        };
        options.AddPolicy(
            ConsolePolicies.SignInRate,
            context =>
                HttpMethods.IsPost(context.Request.Method)
                    ? RateLimitPartition.GetFixedWindowLimiter(
                        RateLimits.KeyOf(context.Connection.RemoteIpAddress),
                        _ => new() { PermitLimit = settings.SignInsPerMinute, Window = TimeSpan.FromMinutes(1) }
                    )
                    : RateLimitPartition.GetNoLimiter("look")
        );
    }
}
