using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Audit;

/// <summary>
/// An entry of the audit log: who did or tried what, on what, and how it ended. It never has a secret or the content of
/// a message.
/// </summary>
public sealed record AuditEntry
{
    public long Id { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>
    /// The DID of the account or the name of the console user; <see cref="Operator"/> for commands of the program;
    /// <see cref="Unauthenticated"/>, <see cref="RateLimited"/> or <see cref="Counted"/> for what is counted together.
    /// </summary>
    public required string Actor { get; init; }

    /// <summary>
    /// The XRPC method without its namespace, or the console action, for example <c>processExternalCommit</c>.
    /// </summary>
    public required string Action { get; init; }

    /// <summary>What the action was done to: a conversation's id, a device, a flag.</summary>
    public string? Subject { get; init; }

    /// <summary><c>accepted</c>, or the error name of the refusal.</summary>
    public required string Outcome { get; init; }

    /// <summary>
    /// Why the attempt was refused (from a closed list), or the reason that a person gave for an action.
    /// </summary>
    public string? Reason { get; init; }

    /// <summary>
    /// The evidence, as the text of <see cref="AuditDetails"/>: before and after, the numbers of a verdict, a second
    /// person. It is part of what is hashed. Null where there is none, and then the hash is what it was before entries
    /// had details.
    /// </summary>
    public string? Details { get; init; }
    public ulong? EpochBefore { get; init; }
    public ulong? EpochAfter { get; init; }
    public required string CorrelationId { get; init; }

    /// <summary>
    /// How many requests the entry stands for. It is more than one only where the requests of a minute are counted
    /// together.
    /// </summary>
    public int Times { get; init; } = 1;

    /// <summary>The entry's place in the chain, from 1; null until the entry is linked.</summary>
    public long? Position { get; init; }

    /// <summary>
    /// SHA-256 over the entry's canonical JSON, which has the hash of the entry before it; null until the entry is
    /// linked.
    /// </summary>
    public byte[]? Hash { get; init; }

    /// <summary>The actor of requests whose token was missing or not in order, so that nobody is known.</summary>
    public const string Unauthenticated = "unauthenticated";

    /// <summary>The actor of requests over a rate limit.</summary>
    public const string RateLimited = "rate-limited";

    /// <summary>The actor of requests of any accounts that are counted together.</summary>
    public const string Counted = "counted";

    /// <summary>The actor of what the operator does by a command of the program.</summary>
    public const string Operator = "operator";

    internal sealed class Table : IEntityTypeConfiguration<AuditEntry>
    {
        public void Configure(EntityTypeBuilder<AuditEntry> builder)
        {
            builder.ToTable("audit");
            builder.HasKey(entry => entry.Id);
            builder.Property(entry => entry.Id).ValueGeneratedOnAdd();
            builder.Property(entry => entry.Times).HasDefaultValue(1).ValueGeneratedNever();
            builder.HasIndex(entry => entry.At);
            // The unlinked entries, which have no position, are found by this index too.
            builder.HasIndex(entry => entry.Position).IsUnique();
        }
    }
}
