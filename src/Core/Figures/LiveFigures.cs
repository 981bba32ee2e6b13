using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Figures;

/// <summary>
/// The figures of all hosts over the last day: what is stored, and what this host has counted and not written yet.
/// Everybody in this process who shows or judges figures reads the snapshots of this class.
/// </summary>
/// <remarks>
/// A snapshot is made when it is asked for and is good for <see cref="Tick"/>, so a hundred pages cost what one costs.
/// The memory is bounded: 60 slots for each range and cohort.
/// </remarks>
public sealed class LiveFigures
{
    /// <summary>How long a snapshot is handed out before the next one is made.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    /// <summary>How often a host writes, even if it has counted nothing: then it says that it is there.</summary>
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(FigureStep.Seconds);

    /// <summary>How far back steps of five seconds are read; it covers the longest range.</summary>
    internal static readonly TimeSpan Horizon = TimeSpan.FromHours(25);

    /// <summary>
    /// So many steps wait for a database that cannot be written: a day of five cohorts. Then the oldest go.
    /// </summary>
    private const int MaxUnwritten = 24 * 3600 / FigureStep.Seconds * 5;

    private readonly FigureCounter _counter;
    private readonly FigureStore _store;
    private readonly HostIdentity _host;
    private readonly TimeProvider _clock;

    // Guards the rings and the snapshots. Requests count under the counter's own lock and never wait for this one.
    private readonly Lock _lock = new();
    private readonly FigureRing[] _rings = [.. FigureRange.All.Select(range => new FigureRing(range))];
    private readonly Dictionary<FigureRange, FigureSnapshot> _snapshots = [];

    // Used by one call of StepAsync at a time alone.
    private readonly List<FigureStep> _unwritten = [];
    private readonly Dictionary<string, long> _lastIds = new(StringComparer.Ordinal);
    private DateTimeOffset _writtenAt;

    private IReadOnlyList<HostRow> _hosts = [];
    private long _lastStep = -1;
    private long _version;
    private bool _isComplete;

    internal LiveFigures(FigureCounter counter, FigureStore store, HostIdentity host, TimeProvider clock) =>
        (_counter, _store, _host, _clock) = (counter, store, host, clock);

    /// <summary>Grows when something was counted, here or by another host.</summary>
    public long Version => _counter.Version + Interlocked.Read(ref _version);

    /// <summary>How many steps wait to be written; more than a few while the database cannot be written.</summary>
    public int Unwritten => _unwritten.Count;

    /// <summary>The figures of a range, at most <see cref="Tick"/> old.</summary>
    public FigureSnapshot Snapshot(FigureRange range)
    {
        lock (_lock)
        {
            var now = _clock.GetUtcNow();
            if (_snapshots.TryGetValue(range, out var recent) && now - recent.TakenAt is var age && age < Tick)
                if (age >= TimeSpan.Zero)
                    return recent;
            return _snapshots[range] = Make(_rings.Single(ring => ring.Range == range), now);
        }
    }

