using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>
/// Why the leaves of an account wait for their removal. The numbers are stored in the database and never change.
/// </summary>
internal enum PendingKind
{
    /// <summary>The account left.</summary>
    Leave = 1,

    /// <summary>The account was banned.</summary>
    Ban = 2,
}

/// <summary>
/// An account that has left or was banned while its leaves are still in the tree. Any member may remove these leaves,
/// and every member's commit has to. The row is deleted by the epoch in which the account has no leaf any more or comes
/// back by an external commit, and by the end of a ban (delivery-service §10.1).
/// </summary>
internal sealed class PendingRemoval
{
    public required string ConvoId { get; init; }
    public required string Did { get; init; }
    public PendingKind Kind { get; init; }

    /// <summary>
    /// The last epoch in which there were proposals that remove the account's leaves: proposals of the account itself,
    /// or of the service (<c>RemovalProposals</c>). In later epochs these proposals are void. Null if there were none.
    /// </summary>
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
