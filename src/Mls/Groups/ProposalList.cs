namespace MlsConsole.Mls;

/// <summary>A proposal of a commit with its sender.</summary>
/// <param name="Proposal">The proposal.</param>
/// <param name="Sender">
/// The sender of the proposal; the committer, if the commit includes the proposal by value.
/// </param>
/// <param name="ByReference">Whether the commit includes the proposal by reference.</param>
public sealed record CommittedProposal(Proposal Proposal, Sender Sender, bool ByReference);

/// <summary>
/// The proposals of a commit with their references resolved, and the checks of them as a list (RFC 9420 §12.2).
/// </summary>
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

    /// <summary>The extensions of the GroupContext after the proposals (RFC 9420 §12.1.7).</summary>
    public Extensions ExtensionsAfter(PublicGroup group) =>
        Of<GroupContextExtensionsProposal>().Select(item => item.Proposal.Extensions).FirstOrDefault()
        ?? group.Context.Extensions;

    /// <summary>Resolves the references of a commit to proposals that were received in the epoch.</summary>
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

    /// <summary>A list of one proposal, which no commit has named yet.</summary>
    public static ProposalList Of(AuthenticatedContent proposal) =>
        new([new(proposal.Content.Proposal!, proposal.Content.Sender, true)]);

    /// <summary>Checks the proposals of a member's commit, RFC 9420 §12.2.</summary>
    /// <param name="group">The group before the commit.</param>
    /// <param name="committer">The committer; null if the proposals are not committed yet.</param>
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

    /// <summary>Checks the proposals of an external commit, RFC 9420 §12.2 and §12.4.3.2.</summary>
    public void VerifyExternalCommit(PublicGroup group)
    {
        int inits = 0,
            removes = 0;
        var touched = new HashSet<LeafIndex>();
        var preSharedKeys = new HashSet<ReadOnlyMemory<byte>>(PublicKeySet.BytesComparer.Instance);
        foreach (var (proposal, sender, byReference) in Items)
        {
            // draft-ietf-mls-extensions: an external commit may include a SelfRemove, by reference only.
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

    /// <summary>Whether the commit must have a path, RFC 9420 §12.4.</summary>
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

    /// <summary>
    /// RFC 9420 §12.2: checks that the members which process the commit support those proposal types of it that RFC
    /// 9420 does not define.
    /// </summary>
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
        // RFC 9420 §12.1.4: "the psk_nonce ... MUST be a fresh random value of length KDF.Nh".
        MlsException.Require(psk.Id.Nonce.Length == group.Suite.HashLength, Rules.ProposalPreSharedKey);
        // RFC 9420 §12.1.4: resumption PSKs with usage reinit or branch only start a group; they are in the commit of
        // epoch 0.
        MlsException.Require(
            psk.Id.Type == PreSharedKeyType.External || psk.Id.Usage == ResumptionUsage.Application || startsGroup,
            Rules.ProposalPreSharedKey
        );
        MlsException.Require(seen.Add(psk.Id.Encode()), Rules.CommitPreSharedKeyDuplicate);
    }
}
