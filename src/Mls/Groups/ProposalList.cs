namespace MlsConsole.Mls;

/// <summary>One committed proposal with who sent it.</summary>
/// <param name="Proposal">The proposal.</param>
/// <param name="Sender">Its sender; the committer for one by value.</param>
/// <param name="ByReference">Whether the commit names it by reference.</param>
public sealed record CommittedProposal(Proposal Proposal, Sender Sender, bool ByReference);

/// <summary>The proposals of a commit, resolved and checked as a list (RFC 9420 §12.2).</summary>
internal sealed class ProposalList
{
    private ProposalList(IReadOnlyList<CommittedProposal> items) => Items = items;

    public IReadOnlyList<CommittedProposal> Items { get; }

    public IEnumerable<(T Proposal, Sender Sender)> Of<T>()
        where T : Proposal
    {
        foreach (var item in Items)
            if (item.Proposal is T proposal)
                yield return (proposal, item.Sender);
    }

    /// <summary>Looks up the references of a commit among the proposals of the epoch.</summary>
    public static ProposalList Resolve(
        CipherSuite suite,
        AuthenticatedContent commit,
        IReadOnlyCollection<AuthenticatedContent> proposals
    )
    {
        var items = new List<CommittedProposal>(commit.Content.Commit!.Proposals.Count);
        Dictionary<ReadOnlyMemory<byte>, AuthenticatedContent>? byReference = null;
        foreach (var item in commit.Content.Commit.Proposals)
        {
            if (item.Proposal is { } proposal)
            {
                items.Add(new(proposal, commit.Content.Sender, false));
                continue;
            }
            if (byReference is null)
            {
                byReference = new(PublicKeySet.BytesComparer.Instance);
                foreach (var known in proposals)
                    byReference[known.ProposalReference(suite)] = known;
            }
            if (!byReference.TryGetValue(item.Reference, out var found))
                throw new MlsException(
                    commit.IsExternalCommit ? Rules.ExternalCommitByReference : Rules.CommitUnknownProposal
                );
            items.Add(new(found.Content.Proposal!, found.Content.Sender, true));
        }
        return new(items);
    }

    /// <summary>A proposal alone, before any commit names it.</summary>
    public static ProposalList Of(AuthenticatedContent proposal) =>
        new([new(proposal.Content.Proposal!, proposal.Content.Sender, true)]);

    /// <summary>RFC 9420 §12.2, a member's commit.</summary>
    /// <param name="group">The group before it.</param>
    /// <param name="committer">Null if nobody has committed the proposals yet.</param>
    public void VerifyMemberCommit(PublicGroup group, LeafIndex? committer)
    {
        var touched = new HashSet<LeafIndex>();
        var preSharedKeys = new HashSet<ReadOnlyMemory<byte>>(PublicKeySet.BytesComparer.Instance);
        int contextExtensions = 0;
        foreach (var (proposal, sender, byReference) in Items)
        {
            switch (proposal)
            {
                case AddProposal:
                    MlsException.Require(sender.Type != SenderType.NewMemberCommit, Rules.ProposalSender);
                    break;
                case UpdateProposal update:
                    MlsException.Require(sender.Type == SenderType.Member, Rules.ProposalSender);
                    MlsException.Require(sender.Index != committer?.Value, Rules.CommitOwnUpdate);
                    MlsException.Require(touched.Add(new(sender.Index)), Rules.CommitLeafTwice);
                    break;
                case RemoveProposal remove:
                    MlsException.Require(sender.Type is SenderType.Member or SenderType.External, Rules.ProposalSender);
                    MlsException.Require(group.Tree.Leaf(remove.Removed) is not null, Rules.ProposalRemoveBlank);
                    MlsException.Require(remove.Removed != committer, Rules.CommitRemovesCommitter);
                    MlsException.Require(touched.Add(remove.Removed), Rules.CommitLeafTwice);
                    break;
                case SelfRemoveProposal:
                    VerifySelfRemove(sender, byReference, touched);
                    MlsException.Require(sender.Index != committer?.Value, Rules.ProposalSelfRemove);
                    break;
                case PreSharedKeyProposal psk:
                    MlsException.Require(sender.Type is SenderType.Member or SenderType.External, Rules.ProposalSender);
                    VerifyPreSharedKey(group, psk, preSharedKeys, startsGroup: group.Epoch == 0);
                    break;
                case ReInitProposal reInit:
                    MlsException.Require(sender.Type is SenderType.Member or SenderType.External, Rules.ProposalSender);
                    MlsException.Require(Items.Count == 1, Rules.CommitReInitNotAlone);
                    MlsException.Require(reInit.Version >= ProtocolVersion.Mls10, Rules.ProposalReInitVersion);
                    reInit.Extensions.RequireAllowed(ExtensionPlace.GroupContext);
                    break;
                case ExternalInitProposal:
                    MlsException.Throw(Rules.CommitExternalInitByMember);
                    break;
                case GroupContextExtensionsProposal extensions:
                    MlsException.Require(sender.Type is SenderType.Member or SenderType.External, Rules.ProposalSender);
                    MlsException.Require(++contextExtensions == 1, Rules.CommitGroupContextExtensionsTwice);
                    extensions.Extensions.RequireAllowed(ExtensionPlace.GroupContext);
                    break;
            }
        }
    }

