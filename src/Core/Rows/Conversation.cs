using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>
/// A conversation: an MLS group and its current epoch. The GroupInfo of exactly that epoch is
/// <see cref="StoredGroupInfo"/>.
/// </summary>
internal sealed class Conversation
{
    /// <summary>The conversation's id, which the service made. Clients treat it as opaque.</summary>
    public required string Id { get; init; }
    public required byte[] GroupId { get; init; }
    public int CipherSuite { get; init; }
    public long Epoch { get; init; }

    /// <summary>The sequence number that the next entry of the log (a commit, a proposal or a message) gets.</summary>
    public long NextSeq { get; init; }

    /// <summary>
    /// Where in the log an account left last and left leaves behind: the value that <see cref="NextSeq"/> had. A
    /// member's commit that was verified before that did not know of these leaves, so it is refused.
    /// </summary>
    public long LeftSeq { get; init; }

    /// <summary>
    /// The GroupInfo of a conversation that is about to be stored for the first time. In a conversation that was read
    /// it is null: a GroupInfo may have megabytes, so it is read by itself (<see cref="StoredGroupInfo.FindAsync"/>).
    /// </summary>
    public StoredGroupInfo? GroupInfo { get; init; }
    public string? Metadata { get; init; }

    /// <summary>
    /// Whether a device that comes in by itself needs the approval of another device of its account (delivery-service
    /// §5.3).
    /// </summary>
    public bool RequiresApproval { get; init; }

    /// <summary>The epoch in which <see cref="RequiresApproval"/> was changed last; null if it never was.</summary>
    public long? ApprovalEpoch { get; init; }

    /// <summary>
    /// The row of the service's signature key that the group lists in external_senders; null if the group lists none.
    /// </summary>
    public long? SignatureKeyId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>
    /// Locks the conversation's row to the end of the transaction. Meanwhile no epoch begins, and no account's standing
    /// in the conversation changes.
    /// </summary>
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
