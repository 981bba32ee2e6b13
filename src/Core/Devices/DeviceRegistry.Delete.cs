using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Devices;

/// <summary>A device as its account sees it.</summary>
/// <param name="DeviceId">The id of the device, unique within the account.</param>
/// <param name="DeviceName">The name of the device, for people.</param>
/// <param name="CredentialIdentity">The identity in the credentials of the device's leaves.</param>
/// <param name="SignatureKeys">The signature public keys that the device's leaves may have, oldest first.</param>
/// <param name="RegisteredAt">When the device was registered for the first time.</param>
public sealed record EnrolledDevice(
    string DeviceId,
    string DeviceName,
    byte[] CredentialIdentity,
    IReadOnlyList<byte[]> SignatureKeys,
    DateTimeOffset RegisteredAt
);

/// <summary>The wish of an account to delete one of its devices.</summary>
/// <param name="DeviceId">The id of the device.</param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record DeleteDeviceRequest(string DeviceId, string? IdempotencyKey);

/// <summary>The answer to the deletion of a device.</summary>
/// <param name="DeletedAt">When the device was deleted, also if an earlier call deleted it.</param>
/// <param name="RemainingLeaves">
/// The number of conversations in which the device still has a leaf. Each leaf stays until a commit removes it.
/// </param>
public sealed record DeleteDeviceResult(DateTimeOffset DeletedAt, int RemainingLeaves);

public sealed partial class DeviceRegistry
{
    /// <summary>The caller's devices without deleted ones, in the order of their first registrations.</summary>
    public async Task<IReadOnlyList<EnrolledDevice>> ListDevicesAsync(Caller caller, CancellationToken cancellation)
    {
        string did = caller.Did.Value;
        await using var context = _database.Read();
        var devices = await context
            .Set<Device>()
            .Include(device => device.Keys)
            .Where(device => device.Did == did && device.DeletedAt == null)
            .OrderBy(device => device.Id)
            .AsSingleQuery()
            .ToListAsync(cancellation);
        return
        [
            .. devices.Select(device => new EnrolledDevice(
                device.DeviceId,
                device.DeviceName,
                device.Identity,
                [
                    .. device
                        .Keys.Where(key => key.RetiredAt is null)
                        .OrderBy(key => key.Id)
                        .Select(key => key.SignatureKey),
                ],
                device.RegisteredAt
            )),
        ];
    }

    /// <summary>
    /// Deletes a device: its keys are retired, its unclaimed key packages are deleted, and its approvals and Welcomes
    /// end. Leaves of the device still belong to the account, so that members can remove them and another device of the
    /// account can take their place.
    /// </summary>
    /// <exception cref="RefusedException">Unauthorized: the account never had a device with that id.</exception>
    public Task<DeleteDeviceResult> DeleteDeviceAsync(
        Caller caller,
        DeleteDeviceRequest input,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var call = Call.Procedure(
            caller,
            MethodNames.DeleteDevice,
            input.DeviceId,
            input.IdempotencyKey,
            input.DeviceId
        );
        return _calls.RunAsync(
            call,
            async context =>
            {
                var device =
                    await context
                        .Set<Device>()
                        .AsTracking()
                        .Include(row => row.Keys)
                        .FirstOrDefaultAsync(row => row.Did == did && row.DeviceId == input.DeviceId)
                    ?? throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
                if (device.DeletedAt is null)
                    await EndAsync(context, device, _clock.GetUtcNow());
                int leaves = await context.Set<Leaf>().CountAsync(leaf => leaf.DeviceRow == device.Id);
                return new CallResult<DeleteDeviceResult>(new(device.DeletedAt!.Value, leaves));
            },
            cancellation
        );
    }

    private static async Task EndAsync(MlsDbContext context, Device device, DateTimeOffset now)
    {
        device.DeletedAt = now;
        foreach (var key in device.Keys)
            key.RetiredAt ??= now;
        await DeviceApproval.EndAsync(context, device, now);
        // Key packages that were given out stay as a record that they were. No commit can add one of them, because the
        // key in its leaf is retired.
        await context
            .Set<KeyPackageRow>()
            .Where(row => row.DeviceRow == device.Id && row.ClaimedAt == null)
            .ExecuteDeleteAsync();
        await context
            .Set<WelcomeRecipient>()
            .Where(row => row.DeviceRow == device.Id && row.ConfirmedAt == null)
            .ExecuteUpdateAsync(set =>
                set.SetProperty(row => row.ConfirmedAt, now)
                    .SetProperty(row => row.Success, false)
                    .SetProperty(row => row.ErrorDetails, "The device was deleted.")
            );
    }
}
