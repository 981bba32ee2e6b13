using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>A published key package. A claimed one stays: an Add must name one that was published here.</summary>
internal sealed class KeyPackageRow
{
    public long Id { get; init; }
    public long DeviceRow { get; init; }
    public required byte[] Reference { get; init; }
    public int CipherSuite { get; init; }

    /// <summary>MLSMessage.</summary>
    public required byte[] KeyPackage { get; init; }
    public bool LastResort { get; init; }
    public DateTimeOffset NotAfter { get; init; }

    /// <summary>When it was given out for good, or replaced by a newer last resort: from then on nobody gets it.</summary>
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
