using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Approvals;

/// <summary>A change of the rule whether a conversation requires the approval of devices.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="Required">Whether a device that comes in by itself shall need an approval.</param>
/// <param name="DeviceId">The id of the admin's device that signs; it has a leaf.</param>
/// <param name="Epoch">The conversation's current epoch.</param>
/// <param name="Signature">
/// The signature over <see cref="DeviceApprovals.RuleToBeSigned"/>, with the key in the device's leaf.
/// </param>
/// <param name="Reason">Why the admin changes the rule, for the audit log; null if the admin gives no reason.</param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record SetDeviceApprovalRequest(
    string ConvoId,
    bool Required,
    string DeviceId,
    ulong Epoch,
    ReadOnlyMemory<byte> Signature,
    string? Reason,
    string? IdempotencyKey
);

/// <summary>The answer to a change of the rule.</summary>
/// <param name="Required">Whether the conversation requires the approval of devices now.</param>
public sealed record SetDeviceApprovalResult(bool Required);

public sealed partial class DeviceApprovals
{
    /// <summary>
    /// The label with which a change of the rule is signed: the label of SignWithLabel (RFC 9420 §5.1.2).
    /// </summary>
    public const string RuleLabel = "blue.catbird.mls.setDeviceApproval";

    /// <summary>
    /// The content that an admin's device signs: four lines of UTF-8, separated by line feeds.
    /// </summary>
    /// <param name="groupId">The group id of the conversation; in the content it is in lower-case hex.</param>
    /// <param name="epoch">The conversation's current epoch.</param>
    /// <param name="did">The DID of the admin.</param>
    /// <param name="required">
    /// Whether approvals shall be required: <c>required</c> or <c>notRequired</c> in the content.
    /// </param>
    public static byte[] RuleToBeSigned(ReadOnlySpan<byte> groupId, ulong epoch, string did, bool required) =>
        Encoding.UTF8.GetBytes(
            $"{Convert.ToHexStringLower(groupId)}\n{epoch}\n{did}\n{(required ? "required" : "notRequired")}"
        );

    /// <summary>
    /// Changes whether the conversation requires the approval of devices. The change is signed as an approval is, so
    /// that whoever has nothing but an admin's tokens changes nothing.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller is no member, or the device has no leaf. NotAdmin: the caller is no admin.
    /// EpochMismatch: the change is for another epoch. InvalidApproval: the signature does not verify, or the rule was
    /// changed in this epoch before.
    /// </exception>
    public Task<SetDeviceApprovalResult> SetDeviceApprovalAsync(
        Caller caller,
        SetDeviceApprovalRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.SetDeviceApproval,
            input.ConvoId,
            input.IdempotencyKey,
            input.ConvoId,
            input.Required,
            input.DeviceId,
            input.Epoch,
            input.Signature
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                if (!access.Entry.IsAdmin)
                    throw Refusal.NotAdmin.AsException();
                var group = await _groups.GetAsync(access.Conversation, cancellation);
                RequireSigned(
                    access,
                    group,
                    input.DeviceId,
                    input.Epoch,
                    RuleLabel,
                    RuleToBeSigned(group.GroupId.Span, input.Epoch, caller.Did.Value, input.Required),
                    input.Signature
                );
                string rule = input.Required ? "required" : "not required";
                return Changes.InTransaction(async write => new CallResult<SetDeviceApprovalResult>(
                    await SetAsync(write, caller, input),
                    Reason: input.Reason is null ? rule : $"{rule}: {input.Reason}"
                ));
            },
            cancellation
        );
    }

    /// <summary>
    /// Writes the rule and its event, unless the conversation has that rule already. Who is an admin is read again
    /// here, under the lock on the conversation's row.
    /// </summary>
    private async Task<SetDeviceApprovalResult> SetAsync(
        MlsDbContext write,
        Caller caller,
        SetDeviceApprovalRequest input
    )
    {
        string id = input.ConvoId,
            did = caller.Did.Value;
        bool required = input.Required;
        long epoch = (long)input.Epoch;
        await Conversation.HoldAsync(write, id);
        if (!await write.Members().AnyAsync(entry => entry.ConvoId == id && entry.Did == did && entry.IsAdmin))
            throw Refusal.NotAdmin.AsException();
        // Whoever has seen the signature of a change can send the change again. So the rule changes once in an epoch.
        int changed = await write.Database.ExecuteSqlAsync(
            $"""
            UPDATE conversations SET requires_approval = {required}, approval_epoch = {epoch}
            WHERE id = {id} AND epoch = {epoch} AND requires_approval <> {required}
                AND (approval_epoch IS NULL OR approval_epoch < {epoch})
            """
        );
        if (changed == 0)
        {
            var current = await write
                .Set<Conversation>()
                .Where(row => row.Id == id)
                .Select(row => new { row.Epoch, row.RequiresApproval })
                .SingleAsync();
            if (current.Epoch != epoch)
                throw Refusal.EpochMismatch((ulong)current.Epoch, input.Epoch).AsException();
            return current.RequiresApproval == required ? new(required) : throw Refusal.InvalidApproval.AsException();
        }
        var at = _clock.GetUtcNow();
        if (required)
        {
            // The open requests to be added again and the open approvals were made while the conversation required no
            // approval. They end with the change, and devices ask and approve anew under the new rule.
            await write
                .Set<RejoinRequest>()
                .Where(request => request.ConvoId == id && request.AnsweredAt == null)
                .ExecuteDeleteAsync();
            await write
                .Set<DeviceApproval>()
                .Where(approval => approval.ConvoId == id && approval.EndedAt == null)
                .ExecuteUpdateAsync(set => set.SetProperty(approval => approval.EndedAt, at));
        }
        write.AddEvent(OutboxEvent.DeviceApprovalSet(id, did, required, at));
        return new(required);
    }
}
