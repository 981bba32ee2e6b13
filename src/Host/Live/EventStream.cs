using MlsConsole.Core.Activity;
using MlsConsole.Core.Events;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Retention;

namespace MlsConsole.Host.Live;

/// <summary>An event, encoded once for all who get it.</summary>
/// <param name="Kind">What it tells.</param>
/// <param name="Frame">Null if its log entry has been pruned meanwhile, or if it is not told.</param>
/// <param name="Members">Who may have it.</param>
/// <param name="AskedAt">Timestamp of the moment at which the roster said so.</param>
internal sealed record StreamedEvent(
    long Seq,
    EventKind Kind,
    byte[]? Frame,
    IReadOnlySet<string> Members,
    long AskedAt
);

/// <summary>
/// Follows the stream of events for all subscribers of this host: numbers what waits if it is this host's turn, reads what is new, whichever host it came from, and keeps the last moments of it.
/// </summary>
internal sealed partial class EventStream(
    EventRelay relay,
    EventReader reader,
    ActivityFeed feed,
    Pruning pruning,
    TimeProvider clock,
    ILogger<EventStream> log
) : BackgroundService
{
    /// <summary>For so long the answer of the roster is good: then it is asked again.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(200),
        s_pruning = TimeSpan.FromMinutes(10);

    /// <summary>Under load events are numbered so often and no more: each time is a transaction, and on SQLite commits wait for it.</summary>
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(20);
    private const long MaxKeptBytes = 32 << 20;

    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _lock = new();
    private readonly List<StreamedEvent> _kept = [];
    private readonly Dictionary<string, int> _subscribers = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _keptBytes;

    /// <summary>The last event that this host has seen.</summary>
    public long Head { get; private set; }

    /// <summary>Completes when there is something new. Take it before reading.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
                return _changed.Task;
        }
    }

    /// <summary>Counts a subscriber in, unless its account has too many.</summary>
    public bool TryEnter(string did, int most)
    {
        lock (_lock)
        {
            int count = _subscribers.GetValueOrDefault(did);
            if (count >= most)
                return false;
            _subscribers[did] = count + 1;
            return true;
        }
    }

    /// <summary>Counts a subscriber out.</summary>
    public void Leave(string did)
    {
        lock (_lock)
        {
            if (--_subscribers[did] == 0)
                _subscribers.Remove(did);
        }
    }

    /// <summary>All events after a place, if they are kept; null if they must be read from the database.</summary>
    public IReadOnlyList<StreamedEvent>? After(long cursor)
    {
        lock (_lock)
        {
            if (cursor >= Head)
                return [];
            long first = _kept.Count == 0 ? Head + 1 : _kept[0].Seq;
            // There are no gaps, so places can be counted.
            return cursor + 1 < first ? null : _kept.GetRange((int)(cursor + 1 - first), (int)(Head - cursor));
        }
    }

    /// <summary>Whether what the roster said of an event may still be believed.</summary>
    public bool IsFresh(StreamedEvent one) => clock.GetElapsedTime(one.AskedAt) <= s_fresh;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using IDisposable subscription = feed.Subscribe(Wake);
        try
        {
            bool started = false;
            long prunedAt = clock.GetTimestamp();
            while (true)
            {
                try
                {
                    if (!started)
                    {
                        // Told like news: who came before this with an old cursor has been waiting for it.
                        Keep([], (await reader.RangeAsync(stoppingToken)).Head);
                        started = true;
                    }
                    bool relayed = await relay.RelayAsync(stoppingToken) > 0;
                    await ReadNewAsync(stoppingToken);
                    if (relayed)
                        await Task.Delay(s_pace, clock, stoppingToken);
                    if (clock.GetElapsedTime(prunedAt) > s_pruning)
                    {
                        prunedAt = clock.GetTimestamp();
                        await pruning.PruneAsync(stoppingToken);
                    }
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    LogFault(exception); // A database that is away comes back; events wait in it.
                }
                // What this host writes is told at once; what others write, at the next look.
                await _wake.WaitAsync(s_poll, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task ReadNewAsync(CancellationToken cancellation)
    {
        while (true)
        {
            bool listened;
            lock (_lock)
                listened = _subscribers.Count > 0;
            long askedAt = clock.GetTimestamp();
            var events = await reader.ReadAsync(Head, listened, cancellation);
            if (events.Count == 0)
                return;
            foreach (var one in events.Select(static addressed => addressed.Event))
                feed.Publish(
                    new EventRelayed
                    {
                        At = one.At,
                        Kind = one.Kind.ToString(),
                        ConvoId = one.ConvoId,
                        Epoch = one.Epoch,
                    }
                );
            Keep(
                listened
                    ?
                    [
                        .. events.Select(addressed => new StreamedEvent(
                            addressed.Event.Seq,
                            addressed.Event.Kind,
                            EventFrames.Of(addressed.Event),
                            addressed.Members,
                            askedAt
                        )),
                    ]
                    : [],
                events[^1].Event.Seq
            );
        }
    }

    private void Keep(List<StreamedEvent> events, long head)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            if (events.Count == 0)
                _kept.Clear();
            _kept.AddRange(events);
            _keptBytes = _kept.Sum(static one => (long)(one.Frame?.Length ?? 0));
            int old = 0;
            while (old < _kept.Count && (_keptBytes > MaxKeptBytes || !IsFresh(_kept[old])))
                _keptBytes -= _kept[old++].Frame?.Length ?? 0;
            _kept.RemoveRange(0, old);
            Head = head;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        changed.SetResult();
    }

    private void Wake(ActivityRecord activity)
    {
        // Each event is written with an audit entry. The records of EventRelayed are this stream's own.
        if (activity is not AuditEntryAppended || _wake.CurrentCount > 0)
            return;
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else was faster.
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _wake.Dispose();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Events could not be read; it is tried again")]
    private partial void LogFault(Exception exception);
}
