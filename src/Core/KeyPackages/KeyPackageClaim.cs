using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.KeyPackages;

/// <summary>
/// One of the claims by which an account gets a key package of a device, of which it has <see
/// cref="KeyPackageStore.ClaimsPerDay"/> in 24 hours. The claims are numbered, so that two hosts cannot use the same
/// claim at the same time. A claim that is a day old is used again.
/// </summary>
internal sealed class KeyPackageClaim
{
    /// <summary>The DID of the account that claims.</summary>
    public required string Claimer { get; init; }

    /// <summary>The row of the device whose key packages are claimed.</summary>
    public long DeviceRow { get; init; }

    /// <summary>
    /// The number of the claim, from 0 to <see cref="KeyPackageStore.ClaimsPerDay"/> - 1.
    /// </summary>
    public int Slot { get; init; }

    /// <summary>When the claim was last used.</summary>
    public DateTimeOffset At { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<KeyPackageClaim>
    {
        public void Configure(EntityTypeBuilder<KeyPackageClaim> builder)
        {
            builder.ToTable("key_package_claims");
            builder.HasKey(claim => new
            {
                claim.Claimer,
                claim.DeviceRow,
                claim.Slot,
            });
            builder.Property(claim => claim.At).IsConcurrencyToken();
        }
    }
}
