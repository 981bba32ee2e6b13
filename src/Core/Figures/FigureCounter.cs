using MlsConsole.Core.Activity;

namespace MlsConsole.Core.Figures;

/// <summary>
/// Counts the requests of this host that the activity feed tells of, in steps of five seconds. Counting is all that a
/// request waits for: an addition in memory.
/// </summary>
public sealed class FigureCounter : IDisposable
{
    private readonly Lock _lock = new();
    private readonly IDisposable _subscription;
    private readonly List<FigureStep> _closed = [];
    private readonly SortedDictionary<Cohort, FigureCounts> _open = [];
    private long _openNumber;
    private long _version;
    private DateTimeOffset? _lastAt;

    /// <summary>Counts the requests that the feed tells of from now on.</summary>
    public FigureCounter(ActivityFeed feed) =>
        _subscription = feed.Subscribe(activity =>
        {
            if (activity is RequestAnswered request)
                Count(request);
        });

    /// <summary>Grows with every request.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>When the last external commit was answered; null if this process has seen none.</summary>
    public DateTimeOffset? LastAt
    {
        get
        {
            lock (_lock)
                return _lastAt;
        }
    }

    public void Dispose() => _subscription.Dispose();

    /// <summary>Takes the steps that are over, each once; with <paramref name="all"/> the running step too.</summary>
    internal IReadOnlyList<FigureStep> Take(DateTimeOffset now, bool all = false)
    {
        lock (_lock)
        {
            if (all || FigureStep.NumberOf(now) > _openNumber)
                Close();
            FigureStep[] taken = [.. _closed];
            _closed.Clear();
            return taken;
        }
    }

    /// <summary>Copies of what was counted and not taken yet.</summary>
    internal IReadOnlyList<FigureStep> Untaken()
    {
        lock (_lock)
            return
            [
                .. _closed
                    .Concat(_open.Select(pair => new FigureStep(_openNumber, pair.Key, pair.Value)))
                    .Select(step => step with { Counts = Copy(step.Counts) }),
            ];
    }

    private void Count(RequestAnswered request)
    {
        lock (_lock)
        {
            // A clock that is set back must not open a step again that has been written.
            long number = Math.Max(_openNumber, FigureStep.NumberOf(request.At));
            if (number > _openNumber)
                Close();
            _openNumber = number;
            if (!_open.TryGetValue(request.Cohort, out var counts))
                _open[request.Cohort] = counts = new();
            counts.Add(request);
            if (Attempt.IsExternalCommit(request))
                _lastAt = request.At;
        }
        Interlocked.Increment(ref _version);
    }

    private void Close()
    {
        _closed.AddRange(_open.Select(pair => new FigureStep(_openNumber, pair.Key, pair.Value)));
        if (_open.Count > 0)
            _openNumber++;
        _open.Clear();
    }

    private static FigureCounts Copy(FigureCounts counts)
    {
        var copy = new FigureCounts();
        copy.Add(counts);
        return copy;
    }
}
