using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Proposals;

public sealed record SendProposalInput(string ConvoId, ReadOnlyMemory<byte> Proposal, string? IdempotencyKey);

/// <param name="Seq">Its place in the conversation's log.</param>
/// <param name="Epoch">The epoch that it is for.</param>
public sealed record SendProposalResult(long Seq, ulong Epoch);

/// <summary>Takes proposals of members, for a commit of the same epoch to name.</summary>
public sealed class ProposalReceiver
{
    /// <summary>Most proposals of an account in an epoch.</summary>
    public const int MaxOfEpoch = 100;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal ProposalReceiver(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>Verifies a proposal and appends it to the conversation's log.</summary>
    public Task<SendProposalResult> SendProposalAsync(
        Caller caller,
        SendProposalInput input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.SendProposal,
            input.ConvoId,
            input.IdempotencyKey ?? Call.KeyOf(input.ConvoId, input.Proposal),
            input.ConvoId,
            input.Proposal
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var group = await _groups.GetAsync(access.Conversation, cancellation);
                var proposal = await call.JudgeAsync(
                    access.Conversation,
                    async () =>
                        await ProposalVerification.VerifyAsync(
                            context,
                            access,
                            group,
                            input.Proposal,
                            await PendingRemovals.OfAsync(context, input.ConvoId, cancellation),
                            _clock.GetUtcNow(),
                            cancellation
                        )
                );
                return Changes.InTransaction(async write => new CallResult<SendProposalResult>(
                    new(await AppendAsync(write, access, proposal), group.Epoch)
                ));
            },
            cancellation
        );
    }

    private async Task<long> AppendAsync(MlsDbContext write, Access access, VerifiedProposal proposal)
    {
        string did = access.Entry.Did;
        long epoch = access.Conversation.Epoch;
        var before = write
            .Set<LogEntry>()
            .AsNoTracking()
            .Where(row => row.ConvoId == access.Conversation.Id && row.Kind == LogKind.Proposal && row.Epoch == epoch);
        // Under another idempotency key it is the same proposal still.
        if (
            await before
                .Where(row => row.Reference == proposal.Reference)
                .Select(row => (long?)row.Seq)
                .FirstOrDefaultAsync() is
            { } there
        )
            return there;
        if (await before.CountAsync(row => row.Sender == did) >= MaxOfEpoch)
            throw Refusal.TooManyProposals.AsException();
        return await ProposalLog.AppendAsync(write, access.Conversation, [proposal], did, _clock.GetUtcNow());
    }
}
