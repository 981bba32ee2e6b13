using MlsConsole.Dashboard;
using MlsConsole.Host.People;

namespace MlsConsole.Host.Startup;

/// <summary>The console's pages: Blazor components of the Dashboard project over this host's services.</summary>
internal static class ConsolePages
{
    public static void AddConsole(this WebApplicationBuilder builder)
    {
        // By default only Development does this, but the host is run from its build folder in any environment.
        builder.WebHost.UseStaticWebAssets();
        builder.Services.AddDashboard(builder.Environment.EnvironmentName);
    }

    /// <summary>
    /// What a request passes that is none of XRPC. Static files come before routing: of wwwroot at the root of the
    /// sources, the endpoints of static assets know nothing.
    /// </summary>
    public static void UseConsole(this WebApplication app)
    {
        app.UseSecurityHeaders(app.Services.GetRequiredService<PeopleSettings>().Provider?.Authority);
        app.UseStaticFiles();
        app.UseWhen(IsForPage, static pages => pages.UseStatusCodePagesWithReExecute("/not-found"));
        app.UseRouting();
        app.RefuseHubsWhileStopping();
        app.UsePeople();
    }

    /// <summary>Whether a browser asks for a page, so that an empty answer would be a blank window.</summary>
    private static bool IsForPage(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method)
        && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);

    public static void MapConsole(this WebApplication app)
    {
        app.MapStaticAssets();
        app.MapDashboard();
    }
}
