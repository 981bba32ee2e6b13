using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Adds and removes members, and carries out the removals that the service asks the members for.</summary>
internal sealed class MemberChanges(
    MlsClientOptions options,
    ServiceConnection service,
    ConversationGate gate,
    ConversationLookup lookup,
    CommitSending commits,
    LogFollowing serviceLog
)
{
    /// <summary>
    /// Adds all devices of accounts that have a key package to give; see
    /// <see cref="ConversationManager.AddMembersAsync"/>.
    /// </summary>
    public async Task<Recorded> AddAsync(
        string conversationId,
        IReadOnlyList<string> dids,
        CancellationToken cancellation
    )
    {
        ushort suite = await gate.EnterAsync(
                conversationId,
                static conversation => Task.FromResult(conversation.GroupAsMember.PublicGroup.CipherSuite),
                cancellation
            )
            .ConfigureAwait(false);
        var claimed = await service
            .CallAsync(Lexicons.ClaimKeyPackages, new() { Dids = dids, CipherSuite = suite }, cancellation)
            .ConfigureAwait(false);
        var packages = ServedObjects.Read(() => claimed.KeyPackages.Select(Decode).ToList());
        return await gate.EnterAsync(
                conversationId,
                conversation =>
                    commits.CommitAsync(
                        conversation,
                        group => AddMissing(group, packages),
                        (pending, token) => commits.SendByAddMembersAsync(conversationId, pending, null, token),
                        cancellation
                    ),
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>Chooses those devices that nobody else has added meanwhile.</summary>
    private static CommitOptions? AddMissing(PublicGroup group, List<UnverifiedKeyPackage> packages)
    {
        var missing = packages
            .Where(package => !group.Members.Any(member => member.Leaf.Credential.SameAs(package.LeafNode.Credential)))
            .ToList();
        return missing.Count == 0 ? null : new() { Add = missing, TreeInWelcome = false };
    }

    private static UnverifiedKeyPackage Decode(ClaimedKeyPackage claimed)
    {
        var package = UnverifiedKeyPackage.Decode(Convert.FromBase64String(claimed.KeyPackage));
        if (MemberIdentity.DidOf(package.LeafNode.Credential) is { } did && did != claimed.Did)
            throw new FormatException($"A key package of {did} was given out as one of {claimed.Did}.");
        return package;
    }

    /// <summary>
    /// Removes all devices of another account; see <see cref="ConversationManager.RemoveMemberAsync"/>.
    /// </summary>
    public Task<Recorded> RemoveAsync(LocalConversation conversation, string did, CancellationToken cancellation) =>
        commits.CommitAsync(
            conversation,
            group =>
            {
                var leaves = MemberIdentity.LeavesOf(group, did);
                return leaves.Count == 0 ? null : new() { Remove = leaves };
            },
            (pending, token) => SendByRemoveMemberAsync(conversation.Id, did, pending, token),
            cancellation
        );

    private async Task<Recorded> SendByRemoveMemberAsync(
        string conversationId,
        string did,
        PendingCommit pending,
        CancellationToken cancellation
    )
    {
        var answer = await service
            .CallAsync(
                Lexicons.RemoveMember,
                new()
                {
                    ConvoId = conversationId,
                    TargetDid = did,
                    Commit = Convert.ToBase64String(pending.Commit),
                    GroupInfo = Convert.ToBase64String(pending.GroupInfo),
                },
                cancellation
            )
            .ConfigureAwait(false);
        return new((ulong)answer.Epoch, answer.Seq);
    }

    /// <summary>
    /// Removes the leaves of accounts that have left or were banned and that no proposal removes any more, because an
    /// external commit came first and made the proposals void. The service asks the members for it.
    /// </summary>
    /// <returns>False where there was nothing to remove.</returns>
    public async Task<bool> RemovePendingAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (!conversation.IsMember)
            return false;
        await serviceLog.CatchUpAsync(conversation, mayRejoin: true, cancellation).ConfigureAwait(false);
        for (int attempt = 1; ; attempt++)
        {
            var leaves = await lookup.PendingRemovalsAsync(conversation, cancellation).ConfigureAwait(false);
            ulong epoch = conversation.GroupAsMember.CurrentEpoch;
            try
            {
                // In another epoch these leaves may be gone, or their accounts may be back.
                return await commits
                    .CommitIfNeededAsync(
                        conversation,
                        group => leaves.Count > 0 && group.Epoch == epoch ? new() { Remove = leaves } : null,
                        send: null,
                        cancellation
                    )
                    .ConfigureAwait(false);
            }
            catch (MlsClientException unbanned)
                when (unbanned.Error == ServiceErrors.NotAdmin && attempt < options.CommitAttempts)
            {
                // A ban has ended before its leaves were removed. There may be leaves of other accounts to remove.
            }
        }
    }
}
