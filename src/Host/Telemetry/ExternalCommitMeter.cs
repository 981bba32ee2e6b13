using System.Diagnostics.Metrics;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Core.JoinTurns;

namespace MlsConsole.Host.Telemetry;

/// <summary>
/// Counts the external commits and the turns to join that the activity feed tells of, as docs/figures.md defines them.
/// </summary>
internal sealed class ExternalCommitMeter : IDisposable
{
    public const string Name = "MlsConsole";
    public const string LatencyName = "external_commit_latency",
        TurnWaitName = "join_turn_wait";

    /// <summary>Bounds in seconds, among them the targets (0.3 and 0.5) and the alert (1).</summary>
    public static readonly double[] LatencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10];

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _requests,
        _successes,
        _mismatches,
        _faults,
        _over500Milliseconds,
        _overOneSecond,
        _refused,
        _turnsExpired;
    private readonly Histogram<double> _latency,
        _turnWait;
    private readonly IDisposable _subscription;

    public ExternalCommitMeter(ActivityFeed feed, JoinTurnConductor turns)
    {
        _requests = OfCohorts("requests", "External commits that were judged on their merits (attempts).");
        _successes = OfCohorts("success", "Attempts that were accepted.");
        _mismatches = OfCohorts("epoch_mismatch", "Attempts for an epoch that was not the current one.");
        _faults = OfCohorts("faults", "Attempts that failed by a fault of the service.");
        _over500Milliseconds = OfCohorts("over_500ms", "Attempts that took longer than 500 milliseconds.");
        _overOneSecond = OfCohorts("over_1s", "Attempts that took longer than one second.");
        _refused = _meter.CreateCounter<long>(
            "external_commit_refused",
            description: "External commits that policy refused before they were judged."
        );
        foreach (string reason in Attempt.RefusalLabels)
            _refused.Add(0, Reason(reason));
        _latency = _meter.CreateHistogram<double>(
            LatencyName,
            "s",
            "Of attempts: from the moment at which the body had been read to the answer."
        );
        _turnsExpired = _meter.CreateCounter<long>(
            "join_turns_expired",
            description: "Turns to join that ended unused."
        );
        _turnsExpired.Add(0);
        _turnWait = _meter.CreateHistogram<double>(
            TurnWaitName,
            "s",
            "How long a device waited for the turn that it was given."
        );
        _meter.CreateObservableGauge(
            "join_turn_waiting",
            () => turns.Waiting,
            description: "Requests on this host that wait for their turn to join."
        );
        _subscription = feed.Subscribe(Count);
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _meter.Dispose();
    }

    /// <summary>A counter whose series exist from the start, so that the first attempt is an increase.</summary>
    private Counter<long> OfCohorts(string name, string description)
    {
        var counter = _meter.CreateCounter<long>($"external_commit_{name}", description: description);
        foreach (var cohort in CohortLabel.All)
            counter.Add(0, CohortLabel.Of(cohort));
        return counter;
    }

    private void Count(ActivityRecord activity)
    {
        switch (activity)
        {
            case JoinTurnGiven turn:
                _turnWait.Record(turn.Waited.TotalSeconds);
                break;
            case JoinTurnExpired:
                _turnsExpired.Add(1);
                break;
            case RequestAnswered request when Attempt.IsExternalCommit(request):
                if (Attempt.Of(request) is { } attempt)
                    Count(attempt, CohortLabel.Of(request.Cohort));
                else
                    _refused.Add(1, Reason(Attempt.LabelOfRefusal(request)));
                break;
        }
    }

    private void Count(Attempt attempt, KeyValuePair<string, object?> cohort)
    {
        _requests.Add(1, cohort);
        if (attempt.Result == AttemptResult.Accepted)
            _successes.Add(1, cohort);
        if (attempt.Result == AttemptResult.Mismatched)
            _mismatches.Add(1, cohort);
        if (attempt.Result == AttemptResult.Fault)
            _faults.Add(1, cohort);
        if (attempt.Latency > TimeSpan.FromMilliseconds(500))
            _over500Milliseconds.Add(1, cohort);
        if (attempt.Latency > TimeSpan.FromSeconds(1))
            _overOneSecond.Add(1, cohort);
        _latency.Record(attempt.Latency.TotalSeconds, cohort);
    }

    private static KeyValuePair<string, object?> Reason(string reason) => new("reason", reason);
}
