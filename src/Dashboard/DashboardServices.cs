using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Dashboard.People;
using MudBlazor.Services;

namespace MlsConsole.Dashboard;

/// <summary>Adds the console's services to the host and maps its pages.</summary>
public static class DashboardServices
{
    /// <param name="services">The host's services.</param>
    /// <param name="environmentName">The host's environment, such as Development, which the status strip shows.</param>
    public static IServiceCollection AddDashboard(this IServiceCollection services, string environmentName)
    {
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddMudServices();
        services.AddSingleton(new ConsoleEnvironment(environmentName));
        services.AddCascadingAuthenticationState();
        services.AddScoped<CurrentActor>();
        return services;
    }

    /// <summary>
    /// Maps the pages. Whatever is not meant for strangers by name is for signed-in people, the connections of live
    /// pages included.
    /// </summary>
    public static void MapDashboard(this IEndpointRouteBuilder endpoints)
    {
        endpoints
            .MapRazorComponents<App>()
            // The host sets this policy itself, for pages and everything else alike.
            .AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(ConsolePolicies.Viewer);
        endpoints.MapPeople();
    }
}

/// <summary>The host's environment, which the status strip shows.</summary>
/// <param name="Name">The environment's name, such as Development.</param>
public sealed record ConsoleEnvironment(string Name);
