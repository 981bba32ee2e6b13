using Microsoft.AspNetCore.SignalR;
using MlsConsole.Core.Activity;

namespace MlsConsole.Host.Live;

/// <summary>What happened, for consumers outside of this process. Messages: <c>activity</c> (a list of <see cref="LiveActivity"/>) and <c>overview</c> (an <see cref="LiveOverview"/>).</summary>
internal sealed class LiveHub : Hub
{
    public const string Path = "/hubs/live";
}

/// <summary>One outcome. No account, no content.</summary>
/// <param name="Method">Short method name, <c>audit</c>, or <c>event</c> for what subscribers are told, whichever host it happened on.</param>
/// <param name="Outcome"><c>accepted</c> or the error name.</param>
/// <param name="Reason">The rule or reason behind it; the action of an audit entry, the kind of an event.</param>
/// <param name="Milliseconds">From arrival to answer.</param>
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
        new(
            activity.At,
            activity.Method,
            activity.Outcome,
            activity.Reason,
            activity.Elapsed.TotalMilliseconds,
            activity.ConvoId,
            activity.Epoch
        );
}

/// <summary>External commits of the last five minutes. Rates are 0 to 1, null where nothing was attempted; latencies in seconds.</summary>
public sealed record LiveOverview(
    DateTimeOffset At,
    int Requests,
    int Attempts,
    int Accepted,
    int Mismatches,
    double? SuccessRate,
    double? P50,
    double? P99
)
{
    internal static LiveOverview Of(OverviewSnapshot snapshot) =>
        new(
            snapshot.TakenAt,
            snapshot.Requests,
            snapshot.Attempts,
            snapshot.Accepted,
            snapshot.Mismatches,
            snapshot.SuccessRate,
            snapshot.P50,
            snapshot.P99
        );
}
