using MlsConsole.Dashboard;

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

    public static void MapConsole(this WebApplication app)
    {
        app.UseStaticFiles();
        app.UseAntiforgery();
        app.MapStaticAssets();
        app.MapDashboard();
    }
}
