using Microsoft.AspNetCore.SignalR;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;

namespace MlsConsole.Host.Live;

/// <summary>
/// Tells consumers outside of this process what happens. The hub has two messages: <c>activity</c>, a list of
/// <see cref="LiveActivity"/>, and <c>overview</c>, a <see cref="LiveOverview"/>.
/// </summary>
internal sealed class LiveHub : Hub
{
    public const string Path = "/hubs/live";
}

/// <summary>The wire form of an <see cref="ActivityRecord"/>, without account, cohort and content.</summary>
/// <param name="At">When it happened.</param>
/// <param name="Method">
/// The short name of a request's method, <c>audit</c> for an audit entry, <c>event</c> for an event that subscribers
/// are told, <c>joinTurn</c>, <c>flag</c>, or <c>rejoin</c> for an episode that counts.
/// </param>
/// <param name="Outcome">
/// <c>accepted</c> or the error name; for a turn to join, <c>given</c> or <c>expired</c>; for a rejoin episode,
/// <c>succeeded</c>, <c>failed</c> or <c>fellBack</c>; for a change of the flag, <c>takenOver</c>.
/// </param>
/// <param name="Reason">The broken rule or the reason; the action of an audit entry; the kind of an event.</param>
/// <param name="Milliseconds">
/// A request's time from its arrival to its answer; a device's wait for its turn; the time that a change of the flag
/// took to come into force on this host; else 0.
/// </param>
/// <param name="ConvoId">The conversation, where it may be told.</param>
/// <param name="Epoch">The epoch that the record is about.</param>
public sealed record LiveActivity(
    DateTimeOffset At,
    string Method,
    string Outcome,
    string? Reason,
    double Milliseconds,
    string? ConvoId,
    ulong? Epoch
)
{
    internal static LiveActivity Of(ActivityRecord activity) =>
        activity switch
        {
            RequestAnswered request => Of(request, request.Method, request.Outcome, request.Reason, request.Elapsed),
            AuditEntryAppended entry => Of(entry, "audit", entry.Outcome, entry.Action),
            EventRelayed relayed => Of(relayed, "event", RequestOutcomes.Accepted, relayed.Kind),
            JoinTurnGiven turn => Of(turn, "joinTurn", "given", reason: null, turn.Waited),
            JoinTurnExpired turn => Of(turn, "joinTurn", "expired"),
            FlagTakenOver flag => Of(flag, "flag", "takenOver", reason: null, flag.Delay),
            RejoinEpisodeEnded episode => Of(episode, "rejoin", episode.Failed ? "failed" : "succeeded"),
            RejoinFellBack episode => Of(episode, "rejoin", "fellBack"),
            _ => throw new ArgumentException($"Unknown record {activity.GetType().Name}.", nameof(activity)),
        };

    private static LiveActivity Of(
        ActivityRecord activity,
        string method,
        string outcome,
        string? reason = null,
        TimeSpan elapsed = default
    ) => new(activity.At, method, outcome, reason, elapsed.TotalMilliseconds, activity.ConvoId, activity.Epoch);
}

/// <summary>
/// External commits of the last five minutes on all hosts. Rates are from 0 to 1, latencies are in seconds; both are
/// null where nothing was attempted.
/// </summary>
public sealed record LiveOverview(
    DateTimeOffset At,
    long Requests,
    long Attempts,
    long Accepted,
    long Mismatches,
    double? SuccessRate,
    double? P50,
    double? P99
)
{
    internal static LiveOverview Of(FigureSnapshot snapshot) =>
        new(
            snapshot.TakenAt,
            snapshot.Submitted,
            snapshot.Total.Attempts,
            snapshot.Total.Counts[Figure.Accepted],
            snapshot.Total.Counts[Figure.Mismatches],
            snapshot.Total.SuccessRate,
            snapshot.Total.P50,
            snapshot.Total.P99
        );
}
