namespace MlsConsole.Core.Activity;

/// <summary>
/// Something that has just happened in this process. Meters, statistics, log lines, pages, the live hub and the relay
/// of events all read these records from one <see cref="ActivityFeed"/>. The types below are the only ones.
/// </summary>
public abstract record ActivityRecord
{
    private protected ActivityRecord() { }

    public required DateTimeOffset At { get; init; }

    /// <summary>
    /// The conversation that the record is about; null where there is none, or where it must not be told.
    /// </summary>
    public string? ConvoId { get; init; }

    /// <summary>The epoch that the record is about, or that the conversation has reached.</summary>
    public ulong? Epoch { get; init; }

    /// <summary>The correlation id of the request or of the audit entry.</summary>
    public string? CorrelationId { get; init; }
}

/// <summary>A request was answered, or its caller left before it was. Only these records count as requests.</summary>
public sealed record RequestAnswered : ActivityRecord
{
    /// <summary>The last segment of the method's NSID (<c>processExternalCommit</c>), or <c>unknown</c>.</summary>
    public required string Method { get; init; }

    /// <summary>A value of <see cref="RequestOutcomes"/> or the name of the error on the wire.</summary>
    public required string Outcome { get; init; }

    /// <summary>
    /// The reason of the refusal or the id of the broken rule: one of a closed list, fit for a metric label.
    /// </summary>
    public string? Reason { get; init; }

    /// <summary>The time from the first look at the request to the moment before its answer is written.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>
    /// The time from the moment at which the body of the request had been read; null if it was not read, and for a
    /// method without a body.
    /// </summary>
    public TimeSpan? ElapsedSinceBody { get; init; }

    /// <summary>What the client told of its rejoin, if the request is an accepted reportRejoinOutcome.</summary>
    public RejoinOutcome? Rejoin { get; init; }

    /// <summary>The part of the rollout that the caller was in.</summary>
    public Cohort Cohort { get; init; }

    /// <summary>Whether Core found that the caller may join the conversation, before it judged the commit.</summary>
    public bool Admitted { get; init; }

    /// <summary>
    /// The caller's account; null if the caller was not authenticated. It is for readers inside of this process and
    /// must not get into the live hub, metrics or log lines.
    /// </summary>
    public Did? Account { get; init; }
}

/// <summary>An entry of the audit log has been committed by this process.</summary>
public sealed record AuditEntryAppended : ActivityRecord
{
    /// <summary>The method or the action of the console that the entry records.</summary>
    public required string Action { get; init; }

    /// <summary>A value of <see cref="RequestOutcomes"/> or the name of the error.</summary>
    public required string Outcome { get; init; }
}

/// <summary>An event for subscribers has got its place in the stream, whichever host wrote the event.</summary>
public sealed record EventRelayed : ActivityRecord
{
    /// <summary>What the event tells, by the name of its kind (<c>Membership</c>).</summary>
    public required string Kind { get; init; }
}

/// <summary>A change of the flag has come into force on this host.</summary>
public sealed record FlagTakenOver : ActivityRecord
{
    public required long Version { get; init; }

    /// <summary>The time from the change to the moment at which this host took it over.</summary>
    public required TimeSpan Delay { get; init; }
}

/// <summary>A device got its turn to join the conversation.</summary>
public sealed record JoinTurnGiven : ActivityRecord
{
    /// <summary>How long the device's request waited in the line.</summary>
    public required TimeSpan Waited { get; init; }
}

/// <summary>A device's turn to join the conversation ended unused.</summary>
public sealed record JoinTurnExpired : ActivityRecord;

/// <summary>
/// A rejoin episode that counts has ended, as the one host that judges episodes found; only that host tells of it.
/// </summary>
public sealed record RejoinEpisodeEnded : ActivityRecord
{
    public required Cohort Cohort { get; init; }
    public required bool Failed { get; init; }

    /// <summary>Whether the first attempt ended with EpochMismatch.</summary>
    public required bool Mismatched { get; init; }

    /// <summary>The latency of the slowest attempt.</summary>
    public required TimeSpan Slowest { get; init; }
}

/// <summary>
/// After a failed rejoin episode that counts, the device came back, or tried to, by the help of a member.
/// </summary>
public sealed record RejoinFellBack : ActivityRecord
{
    public required Cohort Cohort { get; init; }
}