    /// <summary>RFC 9420 §12.2 and §12.4.3.2, an external commit.</summary>
    public void VerifyExternalCommit(PublicGroup group)
    {
        int inits = 0,
            removes = 0;
        var touched = new HashSet<LeafIndex>();
        var preSharedKeys = new HashSet<ReadOnlyMemory<byte>>(PublicKeySet.BytesComparer.Instance);
        foreach (var (proposal, sender, byReference) in Items)
        {
            // draft-ietf-mls-extensions: a SelfRemove may be included, by reference only.
            MlsException.Require(!byReference || proposal is SelfRemoveProposal, Rules.ExternalCommitByReference);
            switch (proposal)
            {
                case ExternalInitProposal init:
                    MlsException.Require(
                        ++inits == 1 && init.KemOutput.Length == group.Suite.KemOutputLength,
                        Rules.ExternalCommitExternalInit
                    );
                    break;
                case RemoveProposal remove:
                    MlsException.Require(++removes == 1, Rules.ExternalCommitSecondRemove);
                    MlsException.Require(group.Tree.Leaf(remove.Removed) is not null, Rules.ProposalRemoveBlank);
                    MlsException.Require(touched.Add(remove.Removed), Rules.CommitLeafTwice);
                    break;
                case PreSharedKeyProposal psk:
                    VerifyPreSharedKey(group, psk, preSharedKeys, startsGroup: false);
                    break;
                case SelfRemoveProposal:
                    VerifySelfRemove(sender, byReference, touched);
                    break;
                default:
                    MlsException.Throw(Rules.ExternalCommitProposal);
                    break;
            }
        }
        MlsException.Require(inits == 1, Rules.ExternalCommitExternalInit);
    }

    /// <summary>RFC 9420 §12.4: whether the commit must have a path.</summary>
    public bool RequiresPath
    {
        get
        {
            if (Items.Count == 0)
                return true;
            foreach (var item in Items)
                if (
                    item.Proposal
                    is UpdateProposal
                        or RemoveProposal
                        or ExternalInitProposal
                        or GroupContextExtensionsProposal
                        or SelfRemoveProposal
                )
                    return true;
            return false;
        }
    }

    /// <summary>RFC 9420 §12.2: types that RFC 9420 does not define must be supported by the members that process the commit.</summary>
    public void VerifySupported(CapabilitySummary members)
    {
        foreach (var item in Items)
            MlsException.Require(members.AllSupportProposal(item.Proposal.Type), Rules.CommitProposalUnsupported);
    }

    private static void VerifySelfRemove(Sender sender, bool byReference, HashSet<LeafIndex> touched)
    {
        MlsException.Require(byReference && sender.Type == SenderType.Member, Rules.ProposalSelfRemove);
        MlsException.Require(touched.Add(new(sender.Index)), Rules.CommitLeafTwice);
    }

    private static void VerifyPreSharedKey(
        PublicGroup group,
        PreSharedKeyProposal psk,
        HashSet<ReadOnlyMemory<byte>> seen,
        bool startsGroup
    )
    {
        // §12.1.4: "the psk_nonce ... MUST be a fresh random value of length KDF.Nh"; resumption PSKs for reinit and branch only start groups.
        MlsException.Require(psk.Id.Nonce.Length == group.Suite.HashLength, Rules.ProposalPreSharedKey);
        // ... which is in the commit that fills a new group, at epoch 0.
        MlsException.Require(
            psk.Id.Type == PreSharedKeyType.External || psk.Id.Usage == ResumptionUsage.Application || startsGroup,
            Rules.ProposalPreSharedKey
        );
        MlsException.Require(seen.Add(psk.Id.Encode()), Rules.CommitPreSharedKeyDuplicate);
    }
}
