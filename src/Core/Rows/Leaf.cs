using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>A leaf of a conversation's current tree, and the device that has the leaf.</summary>
internal sealed class Leaf
{
    public required string ConvoId { get; init; }
    public long LeafIndex { get; init; }
    public long DeviceRow { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Leaf>
    {
        public void Configure(EntityTypeBuilder<Leaf> builder)
        {
            builder.ToTable("leaves");
            builder.HasKey(leaf => new { leaf.ConvoId, leaf.LeafIndex });
            builder.HasIndex(leaf => new { leaf.ConvoId, leaf.DeviceRow }).IsUnique();
            builder.HasOne<Conversation>().WithMany().HasForeignKey(leaf => leaf.ConvoId);
            builder.HasOne<Device>().WithMany().HasForeignKey(leaf => leaf.DeviceRow);
        }
    }
}
