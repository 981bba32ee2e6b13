using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Approvals;

/// <param name="Required">Whether the conversation shall require approval of new devices.</param>
/// <param name="DeviceId">The device that signs; it has a leaf.</param>
/// <param name="Epoch">The current one.</param>
/// <param name="Signature">With the key in the device's leaf, over <see cref="DeviceApprovals.RuleToBeSigned"/>.</param>
/// <param name="Reason">For the audit log.</param>
public sealed record SetDeviceApprovalInput(
    string ConvoId,
    bool Required,
    string DeviceId,
    ulong Epoch,
    ReadOnlyMemory<byte> Signature,
    string? Reason,
    string? IdempotencyKey
);

/// <param name="Required">Whether the conversation requires it now.</param>
public sealed record SetDeviceApprovalResult(bool Required);

public sealed partial class DeviceApprovals
{
    /// <summary>Of SignWithLabel (RFC 9420 §5.1.2).</summary>
    public const string RuleLabel = "blue.catbird.mls.setDeviceApproval";

    /// <summary>What an admin's device signs: four lines of UTF-8.</summary>
    public static byte[] RuleToBeSigned(ReadOnlySpan<byte> groupId, ulong epoch, string did, bool required) =>
        Encoding.UTF8.GetBytes(
            $"{Convert.ToHexStringLower(groupId)}\n{epoch}\n{did}\n{(required ? "required" : "notRequired")}"
        );

    /// <summary>Changes whether the conversation requires approval. It is signed as an approval is: an admin's tokens alone change nothing.</summary>
    /// <exception cref="RefusedException">Unauthorized, NotAdmin, EpochMismatch, or InvalidApproval: also where it was changed in the same epoch before.</exception>
    public Task<SetDeviceApprovalResult> SetDeviceApprovalAsync(
        Caller caller,
        SetDeviceApprovalInput input,
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
                return Changes.InTransaction(async write => new CallResult<SetDeviceApprovalResult>(
                    await SetAsync(write, caller, input),
                    Reason: $"{(input.Required ? "required" : "not required")}{(input.Reason is null ? "" : $": {input.Reason}")}"
                ));
            },
            cancellation
        );
    }

    private async Task<SetDeviceApprovalResult> SetAsync(
        MlsDbContext write,
        Caller caller,
        SetDeviceApprovalInput input
    )
    {
        string id = input.ConvoId,
            did = caller.Did.Value;
        bool required = input.Required;
        long epoch = (long)input.Epoch;
        await Conversation.HoldAsync(write, id);
        if (!await write.Members().AnyAsync(entry => entry.ConvoId == id && entry.Did == did && entry.IsAdmin))
            throw Refusal.NotAdmin.AsException();
        // Whoever has seen a change can send it again: so there is one in an epoch.
        int changed = await write.Database.ExecuteSqlAsync(
            $"""
            UPDATE conversations SET requires_approval = {required}, approval_epoch = {epoch}
            WHERE id = {id} AND epoch = {epoch} AND requires_approval <> {required} AND (approval_epoch IS NULL OR approval_epoch < {epoch})
            """
        );
        if (changed == 0)
        {
            var now = await write
                .Set<Conversation>()
                .Where(row => row.Id == id)
                .Select(row => new { row.Epoch, row.RequiresApproval })
                .SingleAsync();
            if (now.Epoch != epoch)
                throw Refusal.EpochMismatch((ulong)now.Epoch, input.Epoch).AsException();
            return now.RequiresApproval == required ? new(required) : throw Refusal.InvalidApproval.AsException();
        }
        var at = _clock.GetUtcNow();
        if (required)
        {
            // What was asked for and approved while nothing had to be is asked for and approved anew.
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
