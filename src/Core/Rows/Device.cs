using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>A device of an account: an identity for MLS credentials and the signature keys that may stand behind it.</summary>
internal sealed class Device
{
    public long Id { get; init; }
    public required string Did { get; init; }

    /// <summary>The client's name for the device, unique for each account.</summary>
    public required string DeviceId { get; init; }
    public required string DeviceName { get; set; }

    /// <summary>The identity of its basic credential.</summary>
    public required byte[] Identity { get; init; }
    public DateTimeOffset RegisteredAt { get; init; }

    /// <summary>When its user deleted it. The row stays: leaves that it left in trees have an owner for as long as they are there.</summary>
    public DateTimeOffset? DeletedAt { get; set; }
    public List<DeviceKey> Keys { get; init; } = [];

    /// <summary>Whether the key may stand behind a leaf of this device: never one of a deleted device.</summary>
    public bool HasKey(ReadOnlySpan<byte> signatureKey)
    {
        foreach (var key in Keys)
            if (key.RetiredAt is null && signatureKey.SequenceEqual(key.SignatureKey))
                return true;
        return false;
    }

    /// <summary>The caller's own device.</summary>
    /// <exception cref="RefusedException">Unauthorized: the account has no such device, or it was deleted.</exception>
    public static async Task<Device> RequireOwnAsync(
        MlsDbContext context,
        Caller caller,
        string deviceId,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        return await context
                .Set<Device>()
                .AsNoTracking()
                .Include(device => device.Keys)
                .AsSingleQuery()
                .FirstOrDefaultAsync(
                    device => device.Did == did && device.DeviceId == deviceId && device.DeletedAt == null,
                    cancellation
                )
            ?? throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
    }

    internal sealed class Table : IEntityTypeConfiguration<Device>
    {
        public void Configure(EntityTypeBuilder<Device> builder)
        {
            builder.ToTable("devices");
            builder.HasIndex(device => new { device.Did, device.DeviceId }).IsUnique();
            builder.HasIndex(device => device.Identity).IsUnique();
            builder.HasMany(device => device.Keys).WithOne().HasForeignKey(key => key.DeviceRow);
        }
    }
}

/// <summary>A signature key of a device. Keys are only ever added, old leaves keep theirs; when the device is deleted, those that it has are retired.</summary>
internal sealed class DeviceKey
{
    public long Id { get; init; }
    public long DeviceRow { get; init; }
    public required byte[] SignatureKey { get; init; }
    public DateTimeOffset AddedAt { get; init; }

    /// <summary>When its device was deleted. It authenticates nothing from then on, also after the device was registered again, until it is enrolled again itself.</summary>
    public DateTimeOffset? RetiredAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<DeviceKey>
    {
        public void Configure(EntityTypeBuilder<DeviceKey> builder)
        {
            builder.ToTable("device_keys");
            builder.HasIndex(key => key.SignatureKey).IsUnique();
        }
    }
}
