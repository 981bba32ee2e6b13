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

public sealed record LeaveConvoInput(
    string ConvoId,
    IReadOnlyList<ReadOnlyMemory<byte>> Proposals,
    string? IdempotencyKey
);

/// <param name="LeftAt">From when the time to come back is counted.</param>
/// <param name="Seq">Place of the first proposal in the conversation's log.</param>
public sealed record LeaveConvoResult(DateTimeOffset LeftAt, long Seq);

/// <summary>Accounts that leave by their own will.</summary>
public sealed class Leaving
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal Leaving(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>Ends the caller's membership at once. Its proposals, one for each of its leaves, wait for a member's commit.</summary>
    public Task<LeaveConvoResult> LeaveConvoAsync(Caller caller, LeaveConvoInput input, CancellationToken cancellation)
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
                    async () =>
                    {
                        var verified = new List<VerifiedProposal>();
                        foreach (var bytes in input.Proposals)
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
                );
                return Changes.InTransaction(async write => new CallResult<LeaveConvoResult>(
                    await LeaveAsync(write, access, proposals)
                ));
            },
            cancellation
        );
    }

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

    private async Task<LeaveConvoResult> LeaveAsync(MlsDbContext write, Access access, List<VerifiedProposal> proposals)
    {
        string id = access.Conversation.Id,
            did = access.Entry.Did;
        var now = _clock.GetUtcNow();
        // First: it holds the conversation's row, so that nobody else leaves or is demoted meanwhile.
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
            await write
                .Set<Conversation>()
                .Where(row => row.Id == id)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.LeftSeq, seq));
        }
        await WelcomeRecipient.EndAsync(write, did, [id], "The account left.", now);
        return new(now, seq);
    }
}
