using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Leaves a conversation with all devices of the account.</summary>
internal sealed class AccountDeparture(MlsClientOptions options, ServiceConnection service, LogFollowing serviceLog)
{
    /// <summary>
    /// Tells the service that the account leaves, and forgets the conversation; see
    /// <see cref="ConversationManager.LeaveAsync"/>.
    /// </summary>
    public async Task<DateTimeOffset> LeaveAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        await serviceLog.SettlePendingAsync(conversation, cancellation).ConfigureAwait(false);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var input = await InputAsync(conversation, cancellation).ConfigureAwait(false);
                var answer = await service.CallAsync(Lexicons.LeaveConvo, input, cancellation).ConfigureAwait(false);
                await conversation.ForgetAsync(cancellation).ConfigureAwait(false);
                return answer.LeftAt;
            }
            catch (Exception failure)
            {
                if (failure is MlsClientException { Status: > 0 and < 500 })
                    await StoredLeave
                        .DeleteAsync(options.Store, conversation.Id, CancellationToken.None)
                        .ConfigureAwait(false);
                // The proposals of a leave that was refused are in the group's state, and nobody is to commit them.
                await conversation.ReloadAsync(CancellationToken.None).ConfigureAwait(false);
                bool wasOvertaken = failure is MlsClientException { Error: ServiceErrors.EpochMismatch };
                if (!wasOvertaken || attempt >= options.CommitAttempts)
                    throw;
                await serviceLog.CatchUpAsync(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                await Task.Delay(Jitter.Of(attempt), options.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// The input of the call. Where the answer to a call before got lost, the input is the same again, so that the
    /// service answers as it did then.
    /// </summary>
    private async Task<LeaveConvoInput> InputAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (
            await StoredLeave.ReadAsync(options.Store, conversation.Id, cancellation).ConfigureAwait(false) is
            { } underWay
        )
            return underWay.Input;
        var leave = new StoredLeave(
            new()
            {
                ConvoId = conversation.Id,
                Proposals = Proposals(conversation.GroupAsMember),
                IdempotencyKey = Guid.NewGuid().ToString("N"),
            }
        );
        await options.Store.WriteAsync(cancellation, leave.ToEntry()).ConfigureAwait(false);
        return leave.Input;
    }

    /// <summary>
    /// One proposal for each leaf of the account: a Remove, but for the device's own leaf a SelfRemove, which an
    /// external commit can carry out, too, where all members support SelfRemove.
    /// </summary>
    private List<string> Proposals(Group group)
    {
        // Nobody could commit a proposal to remove the last member, so it is not even sent.
        if (group.PublicGroup.Members.All(member => MemberIdentity.DidOf(member.Leaf.Credential) == options.Did))
            throw new MlsClientException(ServiceErrors.LastMember, "The last member cannot leave.");
        bool allSupportSelfRemove = group.PublicGroup.Members.All(static member =>
            member.Leaf.Capabilities.Proposals.Contains(ProposalType.SelfRemove)
        );
        return
        [
            .. MemberIdentity
                .LeavesOf(group.PublicGroup, options.Did)
                .Select(leaf =>
                    Convert.ToBase64String(
                        allSupportSelfRemove && leaf == group.OwnLeaf
                            ? group.ProposeSelfRemove()
                            : group.Propose(new RemoveProposal(leaf))
                    )
                ),
        ];
    }
}
