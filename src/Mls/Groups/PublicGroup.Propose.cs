namespace MlsConsole.Mls;

public sealed partial class PublicGroup
{
    /// <summary>
    /// Checks an authenticated proposal of this epoch (RFC 9420 §12.1, §12.2), as far as a proposal can be judged
    /// without the commit that will include it.
    /// </summary>
    /// <param name="proposal">The proposal, from <see cref="Authenticate"/>.</param>
    /// <param name="now">
    /// The time that must lie within the lifetime of an added key package; null to leave the lifetime unchecked.
    /// </param>
    /// <returns>The verified key package of an Add; null for every other proposal.</returns>
    /// <exception cref="MlsException">The rule that every commit with the proposal would break.</exception>
    public KeyPackage? VerifyProposal(AuthenticatedContent proposal, DateTimeOffset? now)
    {
        if (proposal.Content.Proposal is not { } content)
            throw new ArgumentException("The content is not a proposal.", nameof(proposal));
        var list = ProposalList.Of(proposal);
        list.VerifyMemberCommit(this, committer: null);
        var editor = new TreeEditor(Tree);
        var changes = new Changes(
            editor,
            this,
            content is GroupContextExtensionsProposal replaced ? replaced.Extensions : Context.Extensions,
            now
        );
        changes.Apply(list);
        // The keys of an Add are not compared with those in the tree, because the commit may also remove the leaf that
        // has the same keys.
        if (content is not AddProposal)
            editor.CheckAddedKeys();
        list.VerifySupported(SupportOfRemaining(changes));
        return changes.AddedKeyPackages.FirstOrDefault();
    }

    /// <summary>The reference by which a commit of this epoch names the proposal (RFC 9420 §5.2).</summary>
    public byte[] ReferenceOf(AuthenticatedContent proposal) => proposal.ProposalReference(Suite);
}
