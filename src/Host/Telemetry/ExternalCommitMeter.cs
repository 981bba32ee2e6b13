using System.Diagnostics.Metrics;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Host.Xrpc;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Telemetry;

/// <summary>Counts the external commits and the turns to join that the activity feed tells of.</summary>
internal sealed class ExternalCommitMeter : IDisposable
{
    public const string Name = "MlsConsole";
    public const string LatencyName = "external_commit_latency",
        TurnWaitName = "join_turn_wait";

    /// <summary>Bounds in seconds, among them the targets (0.3 and 0.5) and the alert (1).</summary>
    public static readonly double[] LatencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10];

    private static readonly string s_externalCommit = XrpcMethod.LabelOf(Lexicons.ProcessExternalCommit.Nsid);

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _requests,
        _successes,
        _mismatches,
        _turnsExpired;
    private readonly Histogram<double> _latency,
        _turnWait;
    private readonly IDisposable _subscription;

    public ExternalCommitMeter(ActivityFeed feed, JoinTurnConductor turns)
    {
        _requests = _meter.CreateCounter<long>(
            "external_commit_requests",
            description: "External commits that were submitted, whatever became of them."
        );
        _successes = _meter.CreateCounter<long>(
            "external_commit_success",
            description: "External commits that were accepted."
        );
        _mismatches = _meter.CreateCounter<long>(
            "external_commit_epoch_mismatch",
            description: "External commits for an epoch that was not the current one."
        );
        _latency = _meter.CreateHistogram<double>(
            LatencyName,
            "s",
            "From the arrival of an external commit to its answer."
        );
        _turnsExpired = _meter.CreateCounter<long>(
            "join_turns_expired",
            description: "Turns to join that ended unused."
        );
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
        // The series exist from the start, so that the first external commit is an increase.
        foreach (var counter in (Counter<long>[])[_requests, _successes, _mismatches, _turnsExpired])
            counter.Add(0);
        _subscription = feed.Subscribe(Count);
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _meter.Dispose();
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
            case RequestAnswered request when request.Method == s_externalCommit:
                CountExternalCommit(request);
                break;
        }
    }

    private void CountExternalCommit(RequestAnswered request)
    {
        _requests.Add(1);
        if (request.Outcome == RequestOutcomes.Accepted)
            _successes.Add(1);
        if (request.Outcome == nameof(Refusal.EpochMismatch))
            _mismatches.Add(1);
        _latency.Record(request.Elapsed.TotalSeconds);
    }
}
