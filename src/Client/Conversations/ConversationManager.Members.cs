using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

public sealed partial class ConversationManager
{
    /// <summary>
    /// Leaves, with all devices of the account. It counts at once; the leaves go with the next commit of a member. What the device knows of the conversation is forgotten.
    /// </summary>
    /// <returns>From when the time to come back (<see cref="RejoinAsync"/>) is counted.</returns>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>LastMember</c>: then nothing has changed.</exception>
    public Task<DateTimeOffset> LeaveAsync(string conversationId, CancellationToken cancellation = default) =>
        With(
            conversationId,
            async conversation =>
            {
                await SettlePending(conversation, cancellation).ConfigureAwait(false);
                for (int attempt = 1; ; attempt++)
                {
                    try
                    {
                        var answer = await _service
                            .Call(
                                Lexicons.LeaveConvo,
                                await LeaveUnderWay(conversation, cancellation).ConfigureAwait(false),
                                cancellation
                            )
                            .ConfigureAwait(false);
                        await Forget(conversation, cancellation).ConfigureAwait(false);
                        return answer.LeftAt;
                    }
                    catch (Exception failure)
                    {
                        if (failure is MlsClientException { Status: > 0 and < 500 })
                            await ForgetLeave(conversation, CancellationToken.None).ConfigureAwait(false);
                        // The proposals of a leave that was refused are nobody's to commit.
                        await conversation.ReloadAsync(Store, _keys, CancellationToken.None).ConfigureAwait(false);
                        if (
                            failure is not MlsClientException { Error: "EpochMismatch" }
                            || attempt >= _options.CommitAttempts
                        )
                            throw;
                        await CatchUp(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                        await Task.Delay(Jitter(attempt), _options.Clock, cancellation).ConfigureAwait(false);
                    }
                }
            },
            cancellation
        );

    /// <summary>The call by which the device leaves: the same again where its answer got lost, so that the service answers as it did.</summary>
    private async Task<LeaveConvoInput> LeaveUnderWay(Conversation conversation, CancellationToken cancellation)
    {
        string name = NameOfLeave(conversation.Id);
        if (await Store.ReadAsync(name, cancellation).ConfigureAwait(false) is { } saved)
            return Lexicons.LeaveConvo.ReadInput(saved);
        var input = new LeaveConvoInput
        {
            ConvoId = conversation.Id,
            Proposals = ProposalsToLeave(conversation.Live),
            IdempotencyKey = Guid.NewGuid().ToString("N"),
        };
        await Store
            .WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(name, Lexicons.LeaveConvo.WriteInput(input)))
            .ConfigureAwait(false);
        return input;
    }

    private static string NameOfLeave(string conversationId) => $"leaving/{conversationId}";

