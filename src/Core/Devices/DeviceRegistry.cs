using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Devices;

/// <summary>A device that an account enrols.</summary>
/// <param name="DeviceId">
/// The id that the client gives the device, unique within the account: 1 to 64 characters without <c>#</c>.
/// </param>
/// <param name="DeviceName">The name of the device, for people.</param>
/// <param name="SignaturePublicKey">
/// The signature public key as the device's leaf nodes have it (RFC 9420 §7.2): 16 to 256 bytes.
/// </param>
/// <param name="CredentialIdentity">
/// The identity in the device's basic credentials; null for <c>did#deviceId</c> in UTF-8. Another identity, of 1 to
/// 1024 bytes, is taken only where the setting <c>Identity:OpaqueCredentials</c> allows it.
/// </param>
/// <param name="KeyPackages">The device's first key packages.</param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record RegisterDeviceRequest(
    string DeviceId,
    string DeviceName,
    ReadOnlyMemory<byte> SignaturePublicKey,
    ReadOnlyMemory<byte>? CredentialIdentity,
    IReadOnlyList<OfferedKeyPackage> KeyPackages,
    string? IdempotencyKey
);

/// <summary>The answer to the enrolment of a device.</summary>
/// <param name="DeviceId">The id of the device.</param>
/// <param name="CredentialIdentity">The identity that the credentials of the device's leaves have to have.</param>
public sealed record RegisterDeviceResult(string DeviceId, byte[] CredentialIdentity);

/// <summary>
/// The devices of accounts (delivery-service §1.2). Only the leaf of an enrolled device may enter the tree of a group.
/// </summary>
public sealed partial class DeviceRegistry
{
    /// <summary>The number of devices that an account has at most, without deleted ones.</summary>
    public const int MaxDevices = 50;

    // The rows of deleted devices stay, because leaves of these devices may still be in trees. So their number is
    // limited, too, and the number of keys of a device, of which none is ever deleted.
    private const int MaxDevicesWithDeleted = 500,
        MaxKeysOfDevice = 100;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal DeviceRegistry(CallRunner calls, Database database, CoreSettings settings, TimeProvider clock) =>
        (_calls, _database, _settings, _clock) = (calls, database, settings, clock);

