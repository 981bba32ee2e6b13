using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>
/// The public state of a group at an epoch. A group that is not in memory is loaded from its last snapshot and the
/// commits since then, instead of all commits.
/// </summary>
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
