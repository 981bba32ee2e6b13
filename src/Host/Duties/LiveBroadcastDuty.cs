using System.Threading.Channels;
using Microsoft.AspNetCore.SignalR;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Host.Live;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Sends to <see cref="LiveHub"/>, four times a second: a batch of what has happened, and the overview if it has
/// changed. Nothing else sends to the hub.
/// </summary>
internal sealed class LiveBroadcastDuty : Duty
{
    // A burst that nobody could read is cut to its newest part; the overview's figures count the whole burst.
    private readonly Channel<LiveActivity> _pending = Channel.CreateBounded<LiveActivity>(
        new BoundedChannelOptions(500) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }
    );
    private readonly LiveFigures _figures;
    private readonly IHubContext<LiveHub> _hub;
    private readonly IDisposable _subscription;
    private long _sentVersion = -1;

    public LiveBroadcastDuty(
        ActivityFeed feed,
        LiveFigures figures,
        IHubContext<LiveHub> hub,
        TimeProvider clock,
        ILogger<LiveBroadcastDuty> log
    )
        : base("live_broadcast", clock, log)
    {
        (_figures, _hub) = (figures, hub);
        _subscription = feed.Subscribe(activity => _pending.Writer.TryWrite(LiveActivity.Of(activity)));
    }

    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(250);

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        var batch = new List<LiveActivity>();
        while (_pending.Reader.TryRead(out var activity))
            batch.Add(activity);
        if (batch.Count > 0)
            await _hub.Clients.All.SendAsync("activity", batch, cancellation);
        long version = _figures.Version;
        if (version == _sentVersion)
            return;
        LiveOverview overview = LiveOverview.Of(_figures.Snapshot(FigureRange.FiveMinutes));
        await _hub.Clients.All.SendAsync("overview", overview, cancellation);
        _sentVersion = version;
    }

    public override void Dispose()
    {
        _subscription.Dispose();
        base.Dispose();
    }
}
