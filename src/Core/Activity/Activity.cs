namespace MlsConsole.Core;

/// <summary>What just happened: one record for each request and each audit entry. Everything that counts, counts these.</summary>
public sealed record Activity
{
    public required DateTimeOffset At { get; init; }

    /// <summary>The lexicon method's last segment (<c>processExternalCommit</c>), <c>unknown</c>, or <c>audit</c>.</summary>
    public required string Method { get; init; }

    /// <summary><c>accepted</c> or the error name on the wire.</summary>
    public required string Outcome { get; init; }

    /// <summary>Refusal reason or rule id: one of a closed list, fit for a metric label.</summary>
    public string? Reason { get; init; }

    /// <summary>From the first look at the request to the moment before its answer is written.</summary>
    public required TimeSpan Elapsed { get; init; }

    public string? ConvoId { get; init; }
    public ulong? Epoch { get; init; }
    public string? CorrelationId { get; init; }
}
