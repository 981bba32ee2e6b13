using System.Security.Cryptography;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>A commit with the GroupInfo of the epoch that it creates, and the group after it.</summary>
/// <param name="Commit">MLSMessage.</param>
/// <param name="GroupInfo">MLSMessage.</param>
/// <param name="After">Null if the commit was spoilt so that no group follows from it.</param>
public sealed record BuiltCommit(byte[] Commit, byte[] GroupInfo, TestGroup? After);

/// <summary>
/// Builds a commit that is valid in every public respect, or one in which a single thing is spoilt and everything else
/// is signed and hashed to fit.
/// </summary>
/// <remarks>
/// The keys of the path, ciphertexts and tags are random, which nobody without the group's secrets can tell.
/// Signatures, parent hashes and transcript hashes are real.
/// </remarks>
public sealed class CommitBuilder(TestGroup group, TestClient committer, bool external)
{
    private readonly List<ProposalOrReference> _proposals = [];
    private readonly List<AuthenticatedContent> _referenced = [];
    private CipherSuite Suite => group.Suite;

    // What can be spoilt. Each has the honest value unless it is set.
    public Sender? Sender { get; set; }
    public ulong? Epoch { get; set; }
    public byte[]? GroupId { get; set; }
    public TestClient? SignedBy { get; set; }
    public TestClient? LeafSignedBy { get; set; }
    public LeafNodeSource LeafSource { get; set; } = LeafNodeSource.Commit;
    public Capabilities? Capabilities { get; set; }
    public byte[]? LeafEncryptionKey { get; set; }
    public bool OmitPath { get; set; } = !external;
    public int PathNodes { get; set; }
    public int PathCiphertexts { get; set; }
    public int CiphertextLength { get; set; }
    public byte[]? FirstPathKey { get; set; }
    public bool SpoilParentHash { get; set; }
    public int ConfirmationTagLength { get; set; }
    public int MembershipTagLength { get; set; }
    public bool SpoilSignature { get; set; }
    public byte[] AuthenticatedData { get; set; } = [];
    public byte[]? KemOutput { get; set; }
    public bool OmitExternalInit { get; set; }
    public TestClient? GroupInfoSignedBy { get; set; }
    public LeafIndex? GroupInfoSigner { get; set; }
    public ulong? GroupInfoEpoch { get; set; }
    public byte[]? GroupInfoTreeHash { get; set; }
    public byte[]? GroupInfoTranscriptHash { get; set; }
    public byte[]? GroupInfoConfirmationTag { get; set; }
    public byte[]? GroupInfoTree { get; set; }

    /// <summary>Bytes of an extension that nobody knows.</summary>
    public int GroupInfoPadding { get; set; }
    public byte[]? ExternalPub { get; set; }
    public bool OmitExternalPub { get; set; }
    public bool TreeInside { get; set; } = true;

    public CommitBuilder With(Proposal proposal)
    {
        _proposals.Add(new(proposal, default));
        return this;
    }

    public CommitBuilder Add(TestClient client) => With(new AddProposal(client.BareKeyPackage()));

    public CommitBuilder Add(byte[] keyPackage) => With(new AddProposal(UnverifiedKeyPackage.Decode(keyPackage)));

    public CommitBuilder Remove(LeafIndex leaf)
    {
        OmitPath = false;
        return With(new RemoveProposal(leaf));
    }

    public CommitBuilder WithPath()
    {
        OmitPath = false;
        return this;
    }

    /// <summary>Names a proposal by reference; it must have been given to the verifier too.</summary>
    public CommitBuilder Reference(byte[] proposalMessage)
    {
        var authenticated = group.Group.Authenticate(MlsMessage.Decode(proposalMessage).PublicMessage!);
        _referenced.Add(authenticated);
        _proposals.Add(new(null, authenticated.ProposalReference(Suite)));
        return this;
    }

    public CommitBuilder UnknownReference()
    {
        _proposals.Add(new(null, RandomNumberGenerator.GetBytes(Suite.HashLength)));
        return this;
    }

