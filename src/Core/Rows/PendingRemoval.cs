using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>Why leaves wait for their removal. The numbers are stored: never changed.</summary>
internal enum PendingKind
{
    /// <summary>The account left.</summary>
    Leave = 1,

    /// <summary>The account was banned.</summary>
    Ban = 2,
}

/// <summary>An account whose leaves any member may remove, and every member's commit has to: it is gone, they are still in the tree. The epoch in which they are not any more, or in which the account joins again, settles it.</summary>
internal sealed class PendingRemoval
{
    public required string ConvoId { get; init; }
    public required string Did { get; init; }
    public PendingKind Kind { get; init; }

    /// <summary>The last epoch in which proposals waited that remove its leaves: the account's own, or the service's (<c>RemovalProposals</c>). They are void in later ones.</summary>
    public long? ProposedEpoch { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<PendingRemoval>
    {
        public void Configure(EntityTypeBuilder<PendingRemoval> builder)
        {
            builder.ToTable("pending_removals");
            builder.HasKey(pending => new { pending.ConvoId, pending.Did });
            builder.HasOne<Conversation>().WithMany().HasForeignKey(pending => pending.ConvoId);
        }
    }
}
