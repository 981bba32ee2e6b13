namespace MlsConsole.Clients;

/// <summary>How a rejoin goes on after a way did not lead in.</summary>
internal enum RejoinStep
{
    /// <summary>Fetch a fresh GroupInfo and try an external commit again.</summary>
    Again,

    /// <summary>
    /// The same, but the try does not count: the device stands in the line of those who want to join.
    /// </summary>
    WaitForTurn,

    /// <summary>Ask a member to add the device.</summary>
    AskMembers,

    /// <summary>End the rejoin until another device of the account has approved this one.</summary>
    AwaitApproval,

    /// <summary>End the rejoin with the failure: no way leads in.</summary>
    GiveUp,
}

/// <summary>Decides how a rejoin goes on. This is pure: it reads no clock and no store.</summary>
/// <param name="Step">What to do.</param>
/// <param name="Wait">How long to wait before it. The caller adds jitter.</param>
internal sealed record RejoinDecision(RejoinStep Step, TimeSpan Wait = default)
{
    /// <summary>Decides after an external commit did not succeed.</summary>
    /// <param name="failure">Why it did not succeed.</param>
    /// <param name="attempts">External commits that were tried, this one included.</param>
    /// <param name="turns">Times that the device has waited for a turn.</param>
    /// <param name="options">The bounds.</param>
    public static RejoinDecision AfterExternalCommit(
        MlsClientException failure,
        int attempts,
        int turns,
        MlsClientOptions options
    )
    {
        var wait = failure.RetryAfter is { } asked && asked > TimeSpan.Zero ? asked : TimeSpan.Zero;
        switch (failure.Error)
        {
            case ServiceErrors.TurnPending:
                return turns < options.RejoinTurns && wait <= options.LongestWait
                    ? new(RejoinStep.WaitForTurn, wait)
                    : new(RejoinStep.AskMembers);
            case ServiceErrors.EpochMismatch or ServiceErrors.GhostLeaf or ServiceErrors.RateLimitExceeded:
                return attempts < options.RejoinAttempts && wait <= options.LongestWait
                    ? new(RejoinStep.Again, wait)
                    : new(RejoinStep.AskMembers);
            case ServiceErrors.ExternalCommitsDisabled
            or ServiceErrors.GroupInfoUnavailable
            or ServiceErrors.InvalidCommit
            or ServiceErrors.InvalidGroupInfo
            or ServiceErrors.TooManyMembers
            or ClientErrors.InvalidAnswer:
                return new(RejoinStep.AskMembers);
            case ServiceErrors.DeviceNotApproved:
                // The members are not asked: the service lets them add no device that lacks the approval.
                return new(RejoinStep.AwaitApproval);
            default:
                // Unauthorized is final. A service that cannot be reached is no reason to ask members, and a service
                // that offers another branch of the group is even less of one.
                return new(RejoinStep.GiveUp);
        }
    }

    /// <summary>Decides after the members could not be asked.</summary>
    /// <param name="refusal">Why they could not be asked.</param>
    public static RejoinDecision AfterAskingMembers(MlsClientException refusal) =>
        new(refusal.Error == ServiceErrors.DeviceNotApproved ? RejoinStep.AwaitApproval : RejoinStep.GiveUp);
}
