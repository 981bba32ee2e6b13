using MlsConsole.Core.Activity;

namespace MlsConsole.Core.Figures;

/// <summary>How an attempt ended.</summary>
public enum AttemptResult
{
    Accepted,

    /// <summary>The commit was for an epoch that was not the current one.</summary>
    Mismatched,

    /// <summary>The commit broke a rule.</summary>
    Failed,

    /// <summary>The service failed, or took so long that the caller left.</summary>
    Fault,
}

/// <summary>
/// An external commit that was judged on its merits. This is the one place that decides which requests are attempts;
/// tiles, guards, alerts and metrics all count attempts (docs/figures.md).
/// </summary>
/// <param name="Result">How the attempt ended.</param>
/// <param name="Latency">From the moment at which the body had been read to the answer.</param>
/// <param name="RetryMayHelp">Whether the same device may succeed when it tries again with a new commit.</param>
public readonly record struct Attempt(AttemptResult Result, TimeSpan Latency, bool RetryMayHelp)
{
    /// <summary>A caller who leaves later than this has waited for the service for too long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>The label of a refusal that is not in <see cref="RefusalLabels"/>.</summary>
    public const string OtherRefusal = "other";

    /// <summary>Failures that come from the commit or from its timing.</summary>
    private static readonly HashSet<string> s_merits =
    [
        ErrorNames.EpochMismatch,
        ErrorNames.InvalidCommit,
        ErrorNames.InvalidGroupInfo,
        ErrorNames.WrongUser,
        ErrorNames.GhostLeaf,
        ErrorNames.LeavePending,
    ];

    /// <summary>Failures that another member's commit can bring about, so that a new commit may be accepted.</summary>
    private static readonly HashSet<string> s_retryMayHelp =
    [
        ErrorNames.EpochMismatch,
        ErrorNames.GhostLeaf,
        ErrorNames.LeavePending,
    ];

    /// <summary>
    /// What policy refuses, whatever the commit is. The list is closed: the names are values of a metric label.
    /// </summary>
    public static IReadOnlyList<string> RefusalLabels { get; } =
    [
        ErrorNames.AuthenticationRequired,
        ErrorNames.DeviceNotApproved,
        ErrorNames.ExternalCommitsDisabled,
        ErrorNames.IdempotencyConflict,
        ErrorNames.RateLimitExceeded,
        ErrorNames.TooManyMembers,
        ErrorNames.Unauthorized,
        RequestOutcomes.InvalidRequest,
        RequestOutcomes.RequestAborted,
        OtherRefusal,
    ];

    /// <returns>Null if the request is no external commit, or one that was refused by policy.</returns>
    public static Attempt? Of(RequestAnswered request)
    {
        if (!IsExternalCommit(request) || request.ElapsedSinceBody is not { } latency)
            return null;
        return request.Outcome switch
        {
            RequestOutcomes.Accepted => new(AttemptResult.Accepted, latency, RetryMayHelp: false),
            ErrorNames.EpochMismatch => new(AttemptResult.Mismatched, latency, RetryMayHelp: true),
            RequestOutcomes.InternalServerError or RequestOutcomes.NotEnoughResources => new(
                AttemptResult.Fault,
                latency,
                RetryMayHelp: true
            ),
            RequestOutcomes.RequestAborted when latency > Patience => new(
                AttemptResult.Fault,
                latency,
                RetryMayHelp: true
            ),
            var outcome when s_merits.Contains(outcome) => new(
                AttemptResult.Failed,
                latency,
                s_retryMayHelp.Contains(outcome)
            ),
            _ => null,
        };
    }

    /// <summary>Why policy refused an external commit that is no attempt: one of <see cref="RefusalLabels"/>.</summary>
    public static string LabelOfRefusal(RequestAnswered request) =>
        RefusalLabels.Contains(request.Outcome) ? request.Outcome : OtherRefusal;

    public static bool IsExternalCommit(RequestAnswered request) => request.Method == MethodNames.ProcessExternalCommit;
}
