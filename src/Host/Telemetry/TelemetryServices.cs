using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Live;
using MlsConsole.Host.People;
using OpenTelemetry.Metrics;

namespace MlsConsole.Host.Telemetry;

/// <summary>Meters and log lines over the activity feed; <c>/metrics</c> in Prometheus' format.</summary>
internal static class TelemetryServices
{
    public static void AddTelemetry(this IServiceCollection services)
    {
        services.AddSingleton<ExternalCommitMeter>();
        services.AddSingleton<RolloutMeter>();
        services.AddSingleton<GroupMeter>();
        services.AddSingleton<RequestMeter>();
        services.AddSingleton<DutyMeter>();
        services.AddSingleton<OutcomeLog>();
        services
            .AddOpenTelemetry()
            .WithMetrics(metrics =>
                metrics
                    .AddMeter(ExternalCommitMeter.Name)
                    .AddView(
                        ExternalCommitMeter.LatencyName,
                        new ExplicitBucketHistogramConfiguration { Boundaries = ExternalCommitMeter.LatencyBounds }
                    )
                    .AddView(
                        ExternalCommitMeter.TurnWaitName,
                        new ExplicitBucketHistogramConfiguration { Boundaries = ExternalCommitMeter.LatencyBounds }
                    )
                    .AddMeter(RolloutMeter.Name)
                    .AddView(
                        RolloutMeter.FlagPropagationName,
                        new ExplicitBucketHistogramConfiguration { Boundaries = RolloutMeter.FlagPropagationBounds }
                    )
                    .AddMeter(RequestMeter.Name)
                    .AddMeter(DutyMeter.Name)
                    .AddMeter(GroupMeter.Name)
                    .AddView(
                        GroupMeter.DurationName,
                        new ExplicitBucketHistogramConfiguration { Boundaries = GroupMeter.DurationBounds }
                    )
                    .AddView(
                        GroupMeter.AttemptsName,
                        new ExplicitBucketHistogramConfiguration { Boundaries = GroupMeter.AttemptsBounds }
                    )
                    .AddPrometheusExporter()
            );
    }

    public static void MapMetrics(this WebApplication app)
    {
        // The meter provider is built before the meters, or it would not hear of the series that exist from the start.
        app.Services.GetRequiredService<MeterProvider>();
        app.Services.GetRequiredService<ExternalCommitMeter>();
        app.Services.GetRequiredService<RolloutMeter>();
        app.Services.GetRequiredService<GroupMeter>();
        app.Services.GetRequiredService<RequestMeter>();
        app.Services.GetRequiredService<DutyMeter>();
        app.Services.GetRequiredService<OutcomeLog>();
        app.MapPrometheusScrapingEndpoint("/metrics").RequirePersonOrToken(ConsoleRole.Viewer);
    }
}

/// <summary>Writes one log line for each activity record, with the words of its wire form.</summary>
internal sealed partial class OutcomeLog : IDisposable
{
    private readonly ILogger<OutcomeLog> _log;
    private readonly IDisposable _subscription;

    public OutcomeLog(ActivityFeed feed, ILogger<OutcomeLog> log)
    {
        _log = log;
        _subscription = feed.Subscribe(activity =>
        {
            if (!log.IsEnabled(LogLevel.Debug))
                return;
            LiveActivity line = LiveActivity.Of(activity);
            LogOutcome(line.Method, line.Outcome, line.Reason, line.Milliseconds, activity.CorrelationId);
        });
    }

    public void Dispose() => _subscription.Dispose();

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "{Method} {Outcome} ({Reason}) in {Milliseconds:F1} ms, correlation id {CorrelationId}"
    )]
    private partial void LogOutcome(
        string method,
        string outcome,
        string? reason,
        double milliseconds,
        string? correlationId
    );
}
