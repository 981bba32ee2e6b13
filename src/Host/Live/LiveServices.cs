using MlsConsole.Core.Activity;

namespace MlsConsole.Host.Live;

internal static class LiveServices
{
    public static void AddLive(this IServiceCollection services)
    {
        services.AddSignalR();
        services.AddSingleton<ActivityStatistics>();
        services.AddSingleton<EventStream>();
    }

    public static void MapLive(this WebApplication app)
    {
        // So that counting starts with the host and not with the first page.
        app.Services.GetRequiredService<ActivityStatistics>();
        app.MapHub<LiveHub>(LiveHub.Path);
    }
}
