using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
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
        // Each audit entry is an activity too, so that everything live hears of it on the one stream.
        var feed = app.Services.GetRequiredService<ActivityFeed>();
        app.Services.GetRequiredService<AuditLog>().Appended += entry =>
            feed.Publish(
                new ActivityRecord
                {
                    At = entry.At,
                    Method = ActivityRecord.Audit,
                    Outcome = entry.Outcome,
                    Reason = entry.Action,
                    Elapsed = TimeSpan.Zero,
                    Epoch = entry.EpochAfter,
                    CorrelationId = entry.CorrelationId,
                }
            );
        app.MapHub<LiveHub>(LiveHub.Path);
    }
}
