using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Joins a conversation by an external commit (RFC 9420 §12.4.3.2): one try on a fresh GroupInfo.</summary>
internal sealed class JoiningByExternalCommit(
    MlsClientOptions options,
    ServiceConnection service,
    DeviceKeys keys,
    BranchVerification branches
)
{
    /// <summary>
    /// Fetches the GroupInfo, verifies the group, commits, and saves the group once the service has accepted the
    /// commit.
    /// </summary>
    /// <exception cref="MlsClientException">
    /// The service's refusal, <see cref="ClientErrors.InvalidAnswer"/> or <see cref="ClientErrors.OtherBranch"/>.
    /// </exception>
    public async Task JoinAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        var served = await FetchGroupInfoAsync(conversation.Id, cancellation).ConfigureAwait(false);
        var (groupInfo, before) = ServedObjects.Read(() =>
        {
            var info = UnverifiedGroupInfo.Decode(Convert.FromBase64String(served.GroupInfo));
            byte[]? tree = served.RatchetTree is { } text ? Convert.FromBase64String(text) : null;
            return (info, PublicGroup.FromGroupInfo(info, tree));
        });
        await branches.RequireDescentAsync(conversation, before, cancellation).ConfigureAwait(false);
        var client = await keys.ForAsync(before.CipherSuite, cancellation).ConfigureAwait(false);
        var ownLeaf = LeafOf(before, client.Credential);
        var selfRemoves = ServedObjects.Read(() => SelfRemovesOfOthers(served.SelfRemoves ?? [], before));
        var joined = ServedObjects.Read(() =>
            Group.JoinByExternalCommit(client, groupInfo, before, ownLeaf, null, selfRemoves: selfRemoves)
        );
        try
        {
            long seq = await SendAsync(conversation.Id, joined.Pending!, served.Turn?.Id, cancellation)
                .ConfigureAwait(false);
            joined.MergePendingCommit();
            conversation.Enter(joined, seq);
        }
        catch
        {
            joined.Dispose();
            throw;
        }
        await conversation.SaveAsync(cancellation).ConfigureAwait(false);
    }

    private Task<GetGroupInfoOutput> FetchGroupInfoAsync(string conversationId, CancellationToken cancellation) =>
        service.CallAsync(
            Lexicons.GetGroupInfo,
            new GetGroupInfoParameters
            {
                ConvoId = conversationId,
                IncludeTree = true,
                DeviceId = options.DeviceId,
                Turn = true,
            },
            cancellation
        );

    /// <returns>The commit's place in the service's log.</returns>
    private async Task<long> SendAsync(
        string conversationId,
        PendingCommit pending,
        string? turnId,
        CancellationToken cancellation
    )
    {
        var answer = await service
            .CallAsync(
                Lexicons.ProcessExternalCommit,
                new()
                {
                    ConvoId = conversationId,
                    ExternalCommit = Convert.ToBase64String(pending.Commit),
                    GroupInfo = Convert.ToBase64String(pending.GroupInfo),
                    TurnId = turnId,
                },
                cancellation
            )
            .ConfigureAwait(false);
        return answer.Seq;
    }

    /// <summary>The leaf that the device has in the group from before, and that the external commit removes.</summary>
    private static LeafIndex? LeafOf(PublicGroup group, Credential credential)
    {
        LeafIndex? own = null;
        foreach (var (index, leaf) in group.Members)
            if (leaf.Credential.SameAs(credential))
                own = index;
        return own;
    }

    /// <summary>
    /// The SelfRemove proposals that the external commit carries out: with it, accounts that have left are out of the
    /// group. Those of the device's own account stay behind, because that account is coming back.
    /// </summary>
    private List<PublicMessage> SelfRemovesOfOthers(IReadOnlyList<string> served, PublicGroup group) =>
        [
            .. served
                .Select(ServedObjects.DecodePublicMessage)
                .Where(proposal =>
                    MemberIdentity.DidOf(group.Leaf(new(proposal.Content.Sender.Index))?.Credential) != options.Did
                ),
        ];
}
