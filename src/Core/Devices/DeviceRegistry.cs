using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Devices;

/// <param name="DeviceId">The client's name for the device, 1 to 64 characters without <c>#</c>.</param>
/// <param name="DeviceName">For people.</param>
/// <param name="SignaturePublicKey">As it stands in leaf nodes.</param>
/// <param name="CredentialIdentity">Null for UTF-8 of <c>did#deviceId</c>.</param>
/// <param name="KeyPackages">First key packages, as MLSMessage or bare.</param>
/// <param name="IdempotencyKey">The caller's.</param>
public sealed record RegisterDeviceInput(
    string DeviceId,
    string DeviceName,
    ReadOnlyMemory<byte> SignaturePublicKey,
    ReadOnlyMemory<byte>? CredentialIdentity,
    IReadOnlyList<NewKeyPackage> KeyPackages,
    string? IdempotencyKey
);

public sealed record RegisterDeviceResult(string DeviceId, byte[] CredentialIdentity);

/// <summary>Enrols devices: who may stand behind a leaf.</summary>
public sealed partial class DeviceRegistry
{
    /// <summary>Most devices of an account at a time.</summary>
    public const int MaxDevices = 50;

    // Deleted devices stay as owners of old leaves, so they are bounded too.
    private const int MaxDevicesWithDeleted = 500,
        MaxKeysOfDevice = 100;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal DeviceRegistry(CallRunner calls, Database database, CoreSettings settings, TimeProvider clock) =>
        (_calls, _database, _settings, _clock) = (calls, database, settings, clock);

    /// <summary>Enrols a device, adds a key to it if the account has it already, or revives it if it was deleted.</summary>
    public Task<RegisterDeviceResult> RegisterDeviceAsync(
        Caller caller,
        RegisterDeviceInput input,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var identity = Encoding.UTF8.GetBytes($"{did}#{input.DeviceId}");
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
                if (input.DeviceId.Length is < 1 or > 64 || input.DeviceId.Contains('#', StringComparison.Ordinal))
                    throw Refusal.InvalidRequest("deviceId has 1 to 64 characters and no '#'.").AsException();
                if (input.SignaturePublicKey.Length is < 16 or > 256)
                    throw Refusal.InvalidRequest("signaturePublicKey has 16 to 256 bytes.").AsException();
                if (input.CredentialIdentity is { } given && !given.Span.SequenceEqual(identity))
                {
                    if (!_settings.OpaqueCredentials || given.Length is < 1 or > 1024)
                        throw Refusal.InvalidRequest("credentialIdentity is UTF-8 of did#deviceId.").AsException();
                    identity = given.ToArray();
                }
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

    private async Task<Device> EnrolAsync(
        MlsDbContext context,
        Caller caller,
        RegisterDeviceInput input,
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

        var now = _clock.GetUtcNow();
        if (device is null or { DeletedAt: not null })
        {
            if (
                await context.Set<Device>().CountAsync(row => row.Did == did && row.DeletedAt == null) >= MaxDevices
                || (
                    device is null
                    && await context.Set<Device>().CountAsync(row => row.Did == did) >= MaxDevicesWithDeleted
                )
            )
                throw Refusal.TooManyDevices.AsException();
        }
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
            // What was published while it was being deleted has a retired key.
            await context
                .Set<KeyPackageRow>()
                .Where(row => row.DeviceRow == device.Id && row.ClaimedAt == null)
                .ExecuteDeleteAsync();
        }
        (device.DeviceName, device.DeletedAt) = (input.DeviceName, null);
        if (sameKey is null)
        {
            if (device.Keys.Count >= MaxKeysOfDevice)
                throw Refusal.TooManyDevices.AsException();
            device.Keys.Add(new() { SignatureKey = signatureKey, AddedAt = now });
            context.AddEvent(OutboxEvent.NewDevice(did, device.DeviceId, now));
        }
        else if (sameKey.RetiredAt is not null)
        {
            device.Keys.Single(key => key.Id == sameKey.Id).RetiredAt = null;
            context.AddEvent(OutboxEvent.NewDevice(did, device.DeviceId, now));
        }
        await context.SaveChangesAsync();
        return device;
    }
}
