using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

public sealed partial class ConversationManager
{
    /// <summary>Sends an application message. The message key is gone from the store before the message leaves.</summary>
    /// <exception cref="MlsClientException">The device is not in the group, or the service refused the message.</exception>
    public Task<Recorded> SendAsync(
        string conversationId,
        ReadOnlyMemory<byte> data,
        CancellationToken cancellation = default
    ) =>
        With(
            conversationId,
            async conversation =>
            {
                for (int attempt = 1; ; attempt++)
                {
                    await CommitWaiting(conversation, cancellation).ConfigureAwait(false);
                    var message = conversation.Live.Encrypt(data.Span);
                    await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
                    try
                    {
                        var answer = await _service
                            .Call(
                                Lexicons.SendMessage,
                                new() { ConvoId = conversationId, Message = Convert.ToBase64String(message) },
                                cancellation
                            )
                            .ConfigureAwait(false);
                        return new Recorded((ulong)answer.Epoch, answer.Seq);
                    }
                    catch (MlsClientException refused)
                        when (refused.Error == "EpochMismatch" && attempt < _options.CommitAttempts)
                    {
                        await CatchUp(conversation, mayRejoin: true, cancellation).ConfigureAwait(false);
                    }
                }
            },
            cancellation
        );

    /// <summary>Adds all devices of accounts that have a key package to give.</summary>
    /// <exception cref="MlsClientException"><see cref="ClientErrors.NothingToDo"/> where no device can be added; or the service's refusal.</exception>
    public async Task<Recorded> AddMembersAsync(
        string conversationId,
        IReadOnlyList<string> dids,
        CancellationToken cancellation = default
    )
    {
        ushort suite = await With(
                conversationId,
                conversation => Task.FromResult(conversation.Live.PublicGroup.CipherSuite),
                cancellation
            )
            .ConfigureAwait(false);
        var claimed = await _service
            .Call(Lexicons.ClaimKeyPackages, new() { Dids = dids, CipherSuite = suite }, cancellation)
            .ConfigureAwait(false);
        var packages = Served(() => claimed.KeyPackages.Select(Verified).ToList());
        return await Commit(
                conversationId,
                group =>
                {
                    // Somebody else may have added some of them meanwhile.
                    var missing = packages
                        .Where(package =>
                            !group.Members.Any(member => member.Leaf.Credential.SameAs(package.LeafNode.Credential))
                        )
                        .ToList();
                    return missing.Count == 0 ? null : new() { Add = missing, TreeInWelcome = false };
                },
                (pending, token) => SendAdds(conversationId, pending, null, token),
                cancellation
            )
            .ConfigureAwait(false);
    }

    private async Task<Recorded> SendAdds(
        string conversationId,
        PendingCommit pending,
        IReadOnlyList<string>? rejoinRequestIds,
        CancellationToken cancellation
    )
    {
        var answer = await _service
            .Call(
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

    /// <summary>Renews the device's keys along its path (RFC 9420 §12.1.2), which heals the group after a compromise of this device.</summary>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<Recorded> UpdateAsync(string conversationId, CancellationToken cancellation = default) =>
        Commit(conversationId, static _ => new(), null, cancellation);

    private async Task<Recorded> SendCommit(
        string conversationId,
        PendingCommit pending,
        CancellationToken cancellation
    )
    {
        var answer = await _service
            .Call(
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

    /// <summary>
    /// Makes a commit and sends it; pending until the service has accepted it. One that was overtaken is built anew upon the commits
    /// that overtook it: that is no reason to rejoin.
    /// </summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="decide">What to commit in the group's current epoch; null for nothing any more.</param>
    /// <param name="send">Sends it by a method that takes no other proposals than its own; with others that wait it is sent as any commit.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    private Task<Recorded> Commit(
        string conversationId,
        Func<PublicGroup, CommitOptions?> decide,
        Func<PendingCommit, CancellationToken, Task<Recorded>>? send,
        CancellationToken cancellation
    ) => With(conversationId, conversation => Commit(conversation, decide, send, cancellation), cancellation);

    private async Task<Recorded> Commit(
        Conversation conversation,
        Func<PublicGroup, CommitOptions?> decide,
        Func<PendingCommit, CancellationToken, Task<Recorded>>? send,
        CancellationToken cancellation
    )
    {
        await SettlePending(conversation, cancellation).ConfigureAwait(false);
        IReadOnlyList<LeafIndex> gone = [];
        bool isFresh = false;
        for (int attempt = 1; ; attempt++)
        {
            var group = conversation.Live;
            if (decide(group.PublicGroup) is not { } options)
            {
                if (isFresh)
                    throw new MlsClientException(ClientErrors.NothingToDo, "The group is as it is to be.");
                // Or was, before what others did meanwhile.
                await CatchUp(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                isFresh = true;
                continue;
            }
            bool carriesOthers = group.MustCommit;
            var pending = group.Commit(options with { Remove = [.. options.Remove.Union(gone)] });
            // With the pending commit inside: if the answer gets lost, the log tells whether it was accepted.
            await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
            try
            {
                var recorded = await (
                    send is null || carriesOthers
                        ? SendCommit(conversation.Id, pending, cancellation)
                        : send(pending, cancellation)
                ).ConfigureAwait(false);
                conversation.Remember(group.PublicGroup);
                group.MergePendingCommit();
                await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
                return recorded;
            }
            catch (MlsClientException refused) when (refused.Status is > 0 and < 500)
            {
                group.DiscardPendingCommit();
                await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
                // Whose ban was ended meanwhile, only an admin may remove.
                bool others = refused.Error == "LeavePending" || (refused.Error == "NotAdmin" && gone.Count > 0);
                if (!(others || refused.Error == "EpochMismatch") || attempt >= _options.CommitAttempts)
                    throw;
                await CatchUp(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                isFresh = true;
                gone = others ? await Gone(conversation, cancellation).ConfigureAwait(false) : [];
                await Task.Delay(Jitter(attempt), _options.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A commit whose answer got lost: the log knows what became of it.</summary>
    private async Task SettlePending(Conversation conversation, CancellationToken cancellation)
    {
        if (conversation.Live.Pending is not null)
            await CatchUp(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
    }

    /// <summary>A random part of a time that doubles, so that those who met do not meet again.</summary>
    internal static TimeSpan Jitter(int attempt) =>
        Random.Shared.NextDouble() * TimeSpan.FromMilliseconds(20 << Math.Min(attempt, 6));

    private static List<LeafIndex> LeavesOf(PublicGroup group, string did) =>
        [.. group.Members.Where(member => DidOf(member.Leaf.Credential) == did).Select(member => member.Index)];

    /// <summary>The DID of a credential: what is before the first <c>#</c>, compared as a whole and never by prefix.</summary>
    private static string? DidOf(Credential? credential)
    {
        if (credential is null)
            return null;
        var identity = credential.Identity.Span;
        int at = identity.IndexOf((byte)'#');
        return at < 0 ? null : System.Text.Encoding.UTF8.GetString(identity[..at]);
    }

    private static UnverifiedKeyPackage Verified(ClaimedKeyPackage claimed)
    {
        var package = UnverifiedKeyPackage.Decode(Convert.FromBase64String(claimed.KeyPackage));
        if (DidOf(package.LeafNode.Credential) is { } did && did != claimed.Did)
            throw new FormatException($"A key package of {did} was given out as one of {claimed.Did}.");
        return package;
    }
}
