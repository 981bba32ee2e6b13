namespace MlsConsole.Core.Activity;

/// <summary>How many requests ended with an outcome.</summary>
/// <param name="Outcome"><c>accepted</c>, or the name of the error.</param>
/// <param name="Reason">
/// The id of the rule, or the reason, for which the requests were refused; null if there is none.
/// </param>
/// <param name="Count">The number of requests.</param>
public sealed record OutcomeCount(string Outcome, string? Reason, int Count);

/// <summary>
/// One point in the drawing of a window. The values that may be null are null where nothing was attempted, and leave a
/// gap in the drawing.
/// </summary>
/// <param name="At">When the time begins that the point stands for.</param>
/// <param name="Attempts">The attempts in that time (see <see cref="OverviewSnapshot"/>).</param>
/// <param name="SuccessRate">Accepted of all attempts, 0 to 1.</param>
/// <param name="Mismatches">The attempts that ended with EpochMismatch.</param>
/// <param name="P50">The median of the attempts' durations, in seconds.</param>
/// <param name="P99">The 99th percentile of the attempts' durations, in seconds.</param>
public sealed record OverviewPoint(
    DateTimeOffset At,
    int Attempts,
    double? SuccessRate,
    int Mismatches,
    double? P50,
    double? P99
);

/// <summary>External commits over a window of time. Rates are null where nothing was attempted.</summary>
/// <param name="Window">The length of the window of time, which ends at <paramref name="TakenAt"/>.</param>
/// <param name="TakenAt">When the snapshot was taken.</param>
/// <param name="Requests">All calls of processExternalCommit.</param>
/// <param name="Attempts">
/// The requests that the rates are computed from: accepted, or failed because of the commit itself or of its timing.
/// </param>
/// <param name="Accepted">The attempts that were accepted.</param>
/// <param name="Mismatches">The attempts that ended with EpochMismatch.</param>
/// <param name="Refused">The requests that policy refused: no token, not a member, switched off.</param>
/// <param name="P50">The median of the attempts' durations, in seconds.</param>
/// <param name="P99">The 99th percentile of the attempts' durations, in seconds.</param>
/// <param name="RequestsPerSecond">Requests of all methods in one second, on average over the window.</param>
/// <param name="Outcomes">The outcomes of all calls of processExternalCommit, the most frequent first.</param>
/// <param name="Points">The window in about 60 points of the same length, in the order of time.</param>
/// <param name="LastAt">
/// When the last call of processExternalCommit ended that this process has seen; null if it has seen none.
/// </param>
public sealed record OverviewSnapshot(
    TimeSpan Window,
    DateTimeOffset TakenAt,
    int Requests,
    int Attempts,
    int Accepted,
    int Mismatches,
    int Refused,
    double? P50,
    double? P99,
    double RequestsPerSecond,
    IReadOnlyList<OutcomeCount> Outcomes,
    IReadOnlyList<OverviewPoint> Points,
    DateTimeOffset? LastAt
)
{
    /// <summary>Accepted of all attempts, 0 to 1.</summary>
    public double? SuccessRate => Attempts == 0 ? null : (double)Accepted / Attempts;

    /// <summary>Epoch mismatches of all attempts, 0 to 1.</summary>
    public double? MismatchRate => Attempts == 0 ? null : (double)Mismatches / Attempts;
}

/// <summary>
/// Aggregates of the last 24 hours in steps of five seconds, fed by the activity feed alone. The memory is bounded, and
/// a step without requests takes none.
/// </summary>
public sealed class ActivityStatistics : IDisposable
{
    private const int StepSeconds = 5,
        Steps = 24 * 3600 / StepSeconds,
        PointCount = 60;

    /// <summary>
    /// Outcomes that say nothing about the commit. Requests with these outcomes are counted as refused and have no part
    /// in the rates.
    /// </summary>
    private static readonly HashSet<string> s_policyOutcomes =
    [
        ErrorNames.AuthenticationRequired,
        ErrorNames.Unauthorized,
        ErrorNames.ExternalCommitsDisabled,
        ErrorNames.DeviceNotApproved,
        ErrorNames.RateLimitExceeded,
        ErrorNames.IdempotencyConflict,
        RequestOutcomes.RequestAborted,
    ];

