using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Approvals;

/// <param name="DeviceId">The device that is to be let in.</param>
/// <param name="SignatureKey">With which key; enrolled for it.</param>
/// <param name="ApprovingDeviceId">The device that lets it in; it has a leaf.</param>
/// <param name="Epoch">The current one.</param>
/// <param name="Signature">With the key in the approving device's leaf, over <see cref="DeviceApprovals.ToBeSigned"/>.</param>
public sealed record ApproveDeviceInput(
    string ConvoId,
    string DeviceId,
    ReadOnlyMemory<byte> SignatureKey,
    string ApprovingDeviceId,
    ulong Epoch,
    ReadOnlyMemory<byte> Signature,
    string? IdempotencyKey
);

/// <param name="ApprovedAt">From when the device may come in.</param>
public sealed record ApproveDeviceResult(DateTimeOffset ApprovedAt);

/// <summary>Lets devices approve others of their account, for conversations that require it: an account's tokens alone then let nobody in.</summary>
public sealed partial class DeviceApprovals
{
    /// <summary>Of SignWithLabel (RFC 9420 §5.1.2).</summary>
    public const string Label = "blue.catbird.mls.approveDevice";

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal DeviceApprovals(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>What an approving device signs: five lines of UTF-8, the binary ones in lower-case hex.</summary>
    public static byte[] ToBeSigned(
        ReadOnlySpan<byte> groupId,
        ulong epoch,
        string did,
        string deviceId,
        ReadOnlySpan<byte> signatureKey
    ) =>
        Encoding.UTF8.GetBytes(
            $"{Convert.ToHexStringLower(groupId)}\n{epoch}\n{did}\n{deviceId}\n{Convert.ToHexStringLower(signatureKey)}"
        );

    /// <summary>Takes the approval of one device of the caller by another.</summary>
    /// <exception cref="RefusedException">Unauthorized, EpochMismatch, InvalidApproval, or InvalidRequest: the account has no device with that key.</exception>
    public Task<ApproveDeviceResult> ApproveDeviceAsync(
        Caller caller,
        ApproveDeviceInput input,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var call = Call.Procedure(
            caller,
            MethodNames.ApproveDevice,
            $"{input.ConvoId} {input.DeviceId}",
            input.IdempotencyKey,
            input.ConvoId,
            input.DeviceId,
            input.SignatureKey,
            input.ApprovingDeviceId,
            input.Epoch,
            input.Signature
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var group = await _groups.GetAsync(access.Conversation, cancellation);
                var device =
                    access.Devices.FirstOrDefault(device =>
                        device.DeviceId == input.DeviceId && device.HasKey(input.SignatureKey.Span)
                    )
                    ?? throw Refusal
                        .InvalidRequest("The account has no device of that name with that key.")
                        .AsException();
                var approving = RequireSigned(
                    access,
                    group,
                    input.ApprovingDeviceId,
                    input.Epoch,
                    Label,
                    ToBeSigned(group.GroupId.Span, input.Epoch, did, input.DeviceId, input.SignatureKey.Span),
                    input.Signature
                );
                return Changes.InTransaction(async write => new CallResult<ApproveDeviceResult>(
                    await StoreAsync(write, access.Conversation, device, approving, input.SignatureKey.ToArray())
                ));
            },
            cancellation
        );
    }

    /// <summary>What comes is signed with the key that stands in the leaf of a device of the caller, for the current epoch.</summary>
    /// <returns>The device.</returns>
    /// <exception cref="RefusedException">Unauthorized, EpochMismatch or InvalidApproval</exception>
    private static Device RequireSigned(
        Access access,
        PublicGroup group,
        string deviceId,
        ulong epoch,
        string label,
        byte[] content,
        ReadOnlyMemory<byte> signature
    )
    {
        var device =
            access.Devices.FirstOrDefault(device => device.DeviceId == deviceId)
            ?? throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
        var leaf = GroupLeaves.LeafOf(group, device) is { } index
            ? group.Leaf(index)!
            : throw Refusal.Unauthorized(RefusalReasons.NoLeaf).AsException();
        if (epoch != group.Epoch)
            throw Refusal.EpochMismatch(group.Epoch, epoch).AsException();
        bool valid =
            device.HasKey(leaf.SignatureKey.Span)
            && CipherSuite
                .Get(group.CipherSuite)
                .VerifyWithLabel(leaf.SignatureKey.Span, label, content, signature.Span);
        return valid ? device : throw Refusal.InvalidApproval.AsException();
    }

    private async Task<ApproveDeviceResult> StoreAsync(
        MlsDbContext write,
        Conversation conversation,
        Device device,
        Device approving,
        byte[] key
    )
    {
        string id = conversation.Id;
        long epoch = conversation.Epoch;
        var now = _clock.GetUtcNow();
        // Whoever has seen an approval can send it again: it is good for its epoch, and where it has ended in that, it stays so.
        int stored = await write.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO device_approvals (convo_id, device_row, signature_key, approved_by, epoch, approved_at)
            SELECT {id}, {device.Id}, {key}, {approving.Id}, {epoch}, {now.ToUnixTimeMilliseconds()} WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id IN ({device.Id}, {approving.Id}) AND deleted_at IS NOT NULL)
            ON CONFLICT (convo_id, device_row, signature_key) DO UPDATE SET approved_by = excluded.approved_by, epoch = excluded.epoch, approved_at = excluded.approved_at, ended_at = NULL
            WHERE device_approvals.epoch < excluded.epoch
            """
        );
        if (stored == 1)
            write.AddEvent(OutboxEvent.DeviceApproved(id, device.Did, device.DeviceId, now));
        var open = await write
            .Set<DeviceApproval>()
            .AsNoTracking()
            .FirstOrDefaultAsync(approval =>
                approval.ConvoId == id
                && approval.DeviceRow == device.Id
                && approval.SignatureKey == key
                && approval.EndedAt == null
            );
        return new((open ?? throw Refusal.InvalidApproval.AsException()).ApprovedAt);
    }
}
