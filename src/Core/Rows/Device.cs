using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>
/// A device of an account: the identity of its MLS credentials, and the signature keys that its leaves may have.
/// </summary>
internal sealed class Device
{
    public long Id { get; init; }
    public required string Did { get; init; }

    /// <summary>The id that the client gave the device; unique within the account.</summary>
    public required string DeviceId { get; init; }
    public required string DeviceName { get; set; }

    /// <summary>The identity in the device's basic credentials.</summary>
    public required byte[] Identity { get; init; }
    public DateTimeOffset RegisteredAt { get; init; }

    /// <summary>
    /// When the user deleted the device; null if not. The row stays, because leaves of a deleted device stay in their
    /// trees until a commit removes them, and these leaves belong to the account as before.
    /// </summary>
    public DateTimeOffset? DeletedAt { get; set; }
    public List<DeviceKey> Keys { get; init; } = [];

    /// <summary>
    /// Whether a leaf of this device may have this signature key: the key is enrolled for the device and not retired. A
    /// deleted device has no such key.
    /// </summary>
    public bool HasKey(ReadOnlySpan<byte> signatureKey)
    {
        foreach (var key in Keys)
            if (key.RetiredAt is null && signatureKey.SequenceEqual(key.SignatureKey))
                return true;
        return false;
    }

    /// <summary>Finds a device of the caller, with its keys.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the account has no device with this id, or has deleted it.
    /// </exception>
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

/// <summary>
/// A signature key of a device. Keys are added and never taken away, because older leaves keep theirs. When the device
/// is deleted, the keys that it has are retired.
/// </summary>
internal sealed class DeviceKey
{
    public long Id { get; init; }
    public long DeviceRow { get; init; }
    public required byte[] SignatureKey { get; init; }
    public DateTimeOffset AddedAt { get; init; }

    /// <summary>
    /// When the key's device was deleted; null if not. A retired key authenticates nothing, also after the device is
    /// registered again, until the key itself is enrolled again.
    /// </summary>
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
