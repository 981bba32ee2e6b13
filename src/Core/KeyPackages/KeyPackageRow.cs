using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core;

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
    public DateTimeOffset? ClaimedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<KeyPackageRow>
    {
        public void Configure(EntityTypeBuilder<KeyPackageRow> builder)
        {
            builder.ToTable("key_packages");
            builder.HasIndex(row => row.Reference).IsUnique();
            builder.HasIndex(row => new { row.DeviceRow, row.CipherSuite, row.ClaimedAt });
            builder.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceRow);
        }
    }
}

/// <summary>Who took how many key packages of a device lately.</summary>
internal sealed class KeyPackageClaim
{
    public long Id { get; init; }
    public required string Claimer { get; init; }
    public long DeviceRow { get; init; }
    public DateTimeOffset At { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<KeyPackageClaim>
    {
        public void Configure(EntityTypeBuilder<KeyPackageClaim> builder)
        {
            builder.ToTable("key_package_claims");
            builder.HasIndex(claim => new { claim.Claimer, claim.At });
        }
    }
}