    private readonly Step?[] _steps = new Step?[Steps];
    private readonly Lock _lock = new();
    private readonly TimeProvider _clock;
    private readonly IDisposable _subscription;
    private DateTimeOffset? _lastAt;
    private long _version;

    /// <summary>Counts the requests that the feed tells of from now on.</summary>
    public ActivityStatistics(ActivityFeed feed, TimeProvider clock)
    {
        _clock = clock;
        _subscription = feed.Subscribe(Count);
    }

    /// <summary>Grows with every request, so a reader needs a new snapshot only when this number has changed.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Aggregates the last <paramref name="window"/>, at most 24 hours.</summary>
    public OverviewSnapshot Snapshot(TimeSpan window)
    {
        var now = _clock.GetUtcNow();
        long last = StepOf(now),
            count = Math.Min(Steps, (long)Math.Ceiling(window.TotalSeconds / StepSeconds)),
            first = last - count + 1;
        long perPoint = Math.Max(1, count / PointCount);
        var total = new Step(0);
        var points = new List<OverviewPoint>(PointCount);
        lock (_lock)
        {
            for (long start = first; start <= last; start += perPoint)
            {
                var point = new Step(start);
                for (long index = start; index < start + perPoint && index <= last; index++)
                    if (_steps[index % Steps] is { } step && step.Index == index)
                        point.Add(step);
                total.Add(point);
                points.Add(
                    new(
                        DateTimeOffset.FromUnixTimeSeconds(start * StepSeconds),
                        point.Attempts,
                        point.Attempts == 0 ? null : (double)point.Accepted / point.Attempts,
                        point.Mismatches,
                        point.Latency.Quantile(0.5),
                        point.Latency.Quantile(0.99)
                    )
                );
            }
            return new(
                window,
                now,
                total.Requests,
                total.Attempts,
                total.Accepted,
                total.Mismatches,
                total.Requests - total.Attempts,
                total.Latency.Quantile(0.5),
                total.Latency.Quantile(0.99),
                total.AllRequests / window.TotalSeconds,
                [
                    .. total
                        .Outcomes.Select(pair => new OutcomeCount(pair.Key.Outcome, pair.Key.Reason, pair.Value))
                        .OrderByDescending(outcome => outcome.Count)
                        .ThenBy(outcome => outcome.Outcome, StringComparer.Ordinal),
                ],
                points,
                _lastAt
            );
        }
    }

    public void Dispose() => _subscription.Dispose();

    private void Count(ActivityRecord activity)
    {
        if (activity is not RequestAnswered request)
            return;
        lock (_lock)
        {
            long index = StepOf(request.At);
            ref var step = ref _steps[index % Steps];
            if (step is null || step.Index < index)
                step = new(index);
            if (step.Index != index)
                return; // The request is more than a day older than the newest one.
            step.AllRequests++;
            if (request.Method == MethodNames.ProcessExternalCommit)
            {
                _lastAt = request.At;
                step.Count(request, s_policyOutcomes.Contains(request.Outcome));
            }
        }
        Interlocked.Increment(ref _version);
    }

    private static long StepOf(DateTimeOffset at) => at.ToUnixTimeSeconds() / StepSeconds;

    private sealed class Step(long index)
    {
        public long Index => index;
        public int AllRequests,
            Requests,
            Attempts,
            Accepted,
            Mismatches;
        public LatencyHistogram Latency { get; } = new();
        public Dictionary<(string Outcome, string? Reason), int> Outcomes { get; } = [];

        public void Count(RequestAnswered request, bool refusedByPolicy)
        {
            Requests++;
            Outcomes[(request.Outcome, request.Reason)] =
                Outcomes.GetValueOrDefault((request.Outcome, request.Reason)) + 1;
            if (refusedByPolicy)
                return;
            Attempts++;
            Latency.Add(request.Elapsed);
            if (request.Outcome == RequestOutcomes.Accepted)
                Accepted++;
            if (request.Outcome == ErrorNames.EpochMismatch)
                Mismatches++;
        }

        public void Add(Step other)
        {
            AllRequests += other.AllRequests;
            Requests += other.Requests;
            Attempts += other.Attempts;
            Accepted += other.Accepted;
            Mismatches += other.Mismatches;
            Latency.Add(other.Latency);
            foreach (var (key, count) in other.Outcomes)
                Outcomes[key] = Outcomes.GetValueOrDefault(key) + count;
        }
    }
}
