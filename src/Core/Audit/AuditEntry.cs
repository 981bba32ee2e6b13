using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core;

/// <summary>Who did, or tried, what, on what, and how it ended. Never a secret, never content.</summary>
public sealed record AuditEntry
{
    public long Id { get; init; }
    public required DateTimeOffset At { get; init; }
    /// <summary>The account's DID, or the console user.</summary>
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

    public const string Accepted = "accepted";

    internal sealed class Table : IEntityTypeConfiguration<AuditEntry>
    {
        public void Configure(EntityTypeBuilder<AuditEntry> builder)
        {
            builder.ToTable("audit");
            builder.HasKey(entry => entry.Id);
            builder.Property(entry => entry.Id).ValueGeneratedOnAdd();
            builder.HasIndex(entry => entry.At);
        }
    }
}