    public CommitBuilder Spoil(Action<CommitBuilder> change)
    {
        change(this);
        return this;
    }

    public BuiltCommit Build()
    {
        if (external && !OmitExternalInit)
            _proposals.Insert(
                0,
                new(
                    new ExternalInitProposal(KemOutput ?? RandomNumberGenerator.GetBytes(Suite.KemOutputLength)),
                    default
                )
            );
        var editor = new TreeEditor(group.Group.Tree);
        var added = new HashSet<LeafIndex>();
        var extensions = Apply(editor, added);
        var leaf = external ? editor.TakeLeftmostBlankLeaf() : group.LeafOf(committer);
        var tree = editor.ToTree();
        var (path, nodes) = OmitPath ? (null, []) : BuildPath(tree, leaf, added);

        var content = FramedContent.Create(
            GroupId ?? group.Group.GroupId.ToArray(),
            Epoch ?? group.Group.Epoch,
            Sender ?? (external ? new(SenderType.NewMemberCommit, 0) : new(SenderType.Member, leaf)),
            AuthenticatedData,
            ContentType.Commit,
            new Commit(_proposals, path).Write
        );
        var signature = Suite.SignWithLabel(
            (SignedBy ?? committer).SignatureKey.PrivateKey,
            "FramedContentTBS",
            content.ToBeSigned(WireFormat.PublicMessage, group.Group.Context).WrittenSpan
        );
        if (SpoilSignature)
            signature[^1] ^= 1;
        var tag = RandomNumberGenerator.GetBytes(Suite.HashLength + ConfirmationTagLength);
        ReadOnlyMemory<byte>? membershipTag =
            content.Sender.Type == SenderType.Member
                ? RandomNumberGenerator.GetBytes(Suite.HashLength + MembershipTagLength)
                : default(ReadOnlyMemory<byte>?);
        var auth = new FramedContentAuthData(signature, tag);
        byte[] message = MlsMessage.Of(new PublicMessage(content, auth, membershipTag)).Encode();

        var after = NextGroup(
            editor,
            tree,
            path,
            nodes,
            leaf,
            extensions,
            new(WireFormat.PublicMessage, content, auth)
        );
        var context = new GroupContext(
            Suite.Id,
            group.Group.GroupId,
            GroupInfoEpoch ?? after.Epoch,
            GroupInfoTreeHash ?? after.TreeHash,
            GroupInfoTranscriptHash ?? after.Context.ConfirmedTranscriptHash,
            after.Context.Extensions
        );
        byte[]? inside = GroupInfoTree ?? (TreeInside ? after.EncodeRatchetTree() : null);
        var groupInfo = TestGroup.SignGroupInfo(
            GroupInfoSignedBy ?? committer,
            context,
            GroupInfoConfirmationTag ?? tag,
            GroupInfoSigner ?? leaf,
            inside is null ? default(ReadOnlyMemory<byte>?) : inside,
            ExternalPub,
            OmitExternalPub,
            GroupInfoPadding
        );
        byte[] groupInfoMessage = MlsMessage.Of(groupInfo).Encode();
        return new(message, groupInfoMessage, new(after, groupInfoMessage));
    }

    private Extensions Apply(TreeEditor editor, HashSet<LeafIndex> added)
    {
        var extensions = group.Group.Context.Extensions;
        var all = _proposals
            .Where(item => item.Proposal is not null)
            .Select(item => (item.Proposal!, (LeafIndex?)null))
            .Concat(
                _referenced.Select(item =>
                    (item.Content.Proposal!, (LeafIndex?)new LeafIndex(item.Content.Sender.Index))
                )
            )
            .ToList();
        foreach (var (proposal, sender) in all)
            if (proposal is UpdateProposal update && sender is { } from)
                editor.Update(from, update.LeafNode);
        var gone = new HashSet<LeafIndex>();
        foreach (var (proposal, sender) in all)
        {
            LeafIndex? removed = proposal switch
            {
                RemoveProposal remove => remove.Removed,
                SelfRemoveProposal => sender,
                _ => null,
            };
            if (
                removed is { } index
                && group.Group.Leaf(index) is not null
                && gone.Add(index)
                && group.Group.MemberCount > gone.Count
            )
                editor.Remove(index);
        }
        foreach (var (proposal, _) in all)
            if (proposal is AddProposal add)
                added.Add(editor.Add(add.KeyPackage.LeafNode));
        foreach (var (proposal, _) in all)
            if (proposal is GroupContextExtensionsProposal change)
                extensions = change.Extensions;
        return extensions;
    }

