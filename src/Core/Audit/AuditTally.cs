using MlsConsole.Core.Activity;

namespace MlsConsole.Core.Audit;

/// <summary>
/// Counts what happens at any rate: refusals that anybody can cause, faults, and the accepted queries by which devices
/// follow a group or are about to join one. So the audit log grows by a few entries a minute and not by one for each.
/// </summary>
/// <remarks>
/// The counts of a minute are in memory until the minute is over or the host stops; a kill loses the running minute's.
/// While the database cannot be written the counts wait, as far as the memory for them reaches.
/// </remarks>
public sealed class AuditTally : IDisposable
{
    // Methods, outcomes and reasons are closed lists; this bound holds even if a future list is not.
    private const int MaxKinds = 1000;

    // So many kinds wait for a database that cannot be written, those that stand for others among them. Then requests
    // of further kinds are not counted.
    private const int MaxWaiting = 2 * MaxKinds;

    private static readonly HashSet<string> s_countedQueries = [MethodNames.GetGroupInfo, MethodNames.GetCommits];

    private readonly AuditLog _audit;
    private readonly TimeProvider _clock;
    private readonly IDisposable _subscription;
    private readonly SemaphoreSlim _flushing = new(1);
    private readonly Lock _lock = new();
    private readonly Dictionary<Kind, int> _counts = [];

    /// <summary>Counts the requests that the feed tells of from now on.</summary>
    public AuditTally(ActivityFeed feed, AuditLog audit, TimeProvider clock)
    {
        (_audit, _clock) = (audit, clock);
        _subscription = feed.Subscribe(Count);
    }

    /// <summary>
    /// Writes the counts of the minutes that are over; with <paramref name="all"/> the running minute's too. A count
    /// that cannot be written stays for the next call.
    /// </summary>
    public async Task FlushAsync(bool all, CancellationToken cancellation)
    {
        await _flushing.WaitAsync(cancellation);
        try
        {
            var now = Minute(_clock.GetUtcNow());
            List<KeyValuePair<Kind, int>> over;
            lock (_lock)
                over = [.. _counts.Where(pair => all || pair.Key.Minute < now)];
            foreach (var (kind, times) in over)
            {
                await _audit.AppendAsync(EntryOf(kind, times), cancellation);
                lock (_lock)
                    if ((_counts[kind] -= times) == 0)
                        _counts.Remove(kind);
            }
        }
        finally
        {
            _flushing.Release();
        }
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _flushing.Dispose();
    }

    private static AuditEntry EntryOf(Kind kind, int times) =>
        new()
        {
            At = kind.Minute,
            Actor = kind.Actor,
            Action = kind.Action,
            Outcome = kind.Outcome,
            Reason = kind.Reason,
            Times = times,
            CorrelationId = Guid.CreateVersion7(kind.Minute).ToString("N"),
        };

    private void Count(ActivityRecord activity)
    {
        if (activity is not RequestAnswered request)
            return;
        string? actor = request.Outcome switch
        {
            ErrorNames.AuthenticationRequired => AuditEntry.Unauthenticated,
            ErrorNames.RateLimitExceeded or ErrorNames.TurnPending => AuditEntry.RateLimited,
            RequestOutcomes.InternalServerError => AuditEntry.Counted,
            RequestOutcomes.Accepted when s_countedQueries.Contains(request.Method) => AuditEntry.Counted,
            _ => null,
        };
        if (actor is not null)
            Count(new Kind(Minute(request.At), actor, request.Method, request.Outcome, request.Reason));
    }

    /// <summary>Counts something else than a request of an app, for which anybody can be the cause.</summary>
    /// <param name="actor">One of the actors that stand for many.</param>
    /// <param name="action">Of a closed list.</param>
    /// <param name="outcome">Of a closed list.</param>
    /// <param name="reason">Of a closed list.</param>
    internal void Count(string actor, string action, string outcome, string? reason) =>
        Count(new Kind(Minute(_clock.GetUtcNow()), actor, action, outcome, reason));

    private void Count(Kind kind)
    {
        lock (_lock)
        {
            if (_counts.Count >= MaxKinds && !_counts.ContainsKey(kind))
                kind = kind with { Action = "others", Reason = null };
            if (_counts.Count < MaxWaiting || _counts.ContainsKey(kind))
                _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
        }
    }

    private static DateTimeOffset Minute(DateTimeOffset time) =>
        DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds() / 60 * 60);

    private readonly record struct Kind(
        DateTimeOffset Minute,
        string Actor,
        string Action,
        string Outcome,
        string? Reason
    );
}
