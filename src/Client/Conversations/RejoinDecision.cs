namespace MlsConsole.Clients;

/// <summary>What to do after an external commit did not succeed.</summary>
internal enum RejoinStep
{
    /// <summary>Fetch a fresh GroupInfo and try again.</summary>
    Again,

    /// <summary>The same, and it does not count: the device waits in line.</summary>
    WaitForTurn,

    /// <summary>Ask a member.</summary>
    Legacy,

    /// <summary>No way leads in.</summary>
    GiveUp,
}

/// <summary>Decides how a rejoin goes on; pure.</summary>
/// <param name="Step">What to do.</param>
/// <param name="Wait">How long to wait before it, to which jitter is added.</param>
internal sealed record RejoinDecision(RejoinStep Step, TimeSpan Wait = default)
{
    /// <param name="failure">Why the try failed.</param>
    /// <param name="attempts">External commits that were tried, this one included.</param>
    /// <param name="turns">Times that the device has waited for a turn.</param>
    /// <param name="options">The bounds.</param>
    public static RejoinDecision After(MlsClientException failure, int attempts, int turns, MlsClientOptions options)
    {
        var wait = failure.RetryAfter is { } asked && asked > TimeSpan.Zero ? asked : TimeSpan.Zero;
        switch (failure.Error)
        {
            case "TurnPending":
                return turns < options.RejoinTurns && wait <= options.LongestWait
                    ? new(RejoinStep.WaitForTurn, wait)
                    : new(RejoinStep.Legacy);
            case "EpochMismatch" or "GhostLeaf" or "RateLimitExceeded":
                return attempts < options.RejoinAttempts && wait <= options.LongestWait
                    ? new(RejoinStep.Again, wait)
                    : new(RejoinStep.Legacy);
            case "ExternalCommitsDisabled"
            or "GroupInfoUnavailable"
            or "InvalidCommit"
            or "InvalidGroupInfo"
            or "TooManyMembers"
            or ClientErrors.InvalidAnswer:
                return new(RejoinStep.Legacy);
            default:
                // Unauthorized is final, for an approval (DeviceNotApproved) one waits, an unreachable service is no reason to ask members, and another branch even less.
                return new(RejoinStep.GiveUp);
        }
    }
}
