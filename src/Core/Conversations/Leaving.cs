using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Proposals;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <summary>The wish of an account to leave a conversation.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="Proposals">
/// One Remove or SelfRemove proposal of the current epoch for each leaf of the account, each as an MLSMessage with a
/// PublicMessage (RFC 9420 §6); empty for an account without a leaf.
/// </param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record LeaveConvoRequest(
    string ConvoId,
    IReadOnlyList<ReadOnlyMemory<byte>> Proposals,
    string? IdempotencyKey
);

/// <summary>The answer to an account that has left.</summary>
/// <param name="LeftAt">When the account left. The grace period, in which it may come back, begins then.</param>
/// <param name="Seq">
/// The sequence number of the first proposal in the conversation's log. Without proposals, the sequence number that the
/// next entry of the log gets.
/// </param>
public sealed record LeaveConvoResult(DateTimeOffset LeftAt, long Seq);

/// <summary>Lets accounts leave conversations by their own will (delivery-service §10.2).</summary>
public sealed class Leaving
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal Leaving(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>
    /// Ends the caller's membership at once. The caller's proposals, one for each of its leaves, are stored and wait
    /// for a member's commit.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller is no member. InvalidProposal: a proposal breaks a rule, or the proposals are not one
    /// for each leaf. EpochMismatch: the epoch has ended. LastMember: nobody else is a member.
    /// </exception>
    public Task<LeaveConvoResult> LeaveConvoAsync(
        Caller caller,
        LeaveConvoRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.LeaveConvo,
            input.ConvoId,
            input.IdempotencyKey,
            [input.ConvoId, .. input.Proposals]
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var group = await _groups.GetAsync(access.Conversation, cancellation);
                var proposals = await call.JudgeAsync(
                    access.Conversation,
                    () => VerifyAsync(context, access, group, input.Proposals, cancellation)
                );
                return Changes.InTransaction(async write => new CallResult<LeaveConvoResult>(
                    await LeaveAsync(write, access, proposals)
                ));
            },
            cancellation
        );
    }

    private async Task<List<VerifiedProposal>> VerifyAsync(
        MlsDbContext context,
        Access access,
        PublicGroup group,
        IReadOnlyList<ReadOnlyMemory<byte>> proposals,
        CancellationToken cancellation
    )
    {
        var verified = new List<VerifiedProposal>();
        foreach (var bytes in proposals)
            verified.Add(
                await ProposalVerification.VerifyAsync(
                    context,
                    access,
                    group,
                    bytes,
                    [],
                    _clock.GetUtcNow(),
                    cancellation
                )
            );
        await RequireEachLeafAsync(context, access, verified, cancellation);
        return verified;
    }

    /// <summary>Refuses proposals that do not remove each leaf of the account once, and nothing else.</summary>
    private static async Task RequireEachLeafAsync(
        MlsDbContext context,
        Access access,
        List<VerifiedProposal> proposals,
        CancellationToken cancellation
    )
    {
        string id = access.Conversation.Id,
            did = access.Entry.Did;
        var own = await context
            .Set<Device>()
            .Where(device => device.Did == did)
            .Join(
                context.Set<Leaf>().Where(leaf => leaf.ConvoId == id),
                device => device.Id,
                leaf => leaf.DeviceRow,
                (_, leaf) => (uint)leaf.LeafIndex
            )
            .ToListAsync(cancellation);
        var named = proposals
            .Select(item =>
                item.Content.Proposal switch
                {
                    RemoveProposal remove => remove.Removed.Value,
                    SelfRemoveProposal => item.Content.Sender.Index,
                    _ => (uint?)null,
                }
            )
            .ToList();
        if (!named.Order().SequenceEqual(own.Order().Select(leaf => (uint?)leaf)))
            throw Refusal.InvalidProposal(DeliveryRules.LeaveOfEachLeaf.Id).AsException();
    }

    /// <summary>Writes the proposals and the end of the membership, with all that follows from that end.</summary>
    private async Task<LeaveConvoResult> LeaveAsync(MlsDbContext write, Access access, List<VerifiedProposal> proposals)
    {
        string id = access.Conversation.Id,
            did = access.Entry.Did;
        var now = _clock.GetUtcNow();
        // The proposals are appended first, because that locks the conversation's row to the end of the transaction:
        // no other account leaves, is promoted or is demoted while the last member and the last admin are looked for.
        long seq = await ProposalLog.AppendAsync(write, access.Conversation, proposals, did, now);
        var entry =
            await write.Members().AsTracking().SingleOrDefaultAsync(row => row.ConvoId == id && row.Did == did)
            ?? throw Refusal.Unauthorized(RefusalReasons.Left).AsException();
        if (!await write.Members().AnyAsync(row => row.ConvoId == id && row.Did != did))
            throw Refusal.LastMember.AsException();
        (entry.State, entry.EndedAt, entry.IsAdmin) = (RosterState.Left, now, false);
        write.AddEvent(OutboxEvent.Membership(id, did, MembershipChange.Left, now));
        await write.SaveChangesAsync();
        await Admins.KeepOneAsync(write, id, now);
        if (proposals.Count > 0)
        {
            write.Add(
                new PendingRemoval
                {
                    ConvoId = id,
                    Did = did,
                    Kind = PendingKind.Leave,
                    ProposedEpoch = access.Conversation.Epoch,
                }
            );
            // A member's commit that was verified before this moment does not remove the leaves, and is refused.
            await write
                .Set<Conversation>()
                .Where(row => row.Id == id)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.LeftSeq, seq));
        }
        await WelcomeRecipient.EndAsync(write, did, [id], "The account left.", now);
        return new(now, seq);
    }
}
