using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>What a log entry holds.</summary>
internal enum LogKind
{
    Commit = 1,
    Proposal = 2,
    Message = 3,
}

/// <summary>One entry of a conversation's log: commits, proposals and messages in one order. The commits are the durable truth of the group.</summary>
internal sealed class LogEntry
{
    /// <summary>The sender of what the service proposes.</summary>
    public const string OfService = "";

    public required string ConvoId { get; init; }
    public long Seq { get; init; }
    public LogKind Kind { get; init; }

    /// <summary>The epoch that a commit creates, or that a proposal or message was sent in.</summary>
    public long Epoch { get; init; }

    /// <summary>MLSMessage.</summary>
    public required byte[] Message { get; init; }

    /// <summary>Of a proposal: the ProposalRef by which a commit names it (RFC 9420 §5.2).</summary>
    public byte[]? Reference { get; init; }

    /// <summary>The account.</summary>
    public required string Sender { get; init; }
    public bool External { get; init; }

    /// <summary>The device that joined by an external commit.</summary>
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
