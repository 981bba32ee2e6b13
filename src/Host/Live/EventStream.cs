using MlsConsole.Core.Events;
using MlsConsole.Core.Outbox;

namespace MlsConsole.Host.Live;

/// <summary>An event, encoded once for all who get it.</summary>
/// <param name="Seq">The event's place in the stream.</param>
/// <param name="Kind">What the event tells.</param>
/// <param name="Frame">Null if the event's log entry has been pruned meanwhile, or if subscribers are not told.</param>
/// <param name="Members">The accounts that may have the event.</param>
/// <param name="AskedAt">The clock's timestamp of the moment at which the roster named these accounts.</param>
internal sealed record StreamedEvent(
    long Seq,
    EventKind Kind,
    byte[]? Frame,
    IReadOnlySet<string> Members,
    long AskedAt
)
{
    public static StreamedEvent Of(ConvoEvent one, IReadOnlySet<string> members, long askedAt) =>
        new(one.Seq, one.Kind, EventFrames.Of(one), members, askedAt);
}

/// <summary>
/// The newest part of the stream of events, in memory for all subscribers of this host. The duty that relays events
/// appends to it.
/// </summary>
internal sealed class EventStream(TimeProvider clock)
{
    private const long MaxKeptBytes = 32 << 20;

    /// <summary>How long an answer of the roster is good. After it the roster is asked again.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly List<StreamedEvent> _kept = [];
    private readonly Dictionary<string, int> _subscribers = new(StringComparer.Ordinal);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _keptBytes;

    /// <summary>The place of the last event that this host has seen.</summary>
    public long Head { get; private set; }

    /// <summary>
    /// Completes at the next <see cref="Append"/>. A reader takes it before it reads, so that it misses nothing.
    /// </summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
                return _changed.Task;
        }
    }

    public bool HasSubscribers
    {
        get
        {
            lock (_lock)
                return _subscribers.Count > 0;
        }
    }

    /// <summary>Counts a subscriber in, unless its account has <paramref name="most"/> already.</summary>
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
            // The stream has no gaps, so the index of an event is the difference of two places.
            return cursor + 1 < first ? null : _kept.GetRange((int)(cursor + 1 - first), (int)(Head - cursor));
        }
    }

    /// <summary>Whether what the roster said of an event may still be believed.</summary>
    public bool IsFresh(StreamedEvent one) => clock.GetElapsedTime(one.AskedAt) <= s_fresh;

    /// <summary>Appends events and drops those that are no longer fresh, or too many bytes.</summary>
    /// <param name="events">
    /// The events after <see cref="Head"/>; none at all if nobody was there to be told of them.
    /// </param>
    /// <param name="head">The place of the last event, whether it is kept or not.</param>
    public void Append(IReadOnlyList<StreamedEvent> events, long head)
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
}
