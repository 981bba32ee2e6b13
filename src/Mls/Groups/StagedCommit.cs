namespace MlsConsole.Mls;

/// <summary>
/// A commit whose public part is valid, and what the commit changes. The group that it was staged in is unchanged; the
/// result of <see cref="Accept"/> takes its place.
/// </summary>
public sealed class StagedCommit
{
    private readonly PublicGroup.Changes _changes;

    internal StagedCommit(
        PublicGroup group,
        RatchetTree beforePath,
        AuthenticatedContent commit,
        LeafIndex committer,
        LeafNode committerLeaf,
        IReadOnlyList<CommittedProposal> proposals,
        PublicGroup.Changes changes
    )
    {
        (Group, BeforePath, Commit, Committer, CommitterLeaf, Proposals, _changes) = (
            group,
            beforePath,
            commit,
            committer,
            committerLeaf,
            proposals,
            changes
        );
        IsExternal = commit.IsExternalCommit;
    }

    /// <summary>The ratchet tree after the proposals and before the path.</summary>
    internal RatchetTree BeforePath { get; }
    internal AuthenticatedContent Commit { get; }

    /// <summary>The public state of the group after the commit, not yet confirmed by a GroupInfo.</summary>
    internal PublicGroup Group { get; }

    /// <summary>Whether the commit is an external commit, by which the committer joined.</summary>
    public bool IsExternal { get; }

    /// <summary>The committer's leaf in the new tree.</summary>
    public LeafIndex Committer { get; }

    /// <summary>The committer's leaf node after the commit.</summary>
    public LeafNode CommitterLeaf { get; }

    /// <summary>The epoch that the commit creates.</summary>
    public ulong Epoch => Group.Epoch;

    /// <summary>The proposals of the commit in their order.</summary>
    public IReadOnlyList<CommittedProposal> Proposals { get; }

    /// <summary>The leaves that Adds have brought. The joiner of an external commit is not among them.</summary>
    public IReadOnlyList<(LeafIndex LeafIndex, LeafNode Leaf)> Added => _changes.Added;

    /// <summary>The leaves that Updates have replaced.</summary>
    public IReadOnlyList<(LeafIndex LeafIndex, LeafNode Before, LeafNode After)> Updated => _changes.Updated;

    /// <summary>The leaves that Removes and SelfRemoves have removed, with their content before.</summary>
    public IReadOnlyList<(LeafIndex LeafIndex, LeafNode Leaf)> Removed => _changes.Removed;

    /// <summary>The verified key packages of the Adds, in their order.</summary>
    public IReadOnlyList<KeyPackage> AddedKeyPackages => _changes.AddedKeyPackages;

    /// <summary>The group's cipher suite.</summary>
    public ushort CipherSuite => Group.CipherSuite;

    /// <summary>
    /// The group after the commit, without checking a GroupInfo: for a client that follows a log of commits that are
    /// known to have been accepted.
    /// </summary>
    public PublicGroup Follow() => Group;

    /// <summary>
    /// Checks the GroupInfo of the new epoch against the staged commit (RFC 9420 §12.4.3) and returns the group in
    /// that epoch.
    /// </summary>
    /// <param name="groupInfo">The GroupInfo, signed by the committer, with an external_pub.</param>
    /// <param name="ratchetTree">
    /// The ratchet tree that came beside the GroupInfo, or null. Both this tree and one inside the GroupInfo must be
    /// the tree of the staged commit.
    /// </param>
    /// <exception cref="MlsException">The rule that the GroupInfo breaks.</exception>
    public PublicGroup Accept(UnverifiedGroupInfo groupInfo, ReadOnlyMemory<byte>? ratchetTree)
    {
        MlsException.Require(groupInfo.Signer == Committer, Rules.GroupInfoSigner);
        Group.VerifyGroupInfo(groupInfo, ratchetTree);
        return Group;
    }
}
