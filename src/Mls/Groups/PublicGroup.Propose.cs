namespace MlsConsole.Mls;

public sealed partial class PublicGroup
{
    /// <summary>Checks an authenticated proposal of this epoch as far as it can be judged alone, without the commit that will bring it (RFC 9420 §12.1, §12.2).</summary>
    /// <param name="proposal">From <see cref="Authenticate"/>.</param>
    /// <param name="now">The time that the lifetime of an added key package must contain, or null to leave it unchecked.</param>
    /// <returns>The key package of an Add, verified; null for every other proposal.</returns>
    /// <exception cref="MlsException">The rule that would keep every commit from bringing it.</exception>
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
        // An Add may have the keys of a leaf that another proposal removes.
        if (content is not AddProposal)
            editor.CheckAddedKeys();
        list.VerifySupported(SupportOfRemaining(changes));
        return changes.AddedKeyPackages.FirstOrDefault();
    }

    /// <summary>The reference by which a commit of this epoch names the proposal (RFC 9420 §5.2).</summary>
    public byte[] ReferenceOf(AuthenticatedContent proposal) => proposal.ProposalReference(Suite);
}
