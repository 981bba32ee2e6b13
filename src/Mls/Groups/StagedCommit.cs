namespace MlsConsole.Mls;

/// <summary>A commit whose public part holds, and what it changes. The old group still stands until <see cref="Accept"/>'s result takes its place.</summary>
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

    /// <summary>The tree after the proposals, before the path.</summary>
    internal RatchetTree BeforePath { get; }
    internal AuthenticatedContent Commit { get; }

    /// <summary>The group after the commit; not yet confirmed by a GroupInfo.</summary>
    internal PublicGroup Group { get; }

    /// <summary>Whether the committer joined by it.</summary>
    public bool IsExternal { get; }

    /// <summary>The committer's leaf in the new tree.</summary>
    public LeafIndex Committer { get; }

    /// <summary>The committer's leaf node after the commit.</summary>
    public LeafNode CommitterLeaf { get; }

    /// <summary>The epoch that the commit creates.</summary>
    public ulong Epoch => Group.Epoch;

    /// <summary>The committed proposals in their order.</summary>
    public IReadOnlyList<CommittedProposal> Proposals { get; }

    /// <summary>Leaves that Adds brought. The joiner of an external commit is not among them.</summary>
    public IReadOnlyList<(LeafIndex LeafIndex, LeafNode Leaf)> Added => _changes.Added;

    /// <summary>Leaves that Updates replaced.</summary>
    public IReadOnlyList<(LeafIndex LeafIndex, LeafNode Before, LeafNode After)> Updated => _changes.Updated;

    /// <summary>Leaves that Removes and SelfRemoves took away, as they were.</summary>
    public IReadOnlyList<(LeafIndex LeafIndex, LeafNode Leaf)> Removed => _changes.Removed;

    /// <summary>The key packages of the Adds, verified, in their order.</summary>
    public IReadOnlyList<KeyPackage> AddedKeyPackages => _changes.AddedKeyPackages;

    /// <summary>The group's cipher suite.</summary>
    public ushort CipherSuite => Group.CipherSuite;

    /// <summary>The group after a commit that is known to have been accepted, for one who follows a log: no GroupInfo is asked for.</summary>
    public PublicGroup Follow() => Group;

    /// <summary>Checks the GroupInfo of the new epoch against the staged result (RFC 9420 §12.4.3) and returns the group of that epoch.</summary>
    /// <param name="groupInfo">Signed by the committer, with an external_pub.</param>
    /// <param name="ratchetTree">The tree beside it, or null; it must be the staged one, like a tree inside.</param>
    /// <exception cref="MlsException">The rule that the GroupInfo breaks.</exception>
    public PublicGroup Accept(UnverifiedGroupInfo groupInfo, ReadOnlyMemory<byte>? ratchetTree)
    {
        MlsException.Require(groupInfo.Signer == Committer, Rules.GroupInfoSigner);
        Group.VerifyGroupInfo(groupInfo, ratchetTree);
        return Group;
    }
}
