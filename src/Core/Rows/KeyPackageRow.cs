using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>
/// A published key package. The row stays when the key package has been claimed, because an Add has to name a key
/// package that was published here.
/// </summary>
internal sealed class KeyPackageRow
{
    public long Id { get; init; }
    public long DeviceRow { get; init; }
    public required byte[] Reference { get; init; }
    public int CipherSuite { get; init; }

    /// <summary>The key package as an MLSMessage.</summary>
    public required byte[] KeyPackage { get; init; }
    public bool LastResort { get; init; }
    public DateTimeOffset NotAfter { get; init; }

    /// <summary>
    /// When the key package was given out for one use, or was replaced by a newer last resort. From then on nobody gets
    /// it. Null before.
    /// </summary>
    public DateTimeOffset? ClaimedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<KeyPackageRow>
    {
        public void Configure(EntityTypeBuilder<KeyPackageRow> builder)
        {
            builder.ToTable("key_packages");
            builder.HasIndex(row => row.Reference).IsUnique();
            builder.HasIndex(row => new
            {
                row.DeviceRow,
                row.CipherSuite,
                row.ClaimedAt,
            });
            builder.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceRow);
        }
    }
}