    /// <summary>
    /// Takes the steps that are over, writes them, and reads what other hosts have written. It is called again and
    /// again by one duty.
    /// </summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        var now = _clock.GetUtcNow();
        TakeClosed(now, all: false);
        Exception? unwritable = null;
        if (_unwritten.Count > 0 || now - _writtenAt >= s_heartbeat)
            try
            {
                await WriteAsync(now, stopping: false, cancellation);
            }
            catch (Exception exception) when (!cancellation.IsCancellationRequested)
            {
                // What others wrote is read all the same: a database whose disk is full can still be read.
                unwritable = exception;
            }
        try
        {
            await ReadOthersAsync(now, cancellation);
        }
        catch
        {
            _isComplete = false;
            throw;
        }
        _isComplete = unwritable is null;
        if (unwritable is not null)
            throw new FiguresNotWrittenException(unwritable);
    }

    /// <summary>Writes everything that was counted, when no request is served any more.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        var now = _clock.GetUtcNow();
        TakeClosed(now, all: true);
        await WriteAsync(now, stopping: true, cancellation);
    }

    private void TakeClosed(DateTimeOffset now, bool all)
    {
        lock (_lock)
        {
            var closed = _counter.Take(now, all);
            foreach (var step in closed)
                AddToRings(step, now);
            _unwritten.AddRange(closed);
        }
        if (_unwritten.Count > MaxUnwritten)
            _unwritten.RemoveRange(0, _unwritten.Count - MaxUnwritten);
    }

    private async Task WriteAsync(DateTimeOffset now, bool stopping, CancellationToken cancellation)
    {
        await _store.WriteAsync(_unwritten, stopping, cancellation);
        _unwritten.Clear();
        _writtenAt = now;
    }

    private async Task ReadOthersAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var since = now - Horizon;
        var hosts = await _store.HostsAsync(since, cancellation);
        var before = _hosts;
        foreach (var host in hosts)
        {
            // A host that has not been seen since has written nothing new.
            bool isNew = before.FirstOrDefault(row => row.Id == host.Id)?.SeenAt != host.SeenAt;
            if (host.Id != _host.Id && isNew)
                await ReadAsync(host.Id, since, cancellation);
            if (host.StoppedAt is null || isNew)
                await ReadAsync(host.Id + FigureRow.Episodes, since, cancellation);
        }
        foreach (string gone in _lastIds.Keys.Except(hosts.SelectMany(WritersOf)).ToList())
            _lastIds.Remove(gone);
        _hosts = hosts;
    }

    private async Task ReadAsync(string writer, DateTimeOffset since, CancellationToken cancellation)
    {
        await foreach (var read in _store.ReadAsync(writer, _lastIds.GetValueOrDefault(writer), since, cancellation))
        {
            lock (_lock)
                foreach (var step in read.Steps)
                    AddToRings(step, _clock.GetUtcNow());
            _lastIds[writer] = read.LastId;
            Interlocked.Increment(ref _version);
        }
    }

    private static string[] WritersOf(HostRow host) => [host.Id, host.Id + FigureRow.Episodes];

    private void AddToRings(FigureStep step, DateTimeOffset now)
    {
        // The step of a host whose clock is ahead counts as of now: a later slot would push this host's own ones out.
        if (step.Number > FigureStep.NumberOf(now))
            step = step with { Number = FigureStep.NumberOf(now) };
        foreach (var ring in _rings)
            ring.Add(step);
        if (step.Counts[Figure.Attempts] + step.Counts[Figure.Refused] > 0)
            _lastStep = Math.Max(_lastStep, step.Number);
    }

    private FigureSnapshot Make(FigureRing ring, DateTimeOffset now)
    {
        var slots = ring.Until(now, _counter.Untaken());
        var total = new FigureTable();
        foreach (var (_, table) in slots)
            if (table is not null)
                total.Add(table);
        var sum = total.Sum();
        return new(
            ring.Range,
            now,
            new(sum),
            total.Cohorts.ToDictionary(cohort => cohort, cohort => new FigureRates(total.Of(cohort))),
            [.. slots.Select(slot => new FigurePoint(slot.At, slot.Table is { } table ? new(table.Sum()) : null))],
            [
                .. sum
                    .Outcomes.Select(pair => new OutcomeCount(pair.Key.Outcome, pair.Key.Reason, pair.Value))
                    .OrderByDescending(outcome => outcome.Count)
                    .ThenBy(outcome => outcome.Outcome, StringComparer.Ordinal)
                    .ThenBy(outcome => outcome.Reason, StringComparer.Ordinal),
            ],
            LastAt(),
            HostView.Of(_hosts, now - ring.Range.Length, now),
            _isComplete
        );
    }

    private DateTimeOffset? LastAt()
    {
        DateTimeOffset? own = _counter.LastAt,
            stored = _lastStep < 0 ? null : FigureStep.StartOf(_lastStep);
        return own is null || stored > own ? stored : own;
    }
}

/// <summary>The figures could not be written; they wait in memory for the next try.</summary>
public sealed class FiguresNotWrittenException(Exception inner)
    : Exception("The figures could not be written; they wait in memory.", inner);
