using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>
/// The columns of a conversation's row that hold the GroupInfo, as an entity of their own: a GroupInfo may have
/// megabytes, and only a query that asks for it reads it.
/// </summary>
internal sealed class StoredGroupInfo
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }

    /// <summary>The GroupInfo as an MLSMessage, as the committer signed it.</summary>
    public required byte[] Message { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>
    /// The GroupInfo of an epoch, as an MLSMessage; null if the conversation is not in that epoch any more.
    /// </summary>
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
