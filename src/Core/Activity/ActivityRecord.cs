namespace MlsConsole.Core.Activity;

/// <summary>What just happened: one record for each request and each audit entry. Everything that counts, counts these.</summary>
public sealed record ActivityRecord
{
    /// <summary>The method of a record that repeats an audit entry.</summary>
    public const string Audit = "audit";

    /// <summary>The method of a record of an event that subscribers are told, whichever host it happened on; its reason is the kind.</summary>
    public const string Event = "event";

    /// <summary>The method of a record of a turn in a line of joiners: <see cref="TurnGiven"/>, with the time that was waited for it, or <see cref="TurnExpired"/>.</summary>
    public const string JoinTurn = "joinTurn";

    /// <summary>Outcomes of a record of a turn: it was given, or it ended unused.</summary>
    public const string TurnGiven = "given",
        TurnExpired = "expired";

    /// <summary>Whether it stands for a request, and so counts.</summary>
    public bool IsRequest => Method is not (Audit or Event or JoinTurn);

    public required DateTimeOffset At { get; init; }

    /// <summary>The lexicon method's last segment (<c>processExternalCommit</c>), <c>unknown</c>, <see cref="Audit"/> or <see cref="Event"/>.</summary>
    public required string Method { get; init; }

    /// <summary><c>accepted</c> or the error name on the wire.</summary>
    public required string Outcome { get; init; }

    /// <summary>Refusal reason or rule id: one of a closed list, fit for a metric label.</summary>
    public string? Reason { get; init; }

    /// <summary>From the first look at the request to the moment before its answer is written.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>For reportRejoinOutcome, if it was accepted.</summary>
    public RejoinOutcome? Rejoin { get; init; }

    public string? ConvoId { get; init; }
    public ulong? Epoch { get; init; }
    public string? CorrelationId { get; init; }
}
