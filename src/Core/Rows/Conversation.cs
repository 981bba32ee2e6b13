using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

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
            builder
                .HasOne(conversation => conversation.GroupInfo)
                .WithOne()
                .HasForeignKey<StoredGroupInfo>(stored => stored.ConvoId);
            builder.Navigation(conversation => conversation.GroupInfo).IsRequired();
        }
    }
}
