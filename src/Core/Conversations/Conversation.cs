using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core;

/// <summary>A conversation: an MLS group with its current epoch; the GroupInfo of exactly that epoch is <see cref="StoredGroupInfo"/>.</summary>
internal sealed class Conversation
{
    /// <summary>The service's name for it; opaque.</summary>
    public required string Id { get; init; }
    public required byte[] GroupId { get; init; }
    public int CipherSuite { get; init; }
    public long Epoch { get; init; }

    /// <summary>The sequence number that the next message gets.</summary>
    public long NextSeq { get; init; }

    /// <summary>The sequence number at which somebody left last, leaves behind: a member's commit that was verified before it did not know of it.</summary>
    public long LeftSeq { get; init; }

    /// <summary>Set to be stored; what is read has none, for it may have megabytes (<see cref="StoredGroupInfo.FindAsync"/>).</summary>
    public StoredGroupInfo? GroupInfo { get; init; }
    public string? Metadata { get; init; }

    /// <summary>Whether a device that comes in by itself needs the approval of another one of its account.</summary>
    public bool RequiresApproval { get; init; }

    /// <summary>The epoch in which that was changed last; null if it never was.</summary>
    public long? ApprovalEpoch { get; init; }

    /// <summary>The key of the service that the group lists in external_senders.</summary>
    public long? SignatureKeyId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Holds the conversation's row to the end of the transaction: no epoch begins, and nobody's standing changes, meanwhile.</summary>
    public static Task HoldAsync(MlsDbContext write, string id) =>
        write.Database.ExecuteSqlAsync($"UPDATE conversations SET next_seq = next_seq WHERE id = {id}");

    internal sealed class Table : IEntityTypeConfiguration<Conversation>
    {
        public void Configure(EntityTypeBuilder<Conversation> builder)
        {
            builder.ToTable("conversations");
            builder.HasKey(conversation => conversation.Id);
            builder.HasIndex(conversation => conversation.GroupId).IsUnique();
            builder.HasOne<SignatureKey>().WithMany().HasForeignKey(conversation => conversation.SignatureKeyId);
            builder
                .HasOne(conversation => conversation.GroupInfo)
                .WithOne()
                .HasForeignKey<StoredGroupInfo>(stored => stored.ConvoId);
            builder.Navigation(conversation => conversation.GroupInfo).IsRequired();
        }
    }
}

/// <summary>The GroupInfo in a conversation's row, by itself: only who asks for it reads it.</summary>
internal sealed class StoredGroupInfo
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }

    /// <summary>MLSMessage, as the committer signed it.</summary>
    public required byte[] Message { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The GroupInfo of an epoch; null if that is over.</summary>
    public static Task<byte[]?> FindAsync(
        MlsDbContext context,
        string convoId,
        long epoch,
        CancellationToken cancellation
    ) =>
        context
            .Set<StoredGroupInfo>()
            .Where(row => row.ConvoId == convoId && row.Epoch == epoch)
            .Select(row => row.Message)
            .FirstOrDefaultAsync(cancellation);

    internal sealed class Table : IEntityTypeConfiguration<StoredGroupInfo>
    {
        public void Configure(EntityTypeBuilder<StoredGroupInfo> builder)
        {
            builder.ToTable("conversations");
            builder.HasKey(stored => stored.ConvoId);
            builder.Property(stored => stored.ConvoId).HasColumnName("id");
            builder.Property(stored => stored.Epoch).HasColumnName("group_info_epoch");
            builder.Property(stored => stored.Message).HasColumnName("group_info");
            builder.Property(stored => stored.UpdatedAt).HasColumnName("group_info_updated_at");
        }
    }
}

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

/// <summary>The public state of a group at an epoch, so that a cold group need not replay its whole log.</summary>
internal sealed class Snapshot
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }
    public required byte[] State { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Snapshot>
    {
        public void Configure(EntityTypeBuilder<Snapshot> builder)
        {
            builder.ToTable("snapshots");
            builder.HasKey(snapshot => new { snapshot.ConvoId, snapshot.Epoch });
            builder.HasOne<Conversation>().WithMany().HasForeignKey(snapshot => snapshot.ConvoId);
        }
    }
}
