using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;

namespace MlsConsole.Dashboard;

/// <summary>What the host asks for.</summary>
public static class DashboardServices
{
    public static IServiceCollection AddDashboard(this IServiceCollection services, string environmentName)
    {
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddMudServices();
        services.AddSingleton(new ConsoleEnvironment(environmentName));
        return services;
    }

    public static void MapDashboard(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapRazorComponents<App>().AddInteractiveServerRenderMode();
}

/// <summary>Where this console runs, for the strip at the top.</summary>
public sealed record ConsoleEnvironment(string Name);