    private (UpdatePath Path, ParentNode?[] ByLevel) BuildPath(
        RatchetTree tree,
        LeafIndex leaf,
        HashSet<LeafIndex> added
    )
    {
        var filtered = tree.FilteredDirectPath(leaf);
        var keys = filtered.Select(_ => (ReadOnlyMemory<byte>)committer.NewKemKey()).ToArray();
        if (FirstPathKey is not null && keys.Length > 0)
            keys[0] = FirstPathKey;
        var (nodes, parentHash) = ParentHash.ForPath(Suite, filtered, keys);
        if (SpoilParentHash)
            parentHash = RandomNumberGenerator.GetBytes(Suite.HashLength);
        var leafNode = LeafNode.Create(
            Suite,
            (LeafSignedBy ?? committer).SignatureKey.PrivateKey,
            LeafEncryptionKey ?? committer.NewKemKey(),
            committer.SignatureKey.PublicKey,
            committer.Credential,
            Capabilities ?? TestClient.DefaultCapabilities,
            LeafSource,
            TestClient.CurrentLifetime(),
            parentHash,
            (group.Group.GroupId, leaf)
        );
        var pathNodes = filtered
            .Select(
                (step, i) =>
                    new UpdatePathNode(
                        keys[i],
                        [
                            .. Enumerable
                                .Range(0, RatchetTree.ResolutionCount(step.Copath, added) + PathCiphertexts)
                                .Select(_ => new HpkeCiphertext(
                                    RandomNumberGenerator.GetBytes(Suite.KemOutputLength),
                                    RandomNumberGenerator.GetBytes(
                                        Suite.HashLength + Suite.AeadTagLength + CiphertextLength
                                    )
                                )),
                        ]
                    )
            )
            .ToList();
        for (int extra = PathNodes; extra > 0; extra--)
            pathNodes.Add(new(committer.NewKemKey(), []));
        if (PathNodes < 0)
            pathNodes.RemoveRange(pathNodes.Count + PathNodes, -PathNodes);
        var byLevel = new ParentNode?[tree.Levels];
        for (int i = 0; i < filtered.Length; i++)
            byLevel[filtered[i].Level - 1] = nodes[i];
        return (new(leafNode, pathNodes), byLevel);
    }

    /// <summary>
    /// The group after the commit. If the spoilt part cannot stand in a tree, this is the group as if nothing had been
    /// merged: a verifier refuses the commit before it gets that far.
    /// </summary>
    private PublicGroup NextGroup(
        TreeEditor editor,
        RatchetTree tree,
        UpdatePath? path,
        ParentNode?[] byLevel,
        LeafIndex leaf,
        Extensions extensions,
        AuthenticatedContent commit
    )
    {
        var next = tree;
        try
        {
            editor.CheckAddedKeys();
            if (path is not null)
                editor.MergePath(leaf, path.LeafNode, byLevel);
            next = editor.ToTree();
        }
        catch (MlsException)
        {
            // The point of the spoilt commit.
        }
        var confirmed = TranscriptHash.Confirmed(Suite, group.Group.InterimTranscriptHash.Span, commit);
        var context = new GroupContext(
            Suite.Id,
            group.Group.GroupId,
            group.Group.Epoch + 1,
            next.Hash,
            confirmed,
            extensions
        );
        return new(
            CipherSuite.Get(Suite.Id),
            context,
            next,
            commit.Auth.ConfirmationTag,
            TranscriptHash.Interim(Suite, confirmed, commit.Auth.ConfirmationTag.Span)
        );
    }
}