    /// <summary>The service has refused, or the device comes (back) in: what comes is another leave.</summary>
    private async Task ForgetLeave(Conversation conversation, CancellationToken cancellation)
    {
        if (await Store.ReadAsync(NameOfLeave(conversation.Id), cancellation).ConfigureAwait(false) is not null)
            await Store
                .WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(NameOfLeave(conversation.Id), null))
                .ConfigureAwait(false);
    }

    /// <summary>Removes all devices of another account. Only admins may; one that has left, any member.</summary>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>; <see cref="ClientErrors.NothingToDo"/> where the account has no device in the group.</exception>
    public Task<Recorded> RemoveMemberAsync(string conversationId, string did, CancellationToken cancellation = default)
    {
        if (did == _options.Did)
            throw new ArgumentException("To go oneself there is LeaveAsync.", nameof(did));
        return Commit(
            conversationId,
            group =>
            {
                var leaves = LeavesOf(group, did);
                return leaves.Count == 0 ? null : new() { Remove = leaves };
            },
            async (pending, token) =>
            {
                var answer = await _service
                    .Call(
                        Lexicons.RemoveMember,
                        new()
                        {
                            ConvoId = conversationId,
                            TargetDid = did,
                            Commit = Convert.ToBase64String(pending.Commit),
                            GroupInfo = Convert.ToBase64String(pending.GroupInfo),
                        },
                        token
                    )
                    .ConfigureAwait(false);
                return new((ulong)answer.Epoch, answer.Seq);
            },
            cancellation
        );
    }

    /// <summary>Makes a member an admin.</summary>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task PromoteAdminAsync(string conversationId, string did, CancellationToken cancellation = default) =>
        _service.Call(Lexicons.PromoteAdmin, new() { ConvoId = conversationId, TargetDid = did }, cancellation);

    /// <summary>Makes an admin a member like others; the last one stays.</summary>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c> or <c>LastAdmin</c>.</exception>
    public Task DemoteAdminAsync(string conversationId, string did, CancellationToken cancellation = default) =>
        _service.Call(Lexicons.DemoteAdmin, new() { ConvoId = conversationId, TargetDid = did }, cancellation);

    /// <summary>Keeps an account out of the conversation, a member or not: from now on it gets nothing of it and sends nothing to it. Its leaves go with the next commit of a member.</summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="did">Another account than the own one.</param>
    /// <param name="reason">For the service's audit log.</param>
    /// <param name="cancellation">Ends the waiting; what was asked for may still happen.</param>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task BanMemberAsync(
        string conversationId,
        string did,
        string? reason = null,
        CancellationToken cancellation = default
    ) =>
        _service.Call(
            Lexicons.BanMember,
            new()
            {
                ConvoId = conversationId,
                TargetDid = did,
                Reason = reason,
            },
            cancellation
        );

    /// <summary>Ends a ban. An account whose leaves were removed is no member until it is added (<see cref="AddMembersAsync"/>).</summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="did">The account.</param>
    /// <param name="reason">For the service's audit log.</param>
    /// <param name="cancellation">Ends the waiting; what was asked for may still happen.</param>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task UnbanMemberAsync(
        string conversationId,
        string did,
        string? reason = null,
        CancellationToken cancellation = default
    ) =>
        _service.Call(
            Lexicons.UnbanMember,
            new()
            {
                ConvoId = conversationId,
                TargetDid = did,
                Reason = reason,
            },
            cancellation
        );

    /// <summary>Removes the leaves of those who have left and whose proposals are void: an external commit came first. Members are asked for it.</summary>
    internal Task RemoveGoneAsync(string conversationId, CancellationToken cancellation) =>
        With(
            conversationId,
            async conversation =>
            {
                if (conversation.Group is not { HasEnded: false })
                    return false;
                await CatchUp(conversation, mayRejoin: true, cancellation).ConfigureAwait(false);
                for (int attempt = 1; ; attempt++)
                {
                    var gone = await Gone(conversation, cancellation).ConfigureAwait(false);
                    ulong epoch = conversation.Live.CurrentEpoch;
                    try
                    {
                        // In another epoch they may be back, or gone.
                        return await CommitIfNeeded(
                                conversation,
                                group => gone.Count > 0 && group.Epoch == epoch ? new() { Remove = gone } : null,
                                null,
                                cancellation
                            )
                            .ConfigureAwait(false);
                    }
                    catch (MlsClientException unbanned)
                        when (unbanned.Error == "NotAdmin" && attempt < _options.CommitAttempts)
                    {
                        // Somebody's ban was ended before the leaves went; others' may still have to.
                    }
                }
            },
            cancellation
        );

    /// <summary>Commits the proposals that wait, so that no one who has left or is to be removed reads what comes (RFC 9420 §12.4).</summary>
    private async Task CommitWaiting(Conversation conversation, CancellationToken cancellation)
    {
        if (conversation.Live.MustCommit)
            await CommitIfNeeded(conversation, _ => conversation.Live.MustCommit ? new() : null, null, cancellation)
                .ConfigureAwait(false);
    }

    /// <returns>False where others have done it.</returns>
    private async Task<bool> CommitIfNeeded(
        Conversation conversation,
        Func<PublicGroup, CommitOptions?> decide,
        Func<PendingCommit, CancellationToken, Task<Recorded>>? send,
        CancellationToken cancellation
    )
    {
        try
        {
            await Commit(conversation, decide, send, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (MlsClientException done) when (done.Error == ClientErrors.NothingToDo)
        {
            return false;
        }
    }

    /// <summary>The leaves of accounts that are gone, in the device's epoch: every commit of a member has to remove them. None where the service is in another.</summary>
    private async Task<IReadOnlyList<LeafIndex>> Gone(Conversation conversation, CancellationToken cancellation)
    {
        var group = conversation.Live;
        var convo = (
            await _service
                .Call(Lexicons.GetConvo, new GetConvoParameters { ConvoId = conversation.Id }, cancellation)
                .ConfigureAwait(false)
        ).Convo;
        return (ulong)convo.Epoch != group.CurrentEpoch
            ? []
            :
            [
                .. convo
                    .Members.Where(static member => member.RemovalPending == true)
                    .Select(static member => new LeafIndex((uint)member.LeafIndex))
                    .Where(leaf => leaf != group.OwnLeaf && group.PublicGroup.Leaf(leaf) is not null),
            ];
    }

    /// <summary>One for each leaf of the account: for the own one a SelfRemove, which a joiner can carry out too, where all members know what it is.</summary>
    private List<string> ProposalsToLeave(Group group)
    {
        // Such a proposal would be one that nobody can commit, and is not even sent.
        if (group.PublicGroup.Members.All(member => DidOf(member.Leaf.Credential) == _options.Did))
            throw new MlsClientException("LastMember", "The last member cannot leave.");
        bool known = group.PublicGroup.Members.All(static member =>
            member.Leaf.Capabilities.Proposals.Contains(ProposalType.SelfRemove)
        );
        return
        [
            .. LeavesOf(group.PublicGroup, _options.Did)
                .Select(leaf =>
                    Convert.ToBase64String(
                        known && leaf == group.OwnLeaf
                            ? group.ProposeSelfRemove()
                            : group.Propose(new RemoveProposal(leaf))
                    )
                ),
        ];
    }
}
