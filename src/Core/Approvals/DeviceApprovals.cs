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

/// <summary>The approval of one device of an account by another device of the same account.</summary>
/// <param name="ConvoId">The id of the conversation that the device may come into.</param>
/// <param name="DeviceId">The id of the device that is approved.</param>
/// <param name="SignatureKey">
/// The signature public key that the approved device's leaf will have. The key is enrolled for the device.
/// </param>
/// <param name="ApprovingDeviceId">The id of the device that gives the approval; it has a leaf.</param>
/// <param name="Epoch">The conversation's current epoch.</param>
/// <param name="Signature">
/// The signature over <see cref="DeviceApprovals.ToBeSigned"/>, with the key in the approving device's leaf.
/// </param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record ApproveDeviceRequest(
    string ConvoId,
    string DeviceId,
    ReadOnlyMemory<byte> SignatureKey,
    string ApprovingDeviceId,
    ulong Epoch,
    ReadOnlyMemory<byte> Signature,
    string? IdempotencyKey
);

/// <summary>The answer to an approval.</summary>
/// <param name="ApprovedAt">When the approval was given; from then on the device may come in.</param>
public sealed record ApproveDeviceResult(DateTimeOffset ApprovedAt);

/// <summary>
/// Lets devices approve other devices of their account (delivery-service §5.3). A conversation may require such an
/// approval, so that whoever has nothing but an account's tokens brings no device into the conversation.
/// </summary>
public sealed partial class DeviceApprovals
{
    /// <summary>The label with which an approval is signed: the label of SignWithLabel (RFC 9420 §5.1.2).</summary>
    public const string Label = "blue.catbird.mls.approveDevice";

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal DeviceApprovals(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>
    /// The content that an approving device signs: five lines of UTF-8, separated by line feeds. Group id and signature
    /// key are in lower-case hex.
    /// </summary>
    /// <param name="groupId">The group id of the conversation.</param>
    /// <param name="epoch">The conversation's current epoch.</param>
    /// <param name="did">The DID of the account that both devices belong to.</param>
    /// <param name="deviceId">The id of the device that is approved.</param>
    /// <param name="signatureKey">The signature public key that the approved device's leaf will have.</param>
    public static byte[] ToBeSigned(
        ReadOnlySpan<byte> groupId,
        ulong epoch,
        string did,
        string deviceId,
        ReadOnlySpan<byte> signatureKey
    ) =>
        Encoding.UTF8.GetBytes(
            $"{Convert.ToHexStringLower(groupId)}\n{epoch}\n{did}\n{deviceId}\n"
                + Convert.ToHexStringLower(signatureKey)
        );

    /// <summary>Stores the approval of one device of the caller by another device of the caller.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller is no member, or the approving device has no leaf. EpochMismatch: the approval is for
    /// another epoch. InvalidApproval: the signature does not verify, or the approval has ended in this epoch.
    /// InvalidRequest: the account has no device with that id and that key.
    /// </exception>
    public Task<ApproveDeviceResult> ApproveDeviceAsync(
        Caller caller,
        ApproveDeviceRequest input,
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

    /// <summary>
    /// Refuses a content that is not signed for the current epoch with the key in the leaf of the caller's device.
    /// </summary>
    /// <returns>The device that signed.</returns>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller has no such device, or the device has no leaf. EpochMismatch: the content is for
    /// another epoch. InvalidApproval: the signature does not verify, or the key in the leaf is retired.
    /// </exception>
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

    /// <summary>Writes an approval, and tells the members unless the approval was stored before.</summary>
    /// <returns>When the open approval was given.</returns>
    /// <exception cref="RefusedException">
    /// InvalidApproval: the approval has ended in this epoch, or one of the two devices was deleted.
    /// </exception>
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
        long at = now.ToUnixTimeMilliseconds();
        // Whoever has seen the signature of an approval can send the approval again. So an approval that has ended is
        // opened again only by an approval that is signed for a later epoch.
        int stored = await write.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO device_approvals (convo_id, device_row, signature_key, approved_by, epoch, approved_at)
            SELECT {id}, {device.Id}, {key}, {approving.Id}, {epoch}, {at}
            WHERE NOT EXISTS (
                SELECT 1 FROM devices WHERE id IN ({device.Id}, {approving.Id}) AND deleted_at IS NOT NULL
            )
            ON CONFLICT (convo_id, device_row, signature_key) DO UPDATE
            SET approved_by = excluded.approved_by, epoch = excluded.epoch, approved_at = excluded.approved_at,
                ended_at = NULL
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
