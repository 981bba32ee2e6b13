using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Audit;

/// <summary>Who did, or tried, what, on what, and how it ended. Never a secret, never content.</summary>
public sealed record AuditEntry
{
    public long Id { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>The account's DID, or the console user; <see cref="Unauthenticated"/> or <see cref="RateLimited"/> for refusals that are counted together.</summary>
    public required string Actor { get; init; }

    /// <summary>Method or console action, for example <c>processExternalCommit</c>.</summary>
    public required string Action { get; init; }

    /// <summary>What it was done to: a conversation id, a device, a flag.</summary>
    public string? Subject { get; init; }

    /// <summary><c>accepted</c> or the error name of the refusal.</summary>
    public required string Outcome { get; init; }

    /// <summary>Why refused (from a closed list), or the reason that a person gave.</summary>
    public string? Reason { get; init; }
    public ulong? EpochBefore { get; init; }
    public ulong? EpochAfter { get; init; }
    public required string CorrelationId { get; init; }

    /// <summary>How many attempts the entry stands for: more than one only where refusals of a minute are counted together.</summary>
    public int Times { get; init; } = 1;

    /// <summary>Its place in the chain, from 1; null until it is linked.</summary>
    public long? Position { get; init; }

    /// <summary>SHA-256 over its canonical JSON, which names the entry before it; null until it is linked.</summary>
    public byte[]? Hash { get; init; }

    /// <summary>The actor of requests whose token was missing or not in order: nobody is known by it.</summary>
    public const string Unauthenticated = "unauthenticated";

    /// <summary>The actor of requests that came too fast.</summary>
    public const string RateLimited = "rate-limited";

    /// <summary>The actor of what a command of the program does.</summary>
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
            // It has the unlinked entries too, those without a position.
            builder.HasIndex(entry => entry.Position).IsUnique();
        }
    }
}
