using System.Diagnostics;
using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>A rejoin that has succeeded.</summary>
/// <param name="Latency">
/// Milliseconds until the end of the rejoin, from the moment at which the device got its turn, or from the start if it
/// had no turn.
/// </param>
/// <param name="Waited">Milliseconds from the start to the moment at which the device got its turn.</param>
internal sealed record Rejoin(RejoinWay Way, double Latency, double Waited);

/// <summary>Counts what happens in a run. All devices may use it at the same time.</summary>
internal sealed class Statistics
{
    private const int Kept = 20_000;
    private readonly Lock _lock = new();
    private readonly Queue<Rejoin> _rejoins = [];
    private readonly Dictionary<Act, int> _acts = [];
    private readonly SortedDictionary<string, int> _refusals = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _failures = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _externalCommits = new(StringComparer.Ordinal);
    private long _started = Stopwatch.GetTimestamp();
    private TimeSpan? _stopped;
    private int _joined,
        _legacy,
        _switchedOff,
        _failed;

    /// <summary>Begins to count anew, after a part of the run that only prepares.</summary>
    public void Restart()
    {
        lock (_lock)
        {
            _rejoins.Clear();
            _acts.Clear();
            _refusals.Clear();
            _failures.Clear();
            _externalCommits.Clear();
            (_joined, _legacy, _switchedOff, _failed) = (0, 0, 0, 0);
            _started = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Stops counting, before a part of the run that only compares.</summary>
    public void Stop()
    {
        lock (_lock)
            _stopped ??= Stopwatch.GetElapsedTime(_started);
    }

    public void Did(Act act)
    {
        lock (_lock)
            if (_stopped is null)
                _acts[act] = _acts.GetValueOrDefault(act) + 1;
    }

    /// <summary>The service has refused a request, as it may in a race between devices.</summary>
    public void Refused(string error)
    {
        lock (_lock)
            if (_stopped is null)
                _refusals[error] = _refusals.GetValueOrDefault(error) + 1;
    }

    /// <summary>An external commit was answered, or no answer came.</summary>
    /// <param name="outcome"><c>accepted</c>, the name of the error, or <c>unanswered</c>.</param>
    public void ExternalCommit(string outcome)
    {
        lock (_lock)
            if (_stopped is null)
                _externalCommits[outcome] = _externalCommits.GetValueOrDefault(outcome) + 1;
    }

    /// <summary>A device has rejoined.</summary>
    /// <param name="result">The result that the client has given.</param>
    /// <param name="sinceStart">The time from the start of the rejoin to its end.</param>
    /// <param name="turn">
    /// The time from the start of the rejoin to the moment at which the device got its turn; null if it had none.
    /// </param>
    /// <param name="isSwitchedOff">Whether external commits are off for the account.</param>
    public void Rejoined(RejoinResult result, TimeSpan sinceStart, TimeSpan? turn, bool isSwitchedOff = false)
    {
        var waited = turn is { } given && given > TimeSpan.Zero && given < sinceStart ? given : TimeSpan.Zero;
        lock (_lock)
        {
            if (_stopped is not null)
                return;
            _joined++;
            if (isSwitchedOff && result.Way != RejoinWay.ExternalCommit)
                _switchedOff++;
            else if (result.Way == RejoinWay.Legacy)
                _legacy++;
            _rejoins.Enqueue(new(result.Way, (sinceStart - waited).TotalMilliseconds, waited.TotalMilliseconds));
            if (_rejoins.Count > Kept)
                _rejoins.Dequeue();
        }
    }

    /// <summary>A rejoin has failed.</summary>
    public void RejoinFailed(string error)
    {
        lock (_lock)
        {
            if (_stopped is not null)
                return;
            _failed++;
            _failures[error] = _failures.GetValueOrDefault(error) + 1;
        }
    }

    public Figures Now()
    {
        lock (_lock)
        {
            var commits = _rejoins.Where(one => one.Way == RejoinWay.ExternalCommit).ToList();
            int all = _joined + _failed,
                answered = _externalCommits.Where(one => one.Key != "unanswered").Sum(one => one.Value),
                mismatches = _externalCommits.GetValueOrDefault("EpochMismatch");
            return new()
            {
                Seconds = (_stopped ?? Stopwatch.GetElapsedTime(_started)).TotalSeconds,
                Rejoins = all,
                Joined = _joined,
                ExternalCommits = answered,
                Mismatches = mismatches,
                Success = Share(_joined, all, otherwise: 1),
                SwitchedOff = _switchedOff,
                Fallback = Share(_legacy, all - _switchedOff, 0),
                Mismatch = Share(mismatches, answered, 0),
                P50 = Quantile(commits.Select(one => one.Latency), 0.5),
                P99 = Quantile(commits.Select(one => one.Latency), 0.99),
                WaitP50 = Quantile(commits.Select(one => one.Waited), 0.5),
                WaitLongest = Quantile(commits.Select(one => one.Waited), 1),
                Acts = new SortedDictionary<string, int>(
                    _acts.ToDictionary(one => one.Key.ToString(), one => one.Value),
                    StringComparer.Ordinal
                ),
                Refusals = new SortedDictionary<string, int>(_refusals, StringComparer.Ordinal),
                ExternalCommitOutcomes = new SortedDictionary<string, int>(_externalCommits, StringComparer.Ordinal),
                FailedRejoins = new SortedDictionary<string, int>(_failures, StringComparer.Ordinal),
            };
        }
    }

    private static double Share(int part, int all, double otherwise) => all == 0 ? otherwise : (double)part / all;

    private static double? Quantile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? null : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)];
    }
}

/// <summary>
/// What was counted up to now. Latencies are in milliseconds, and only those of rejoins by external commit.
/// </summary>
internal sealed record Figures
{
    public double Seconds { get; init; }
    public int Rejoins { get; init; }
    public int Joined { get; init; }
    public int ExternalCommits { get; init; }
    public int Mismatches { get; init; }
    public double Success { get; init; }

    /// <summary>Rejoins with the help of a member where external commits are off for the account.</summary>
    public int SwitchedOff { get; init; }

    /// <summary>Rejoins that fell back to the help of a member, of all for which external commits are on.</summary>
    public double Fallback { get; init; }
    public double Mismatch { get; init; }
    public double? P50 { get; init; }
    public double? P99 { get; init; }
    public double? WaitP50 { get; init; }
    public double? WaitLongest { get; init; }
    public required IReadOnlyDictionary<string, int> Acts { get; init; }
    public required IReadOnlyDictionary<string, int> Refusals { get; init; }
    public required IReadOnlyDictionary<string, int> ExternalCommitOutcomes { get; init; }
    public required IReadOnlyDictionary<string, int> FailedRejoins { get; init; }
}
