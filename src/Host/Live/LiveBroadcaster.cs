using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR;
using MlsConsole.Core.Activity;

namespace MlsConsole.Host.Live;

/// <summary>The only sender to <see cref="LiveHub"/>: a batch of what happened four times a second, and the overview when it has changed.</summary>
internal sealed class LiveBroadcaster(
    ActivityFeed feed,
    ActivityStatistics statistics,
    IHubContext<LiveHub> hub,
    TimeProvider clock
) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(250),
        s_window = TimeSpan.FromMinutes(5);

    // A burst that nobody can read is cut to its newest part; the figures of the overview count it whole.
    private readonly Channel<LiveActivity> _pending = Channel.CreateBounded<LiveActivity>(
        new BoundedChannelOptions(500) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }
    );

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = feed.Subscribe(activity => _pending.Writer.TryWrite(LiveActivity.Of(activity)));
        using var timer = new PeriodicTimer(s_period, clock);
        long sent = -1;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var batch = new List<LiveActivity>();
            while (_pending.Reader.TryRead(out var activity))
                batch.Add(activity);
            if (batch.Count > 0)
                await hub.Clients.All.SendAsync("activity", batch, stoppingToken);
            if (statistics.Version is var version && version != sent)
            {
                await hub.Clients.All.SendAsync(
                    "overview",
                    LiveOverview.Of(statistics.Snapshot(s_window)),
                    stoppingToken
                );
                sent = version;
            }
        }
    }
}
