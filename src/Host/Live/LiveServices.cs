using MlsConsole.Core.Activity;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Live;

internal static class LiveServices
{
    public static void AddLive(this IServiceCollection services)
    {
        services.AddSignalR();
        services.AddSingleton<ActivityStatistics>();
        services.AddHostedService<LiveBroadcaster>();
        services.AddHostedService<AuditUpkeep>();
        services.AddHostedService<RemovalUpkeep>();
        services.AddSingleton<EventStream>();
        services.AddHostedService(static provider => provider.GetRequiredService<EventStream>());
    }

    public static void MapLive(this WebApplication app)
    {
        // Counting starts with the host, not with the first page.
        app.Services.GetRequiredService<ActivityStatistics>();
        app.MapHub<LiveHub>(LiveHub.Path);
    }
}
