using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>What an entry of the log is. The numbers are stored in the database and never change.</summary>
internal enum LogKind
{
    Commit = 1,
    Proposal = 2,
    Message = 3,
}

/// <summary>
/// One entry of a conversation's log, in which commits, proposals and messages stand in one order. The commits
/// are the durable truth of the group: its state can be rebuilt from them and the proposals that they name.
/// </summary>
internal sealed class LogEntry
{
    /// <summary>The <see cref="Sender"/> of proposals that the service itself makes.</summary>
    public const string OfService = "";

    public required string ConvoId { get; init; }
    public long Seq { get; init; }
    public LogKind Kind { get; init; }

    /// <summary>The epoch that a commit creates, or in which a proposal or message was sent.</summary>
    public long Epoch { get; init; }

    /// <summary>The commit, proposal or message as an MLSMessage.</summary>
    public required byte[] Message { get; init; }

    /// <summary>
    /// The ProposalRef by which a commit names this proposal (RFC 9420 §5.2); null for commits and messages.
    /// </summary>
    public byte[]? Reference { get; init; }

    /// <summary>The DID of the account that sent the entry; <see cref="OfService"/> for the service.</summary>
    public required string Sender { get; init; }
    public bool External { get; init; }

    /// <summary>The row of the device that joined by this external commit; null for every other entry.</summary>
    public long? JoinedBy { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<LogEntry>
    {
        public void Configure(EntityTypeBuilder<LogEntry> builder)
        {
            builder.ToTable("log");
            builder.HasKey(entry => new { entry.ConvoId, entry.Seq });
            builder
                .HasIndex(entry => new { entry.ConvoId, entry.Epoch })
                .IsUnique()
                .HasFilter("kind = 1")
                .HasDatabaseName("ix_log_convo_id_epoch_of_commits");
            builder
                .HasIndex(entry => new
                {
                    entry.ConvoId,
                    entry.JoinedBy,
                    entry.CreatedAt,
                })
                .HasFilter("joined_by IS NOT NULL")
                .HasDatabaseName("ix_log_of_joins");
            builder
                .HasIndex(entry => new
                {
                    entry.ConvoId,
                    entry.Epoch,
                    entry.Reference,
                })
                .IsUnique()
                .HasFilter("kind = 2")
                .HasDatabaseName("ix_log_convo_id_epoch_reference_of_proposals");
            builder
                .HasIndex(entry => entry.CreatedAt)
                .HasFilter("kind = 3")
                .HasDatabaseName("ix_log_created_at_of_messages");
            builder.HasOne<Conversation>().WithMany().HasForeignKey(entry => entry.ConvoId);
        }
    }
}
