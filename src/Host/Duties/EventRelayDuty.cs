using MlsConsole.Core.Activity;
using MlsConsole.Core.Events;
using MlsConsole.Host.Live;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Gives the events that wait their places in the stream, if it is this host's turn to do so, and reads what is new in
/// the stream, whichever host it came from, for the subscribers of this host.
/// </summary>
internal sealed class EventRelayDuty : Duty
{
    /// <summary>
    /// Under load events get their places so often and no more: each time is a transaction, and on SQLite commits wait
    /// for it.
    /// </summary>
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(20);

    private readonly EventRelay _relay;
    private readonly EventReader _reader;
    private readonly EventStream _stream;
    private readonly ActivityFeed _feed;
    private readonly IDisposable _subscription;
    private bool _started;

    public EventRelayDuty(
        EventRelay relay,
        EventReader reader,
        EventStream stream,
        ActivityFeed feed,
        TimeProvider clock,
        ILogger<EventRelayDuty> log
    )
        : base("event_relay", clock, log)
    {
        (_relay, _reader, _stream, _feed) = (relay, reader, stream, feed);
        // Each event is written with an audit entry, so what this host writes is told at once, and what other hosts
        // write when the period is over. The records of EventRelayed are this duty's own and do not wake it.
        _subscription = feed.Subscribe(activity =>
        {
            if (activity is AuditEntryAppended)
                Wake();
        });
    }

    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(200);

    protected override TimeSpan FirstPause => TimeSpan.Zero;

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        if (!_started)
        {
            // Told like news, for a subscriber that came before this step with an old cursor and waits for news.
            _stream.Append([], (await _reader.RangeAsync(cancellation)).Head);
            _started = true;
        }
        bool relayed = await _relay.RelayAsync(cancellation) > 0;
        await ReadNewAsync(cancellation);
        if (relayed)
            await Task.Delay(s_pace, Clock, cancellation);
    }

    private async Task ReadNewAsync(CancellationToken cancellation)
    {
        while (true)
        {
            bool hasSubscribers = _stream.HasSubscribers;
            long askedAt = Clock.GetTimestamp();
            var events = await _reader.ReadAsync(_stream.Head, hasSubscribers, cancellation);
            if (events.Count == 0)
                return;
            foreach (var (told, _) in events)
                _feed.Publish(
                    new EventRelayed
                    {
                        At = told.At,
                        Kind = told.Kind.ToString(),
                        ConvoId = told.ConvoId,
                        Epoch = told.Epoch,
                    }
                );
            List<StreamedEvent> streamed = hasSubscribers
                ? [.. events.Select(one => StreamedEvent.Of(one.Event, one.Members, askedAt))]
                : [];
            _stream.Append(streamed, events[^1].Event.Seq);
        }
    }

    public override void Dispose()
    {
        _subscription.Dispose();
        base.Dispose();
    }
}
