using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.KeyPackages;

/// <summary>One of the claims that an account has of a device in 24 hours. They are numbered, so that two hosts cannot give the same one away, and used again when they are a day old.</summary>
internal sealed class KeyPackageClaim
{
    public required string Claimer { get; init; }
    public long DeviceRow { get; init; }

    /// <summary>From 0.</summary>
    public int Slot { get; init; }
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
