using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Devices;

/// <param name="CredentialIdentity">The identity of its leaves.</param>
/// <param name="SignatureKeys">The keys that may stand behind its leaves, oldest first.</param>
public sealed record DeviceView(
    string DeviceId,
    string DeviceName,
    byte[] CredentialIdentity,
    IReadOnlyList<byte[]> SignatureKeys,
    DateTimeOffset RegisteredAt
);

public sealed record DeleteDeviceInput(string DeviceId, string? IdempotencyKey);

/// <param name="DeletedAt">When it was deleted; of a device that was deleted before, that moment.</param>
/// <param name="RemainingLeaves">Conversations in which it still has a leaf, until somebody removes it.</param>
public sealed record DeleteDeviceResult(DateTimeOffset DeletedAt, int RemainingLeaves);

public sealed partial class DeviceRegistry
{
    /// <summary>The caller's devices, by their time of registration.</summary>
    public async Task<IReadOnlyList<DeviceView>> ListDevicesAsync(Caller caller, CancellationToken cancellation)
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
            .. devices.Select(device => new DeviceView(
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
    /// Ends a device: its keys are retired, its key packages are gone and its Welcomes end. The leaves that it has stay
    /// its own, so that members can remove them and another device of the account can take their place.
    /// </summary>
    /// <exception cref="RefusedException">Unauthorized: the account never had such a device.</exception>
    public Task<DeleteDeviceResult> DeleteDeviceAsync(
        Caller caller,
        DeleteDeviceInput input,
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
        // Those that were given out stay as a record that they were: none of them is good for an Add without its device.
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
