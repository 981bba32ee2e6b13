using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Proposals;

/// <summary>The input of sendProposal.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="Proposal">The proposal as an MLSMessage with a PublicMessage.</param>
/// <param name="IdempotencyKey">
/// The caller's key for retries; the hash of conversation and proposal stands in for null.
/// </param>
public sealed record SendProposalRequest(string ConvoId, ReadOnlyMemory<byte> Proposal, string? IdempotencyKey);

/// <summary>The answer to sendProposal.</summary>
/// <param name="Seq">The proposal's sequence number in the conversation's log.</param>
/// <param name="Epoch">The epoch that the proposal is for.</param>
public sealed record SendProposalResult(long Seq, ulong Epoch);

/// <summary>
/// Takes proposals of members (delivery-service §4.4), which a commit of the same epoch may name by reference.
/// </summary>
public sealed class ProposalReceiver
{
    /// <summary>The largest number of proposals of an account in an epoch.</summary>
    public const int MaxOfEpoch = 100;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal ProposalReceiver(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>Verifies a proposal and appends it to the conversation's log.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized, EpochMismatch, InvalidProposal, NotAdmin, TooManyProposals or IdempotencyConflict.
    /// </exception>
    public Task<SendProposalResult> SendProposalAsync(
        Caller caller,
        SendProposalRequest input,
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

    /// <summary>Appends a proposal, unless the log has the same proposal already.</summary>
    /// <returns>The sequence number of the proposal.</returns>
    /// <exception cref="RefusedException">TooManyProposals</exception>
    private async Task<long> AppendAsync(MlsDbContext write, Access access, VerifiedProposal proposal)
    {
        string did = access.Entry.Did;
        long epoch = access.Conversation.Epoch;
        var ofEpoch = write
            .Set<LogEntry>()
            .AsNoTracking()
            .Where(row => row.ConvoId == access.Conversation.Id && row.Kind == LogKind.Proposal && row.Epoch == epoch);
        // A proposal that is sent again under another idempotency key is still the same proposal.
        long? seqOfSame = await ofEpoch
            .Where(row => row.Reference == proposal.Reference)
            .Select(row => (long?)row.Seq)
            .FirstOrDefaultAsync();
        if (seqOfSame is { } seq)
            return seq;
        if (await ofEpoch.CountAsync(row => row.Sender == did) >= MaxOfEpoch)
            throw Refusal.TooManyProposals.AsException();
        return await ProposalLog.AppendAsync(write, access.Conversation, [proposal], did, _clock.GetUtcNow());
    }
}
