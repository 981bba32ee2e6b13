using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Decides what to commit.</summary>
/// <param name="group">The group in its current epoch.</param>
/// <returns>Null where there is nothing to commit in that epoch.</returns>
internal delegate CommitOptions? CommitChoice(PublicGroup group);

/// <summary>Sends a commit by a method of the service.</summary>
internal delegate Task<Recorded> CommitMethod(PendingCommit pending, CancellationToken cancellation);

/// <summary>Makes the device's own commits as a member, and sends them.</summary>
/// <remarks>
/// A commit is pending until the service has accepted it. A commit that was overtaken is built anew upon the commits
/// that overtook it; to be overtaken is no reason to rejoin.
/// </remarks>
internal sealed class CommitSending(
    MlsClientOptions options,
    ServiceConnection service,
    ConversationLookup lookup,
    LogFollowing serviceLog
)
{
    /// <summary>
    /// Commits what is chosen, again and again until the service has accepted it or the tries are used up.
    /// </summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="choose">What to commit; asked again in each epoch.</param>
    /// <param name="send">
    /// The method that the commit is sent by; null for <c>commit</c>. A method other than <c>commit</c> takes no
    /// proposals that others have made: a commit that carries such proposals is sent by <c>commit</c> all the same.
    /// </param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.NothingToDo"/> where there is nothing to commit (any more), or the service's refusal.
    /// </exception>
    public async Task<Recorded> CommitAsync(
        LocalConversation conversation,
        CommitChoice choose,
        CommitMethod? send,
        CancellationToken cancellation
    )
    {
        await serviceLog.SettlePendingAsync(conversation, cancellation).ConfigureAwait(false);
        IReadOnlyList<LeafIndex> removals = [];
        bool isFresh = false;
        for (int attempt = 1; ; attempt++)
        {
            if (choose(conversation.GroupAsMember.PublicGroup) is not { } chosen)
            {
                if (isFresh)
                    throw new MlsClientException(ClientErrors.NothingToDo, "The group is as it is to be.");
                // There may be something to commit after what others did meanwhile.
                await serviceLog.CatchUpAsync(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                isFresh = true;
                continue;
            }
            try
            {
                var withRemovals = chosen with { Remove = [.. chosen.Remove.Union(removals)] };
                return await TryAsync(conversation, withRemovals, send, cancellation).ConfigureAwait(false);
            }
            catch (MlsClientException refused) when (IsRefusal(refused))
            {
                // LeavePending: the commit lacks removals. NotAdmin with removals: a ban has ended meanwhile, and only
                // an admin may still remove that account. In both cases the device asks anew for the removals.
                bool otherRemovals =
                    refused.Error == ServiceErrors.LeavePending
                    || (refused.Error == ServiceErrors.NotAdmin && removals.Count > 0);
                bool canBeOvercome = otherRemovals || refused.Error == ServiceErrors.EpochMismatch;
                if (!canBeOvercome || attempt >= options.CommitAttempts)
                    throw;
                await serviceLog.CatchUpAsync(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                isFresh = true;
                removals = otherRemovals
                    ? await lookup.PendingRemovalsAsync(conversation, cancellation).ConfigureAwait(false)
                    : [];
                await Task.Delay(Jitter.Of(attempt), options.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Commits as <see cref="CommitAsync"/> does, where there is something to commit.</summary>
    /// <returns>False where there was nothing to commit, also because others have done it.</returns>
    public async Task<bool> CommitIfNeededAsync(
        LocalConversation conversation,
        CommitChoice choose,
        CommitMethod? send,
        CancellationToken cancellation
    )
    {
        try
        {
            await CommitAsync(conversation, choose, send, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (MlsClientException done) when (done.Error == ClientErrors.NothingToDo)
        {
            return false;
        }
    }

    /// <summary>
    /// Commits the proposals that wait, so that nobody who has left or is to be removed reads what comes
    /// (RFC 9420 §12.4).
    /// </summary>
    public async Task CommitWaitingAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (conversation.GroupAsMember.MustCommit)
            await CommitIfNeededAsync(
                    conversation,
                    _ => conversation.GroupAsMember.MustCommit ? new() : null,
                    send: null,
                    cancellation
                )
                .ConfigureAwait(false);
    }

    /// <summary>Sends a commit by <c>addMembers</c>.</summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="pending">A commit with a Welcome.</param>
    /// <param name="rejoinRequestIds">The rejoin requests that the commit answers; null for none.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<Recorded> SendByAddMembersAsync(
        string conversationId,
        PendingCommit pending,
        IReadOnlyList<string>? rejoinRequestIds,
        CancellationToken cancellation
    )
    {
        var answer = await service
            .CallAsync(
                Lexicons.AddMembers,
                new()
                {
                    ConvoId = conversationId,
                    Commit = Convert.ToBase64String(pending.Commit),
                    GroupInfo = Convert.ToBase64String(pending.GroupInfo),
                    Welcome = Convert.ToBase64String(pending.Welcome!),
                    RejoinRequestIds = rejoinRequestIds,
                },
                cancellation
            )
            .ConfigureAwait(false);
        return new((ulong)answer.Epoch, answer.Seq);
    }

    private async Task<Recorded> SendByCommitAsync(
        string conversationId,
        PendingCommit pending,
        CancellationToken cancellation
    )
    {
        var answer = await service
            .CallAsync(
                Lexicons.Commit,
                new()
                {
                    ConvoId = conversationId,
                    Commit = Convert.ToBase64String(pending.Commit),
                    GroupInfo = Convert.ToBase64String(pending.GroupInfo),
                    Welcome = pending.Welcome is null ? null : Convert.ToBase64String(pending.Welcome),
                },
                cancellation
            )
            .ConfigureAwait(false);
        return new((ulong)answer.Epoch, answer.Seq);
    }

    /// <summary>Makes one commit and sends it. A commit that is refused is discarded.</summary>
    private async Task<Recorded> TryAsync(
        LocalConversation conversation,
        CommitOptions chosen,
        CommitMethod? send,
        CancellationToken cancellation
    )
    {
        var group = conversation.GroupAsMember;
        bool carriesProposalsOfOthers = group.MustCommit;
        var pending = group.Commit(chosen);
        // Saved with the pending commit: if the answer gets lost, the log tells whether the commit was accepted.
        await conversation.SaveAsync(cancellation).ConfigureAwait(false);
        try
        {
            var recorded =
                send is null || carriesProposalsOfOthers
                    ? await SendByCommitAsync(conversation.Id, pending, cancellation).ConfigureAwait(false)
                    : await send(pending, cancellation).ConfigureAwait(false);
            conversation.Remember(group.PublicGroup);
            group.MergePendingCommit();
            await conversation.SaveAsync(cancellation).ConfigureAwait(false);
            return recorded;
        }
        catch (MlsClientException refused) when (IsRefusal(refused))
        {
            group.DiscardPendingCommit();
            await conversation.SaveAsync(cancellation).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether the service has certainly not done what it was asked for.</summary>
    private static bool IsRefusal(MlsClientException failure) => failure.Status is > 0 and < 500;
}