    /// <summary>
    /// Enrols a device. If the account has the device already, its name is changed and the key is added to its keys.
    /// If the device was deleted, it is registered again.
    /// </summary>
    /// <exception cref="RefusedException">
    /// InvalidRequest: device id, signature key or identity has a wrong form. InvalidKeyPackage: a key package breaks
    /// a rule or is not the device's. DeviceAlreadyRegistered: the identity or the key belongs to another device.
    /// TooManyDevices: the account has too many devices, or the device too many keys. TooManyKeyPackages: the device
    /// has too many key packages. Unauthorized: the caller is banned from the service.
    /// </exception>
    public Task<RegisterDeviceResult> RegisterDeviceAsync(
        Caller caller,
        RegisterDeviceRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.RegisterDevice,
            input.DeviceId,
            input.IdempotencyKey,
            [
                input.DeviceId,
                input.SignaturePublicKey,
                input.CredentialIdentity,
                .. input.KeyPackages.SelectMany(package =>
                    (ReadOnlyMemory<byte>[])[package.Bytes, new[] { package.LastResort ? (byte)1 : (byte)0 }]
                ),
            ]
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                var identity = RequireIdentity(caller, input);
                var signatureKey = input.SignaturePublicKey.ToArray();
                var packages = input
                    .KeyPackages.Select(package => VerifiedKeyPackage.Verify(package, _clock.GetUtcNow()))
                    .ToList();

                return Changes.InTransaction(async context =>
                {
                    await context.RequireNotBannedAsync(caller, CancellationToken.None);
                    var device = await EnrolAsync(context, caller, input, identity, signatureKey);
                    foreach (var package in packages)
                        package.RequireOwner(device);
                    await KeyPackageStore.StoreAsync(context, device, packages, _clock.GetUtcNow());
                    return new CallResult<RegisterDeviceResult>(new(input.DeviceId, device.Identity));
                });
            },
            cancellation
        );
    }

    /// <summary>Refuses a device whose id, key or identity has a wrong form.</summary>
    /// <returns>The identity in the device's credentials.</returns>
    private byte[] RequireIdentity(Caller caller, RegisterDeviceRequest input)
    {
        if (input.DeviceId.Length is < 1 or > 64 || input.DeviceId.Contains('#', StringComparison.Ordinal))
            throw Refusal.InvalidRequest("deviceId has 1 to 64 characters and no '#'.").AsException();
        if (input.SignaturePublicKey.Length is < 16 or > 256)
            throw Refusal.InvalidRequest("signaturePublicKey has 16 to 256 bytes.").AsException();
        byte[] identity = Encoding.UTF8.GetBytes($"{caller.Did.Value}#{input.DeviceId}");
        if (input.CredentialIdentity is not { } given || given.Span.SequenceEqual(identity))
            return identity;
        if (!_settings.OpaqueCredentials || given.Length is < 1 or > 1024)
            throw Refusal.InvalidRequest("credentialIdentity is UTF-8 of did#deviceId.").AsException();
        return given.ToArray();
    }

    /// <summary>Writes the device and its key, and tells of the key if it is new or was retired.</summary>
    private async Task<Device> EnrolAsync(
        MlsDbContext context,
        Caller caller,
        RegisterDeviceRequest input,
        byte[] identity,
        byte[] signatureKey
    )
    {
        string did = caller.Did.Value;
        var device = await context
            .Set<Device>()
            .AsTracking()
            .Include(row => row.Keys)
            .FirstOrDefaultAsync(row => row.Did == did && row.DeviceId == input.DeviceId);
        var sameKey = await RequireOwnAsync(context, device, identity, signatureKey);
        var now = _clock.GetUtcNow();
        if (device is null or { DeletedAt: not null })
            await RequireRoomAsync(context, did, device);
        if (device is null)
        {
            device = new()
            {
                Did = did,
                DeviceId = input.DeviceId,
                DeviceName = input.DeviceName,
                Identity = identity,
                RegisteredAt = now,
            };
            context.Add(device);
        }
        else if (device.DeletedAt is not null)
        {
            // Deleting a device deletes its unclaimed key packages. What was published at that very moment may have
            // been left, and its key is retired.
            await context
                .Set<KeyPackageRow>()
                .Where(row => row.DeviceRow == device.Id && row.ClaimedAt == null)
                .ExecuteDeleteAsync();
        }
        (device.DeviceName, device.DeletedAt) = (input.DeviceName, null);
        AddKey(context, device, signatureKey, sameKey, now);
        await context.SaveChangesAsync();
        return device;
    }

    /// <summary>
    /// Refuses an identity or a key that belongs to another device, and another identity than the device has.
    /// </summary>
    /// <param name="context">The transaction.</param>
    /// <param name="device">The caller's device; null if the account has none with the id.</param>
    /// <param name="identity">The identity that the device shall have.</param>
    /// <param name="signatureKey">The key that the device shall have.</param>
    /// <returns>The key as it is enrolled for the device already; null if the key is new.</returns>
    /// <exception cref="RefusedException">DeviceAlreadyRegistered</exception>
    private static async Task<DeviceKey?> RequireOwnAsync(
        MlsDbContext context,
        Device? device,
        byte[] identity,
        byte[] signatureKey
    )
    {
        var sameIdentity = await context
            .Set<Device>()
            .AsNoTracking()
            .FirstOrDefaultAsync(row => row.Identity == identity);
        var sameKey = await context
            .Set<DeviceKey>()
            .AsNoTracking()
            .FirstOrDefaultAsync(key => key.SignatureKey == signatureKey);
        if (
            (sameIdentity is not null && sameIdentity.Id != device?.Id)
            || (device is not null && !device.Identity.AsSpan().SequenceEqual(identity))
            || (sameKey is not null && sameKey.DeviceRow != device?.Id)
        )
            throw Refusal.DeviceAlreadyRegistered.AsException();
        return sameKey;
    }

    /// <summary>Refuses one more device where the account has as many as it may have.</summary>
    /// <param name="context">The transaction.</param>
    /// <param name="did">The DID of the account.</param>
    /// <param name="deleted">The deleted device that is registered again; null if the device is new.</param>
    /// <exception cref="RefusedException">TooManyDevices</exception>
    private static async Task RequireRoomAsync(MlsDbContext context, string did, Device? deleted)
    {
        if (
            await context.Set<Device>().CountAsync(row => row.Did == did && row.DeletedAt == null) >= MaxDevices
            || (
                deleted is null
                && await context.Set<Device>().CountAsync(row => row.Did == did) >= MaxDevicesWithDeleted
            )
        )
            throw Refusal.TooManyDevices.AsException();
    }

    /// <summary>Adds the key to the device, or enrols the retired key again; tells of the key in both cases.</summary>
    /// <exception cref="RefusedException">TooManyDevices: the device has too many keys.</exception>
    private static void AddKey(
        MlsDbContext context,
        Device device,
        byte[] signatureKey,
        DeviceKey? sameKey,
        DateTimeOffset now
    )
    {
        if (sameKey is null)
        {
            if (device.Keys.Count >= MaxKeysOfDevice)
                throw Refusal.TooManyDevices.AsException();
            device.Keys.Add(new() { SignatureKey = signatureKey, AddedAt = now });
            context.AddEvent(OutboxEvent.NewDevice(device.Did, device.DeviceId, now));
        }
        else if (sameKey.RetiredAt is not null)
        {
            device.Keys.Single(key => key.Id == sameKey.Id).RetiredAt = null;
            context.AddEvent(OutboxEvent.NewDevice(device.Did, device.DeviceId, now));
        }
    }
}
