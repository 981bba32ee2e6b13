namespace MlsConsole.Mls;

/// <summary>
/// Chooses, from the proposals that were received in an epoch, those that one commit can include together
/// (RFC 9420 §12.2, §12.4).
/// </summary>
internal static class ProposalSelection
{
    /// <summary>
    /// Returns the received proposals without those that this member may not commit, that are superseded by another
    /// proposal, or that can no longer be applied.
    /// </summary>
    /// <param name="group">The group in the epoch of the proposals.</param>
    /// <param name="committer">The member that will commit.</param>
    /// <param name="received">The received proposals in the order of their arrival.</param>
    /// <param name="given">The proposals that the committer adds by value. They have precedence.</param>
    /// <param name="knowsKey">Tells whether the committer has a pre-shared key.</param>
    public static IReadOnlyList<AuthenticatedContent> Choose(
        PublicGroup group,
        LeafIndex committer,
        IReadOnlyList<AuthenticatedContent> received,
        IReadOnlyCollection<Proposal> given,
        Func<PreSharedKeyId, bool> knowsKey
    )
    {
        var leaves = WinnerOfEachLeaf(group, committer, received, given);
        var added = new HashSet<ReadOnlyMemory<byte>>(
            given.OfType<AddProposal>().Select(add => add.KeyPackage.LeafNode.SignatureKey),
            PublicKeySet.BytesComparer.Instance
        );
        var keys = new HashSet<ReadOnlyMemory<byte>>(
            given.OfType<PreSharedKeyProposal>().Select(psk => (ReadOnlyMemory<byte>)psk.Id.Encode()),
            PublicKeySet.BytesComparer.Instance
        );
        bool extensionsTaken = given.OfType<GroupContextExtensionsProposal>().Any();
        var chosen = received
            .Where(item =>
                item.Content.Proposal switch
                {
                    UpdateProposal or RemoveProposal or SelfRemoveProposal => leaves.Contains(item),
                    AddProposal add => CanBeAdded(group, add) && added.Add(add.KeyPackage.LeafNode.SignatureKey),
                    PreSharedKeyProposal psk => knowsKey(psk.Id) && keys.Add(psk.Id.Encode()),
                    GroupContextExtensionsProposal => !extensionsTaken && (extensionsTaken = true),
                    ReInitProposal => true,
                    ExternalInitProposal => false,
                    { } other => group.Tree.Root.Capabilities!.AllSupportProposal(other.Type),
                    null => false,
                }
            )
            .ToList();
        // A ReInit can only be committed alone, so it is left out if there is any other proposal.
        if (chosen.Count + given.Count > 1)
        {
            var reInits = chosen.Where(item => item.Content.Proposal is ReInitProposal).ToList();
            chosen.RemoveAll(item => item.Content.Proposal is ReInitProposal);
            if (chosen.Count + given.Count == 0)
                chosen.Add(reInits[0]);
        }
        return chosen;
    }

    /// <summary>
    /// The proposal that is committed for each leaf: a Remove goes before an Update, and a later Update before an
    /// earlier one (RFC 9420 §12.2); a SelfRemove goes before a Remove (draft-ietf-mls-extensions).
    /// </summary>
    private static HashSet<AuthenticatedContent> WinnerOfEachLeaf(
        PublicGroup group,
        LeafIndex committer,
        IReadOnlyList<AuthenticatedContent> received,
        IReadOnlyCollection<Proposal> given
    )
    {
        var winners = new Dictionary<LeafIndex, AuthenticatedContent>();
        var settled = given.OfType<RemoveProposal>().Select(remove => remove.Removed).Append(committer).ToHashSet();
        foreach (var item in received)
        {
            LeafIndex leaf;
            if (item.Content.Proposal is RemoveProposal remove)
                leaf = remove.Removed;
            else if (item.Content.Proposal is UpdateProposal or SelfRemoveProposal)
                leaf = new(item.Content.Sender.Index);
            else
                continue;
            if (settled.Contains(leaf) || group.Leaf(leaf) is null)
                continue;
            if (!winners.TryGetValue(leaf, out var before) || Rank(item) >= Rank(before))
                winners[leaf] = item;
        }
        return [.. winners.Values];

        static int Rank(AuthenticatedContent item) =>
            item.Content.Proposal switch
            {
                SelfRemoveProposal => 2,
                RemoveProposal => 1,
                _ => 0,
            };
    }

    private static bool CanBeAdded(PublicGroup group, AddProposal add)
    {
        if (
            group.Tree.SignatureKeys.Contains(add.KeyPackage.LeafNode.SignatureKey)
            || add.KeyPackage.CipherSuite != group.CipherSuite
        )
            return false;
        try
        {
            add.KeyPackage.Verify(null);
            LeafNodeValidation.VerifyAgainst(group.Context.Extensions, add.KeyPackage.LeafNode);
            return true;
        }
        catch (MlsException)
        {
            // The sender of the Add has not been told of a fault; a committer leaves invalid proposals out.
            return false;
        }
    }
}
