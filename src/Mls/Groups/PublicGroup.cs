namespace MlsConsole.Mls;

/// <summary>
/// The public state of a group in one epoch: everything about the group that can be known and verified without a group
/// secret (RFC 9420 §12).
/// </summary>
/// <remarks>
/// A PublicGroup is immutable. A commit goes through <see cref="Authenticate"/>, <see cref="Stage"/> and
/// <see cref="StagedCommit.Accept"/>, which returns the <see cref="PublicGroup"/> of the next epoch. Each of these
/// steps throws <see cref="MlsException"/> if the commit is invalid, and leaves nothing to undo.
/// </remarks>
public sealed partial class PublicGroup
{
    internal PublicGroup(
        CipherSuite suite,
        GroupContext context,
        RatchetTree tree,
        ReadOnlyMemory<byte> confirmationTag,
        ReadOnlyMemory<byte> interimTranscriptHash,
        ReInitProposal? reInit = null
    )
    {
        ReInit = reInit;
        Suite = suite;
        Context = context;
        Tree = tree;
        ConfirmationTag = confirmationTag;
        InterimTranscriptHash = interimTranscriptHash;
    }

    internal CipherSuite Suite { get; }

    /// <summary>The GroupContext of the epoch.</summary>
    public GroupContext Context { get; }

    /// <summary>The ratchet tree of the epoch.</summary>
    public RatchetTree Tree { get; }

    /// <summary>The confirmation tag of the commit that began the epoch.</summary>
    public ReadOnlyMemory<byte> ConfirmationTag { get; }
    internal ReadOnlyMemory<byte> InterimTranscriptHash { get; }

    /// <summary>
    /// The ReInit of the commit that began this epoch, or null. A group with a ReInit has ended: its members wait for
    /// the Welcome to the next group (RFC 9420 §12.4.2).
    /// </summary>
    public ReInitProposal? ReInit { get; }

    /// <summary>The group's cipher suite.</summary>
    public ushort CipherSuite => Context.CipherSuite;

    /// <summary>The group id.</summary>
    public ReadOnlyMemory<byte> GroupId => Context.GroupId;

    /// <summary>The epoch.</summary>
    public ulong Epoch => Context.Epoch;

    /// <summary>The tree hash (RFC 9420 §7.8).</summary>
    public ReadOnlyMemory<byte> TreeHash => Context.TreeHash;

    /// <summary>The number of members.</summary>
    public int MemberCount => Tree.MemberCount;

    /// <summary>
    /// The length in bytes of all encoded nodes of the tree. The memory that the group takes grows with it.
    /// </summary>
    public int EncodedNodesLength => Tree.Root.EncodedLength;

    /// <summary>All members, by leaf index.</summary>
    public IEnumerable<(LeafIndex Index, LeafNode Leaf)> Members => Tree.Members;

    /// <summary>The leaf at an index, or null where it is blank or outside the tree.</summary>
    public LeafNode? Leaf(LeafIndex index) => Tree.Leaf(index);

    /// <summary>The content of the ratchet_tree extension (RFC 9420 §12.4.3.3).</summary>
    public byte[] EncodeRatchetTree() => Tree.Encode();

    /// <summary>Verifies a GroupInfo and its ratchet tree as a joining client does (RFC 9420 §12.4.3.1).</summary>
    /// <param name="groupInfo">The GroupInfo.</param>
    /// <param name="ratchetTree">The ratchet tree, unless it is an extension in the GroupInfo.</param>
    /// <param name="degreeOfParallelism">
    /// How many cores at most verify signatures; all of the machine's cores where null.
    /// </param>
    /// <exception cref="MlsException">The rule that the input breaks.</exception>
    public static PublicGroup FromGroupInfo(
        UnverifiedGroupInfo groupInfo,
        ReadOnlyMemory<byte>? ratchetTree,
        int? degreeOfParallelism = null
    )
    {
        var context = groupInfo.GroupContext;
        var suite = Mls.CipherSuite.Get(context.CipherSuite);
        context.Extensions.RequireAllowed(ExtensionPlace.GroupContext);
        groupInfo.Extensions.RequireAllowed(ExtensionPlace.GroupInfo);
        if ((ratchetTree ?? groupInfo.RatchetTree) is not { } treeBytes)
            throw new MlsException(Rules.GroupInfoRatchetTree, "absent");
        var tree = RatchetTree.Decode(suite, treeBytes);
        if (ratchetTree is not null && groupInfo.RatchetTree is { } inside)
            MlsException.Require(inside.Span.SequenceEqual(ratchetTree.Value.Span), Rules.GroupInfoRatchetTree);
        MlsException.Require(tree.Hash.Span.SequenceEqual(context.TreeHash.Span), Rules.TreeHash);
        RequireSignature(suite, tree, groupInfo);
        MlsException.Require(groupInfo.ConfirmationTag.Length == suite.HashLength, Rules.FramingConfirmationTag);
        TreeValidation.Verify(tree, context, degreeOfParallelism);
        var interim = TranscriptHash.Interim(
            suite,
            context.ConfirmedTranscriptHash.Span,
            groupInfo.ConfirmationTag.Span
        );
        return new(suite, context, tree, groupInfo.ConfirmationTag, interim);
    }

    /// <summary>
    /// Verifies another GroupInfo of this epoch (RFC 9420 §12.4.3): it has the same GroupContext, confirmation tag and
    /// ratchet tree, is signed by a member, and has an external_pub.
    /// </summary>
    /// <param name="groupInfo">The GroupInfo.</param>
    /// <param name="ratchetTree">
    /// A ratchet tree that came beside the GroupInfo and is compared as well; null where none came.
    /// </param>
    /// <exception cref="MlsException">The rule that the GroupInfo breaks.</exception>
    public void VerifyGroupInfo(UnverifiedGroupInfo groupInfo, ReadOnlyMemory<byte>? ratchetTree)
    {
        MlsException.Require(groupInfo.GroupContext.Epoch == Epoch, Rules.GroupInfoEpoch);
        MlsException.Require(
            groupInfo.GroupContext.TreeHash.Span.SequenceEqual(TreeHash.Span),
            Rules.GroupInfoTreeHash
        );
        MlsException.Require(
            groupInfo.GroupContext.Encoded.Span.SequenceEqual(Context.Encoded.Span),
            Rules.GroupInfoContext
        );
        MlsException.Require(
            groupInfo.ConfirmationTag.Span.SequenceEqual(ConfirmationTag.Span),
            Rules.GroupInfoConfirmationTag
        );
        groupInfo.Extensions.RequireAllowed(ExtensionPlace.GroupInfo);
        RequireSignature(Suite, Tree, groupInfo);
        RequireExternalPub(groupInfo);
        if (ratchetTree is null && groupInfo.RatchetTree is null)
            return;
        var ours = Tree.Encode().AsSpan();
        MlsException.Require(
            ratchetTree is null || ours.SequenceEqual(ratchetTree.Value.Span),
            Rules.GroupInfoRatchetTree
        );
        MlsException.Require(
            groupInfo.RatchetTree is not { } inside || ours.SequenceEqual(inside.Span),
            Rules.GroupInfoRatchetTree
        );
    }

    /// <summary>Requires an external_pub that a joiner can use (RFC 9420 §12.4.3.2).</summary>
    /// <exception cref="MlsException"><see cref="Rules.GroupInfoExternalPub"/></exception>
    public void RequireExternalPub(UnverifiedGroupInfo groupInfo) =>
        MlsException.Require(
            groupInfo.ExternalPublicKey is { } key && Suite.IsWellFormedKemPublicKey(key.Span),
            Rules.GroupInfoExternalPub
        );

    private static void RequireSignature(CipherSuite suite, RatchetTree tree, UnverifiedGroupInfo groupInfo)
    {
        var signer = tree.Leaf(groupInfo.Signer);
        MlsException.Require(signer is not null, Rules.GroupInfoSigner);
        MlsException.Require(groupInfo.VerifySignature(suite, signer.SignatureKey.Span), Rules.GroupInfoSignature);
    }

    private const byte SnapshotVersion = 2;

    /// <summary>
    /// Encodes this state in a format of this library: version, GroupContext, confirmation tag, interim transcript
    /// hash, ReInit if there is one, ratchet tree.
    /// </summary>
    public byte[] Snapshot()
    {
        var tree = Tree.Encode();
        var writer = new TlsWriter(1024 + tree.Length)
            .WriteUInt8(SnapshotVersion)
            .WriteRaw(Context.Encoded.Span)
            .WriteOpaque(ConfirmationTag.Span)
            .WriteOpaque(InterimTranscriptHash.Span)
            .WritePresence(ReInit is not null);
        ReInit?.WriteBody(writer);
        return writer.WriteRaw(tree).ToArray();
    }

    /// <summary>
    /// Reads what <see cref="Snapshot"/> of this version or of the one before has written. The tree hash is compared
    /// with the GroupContext; signatures are not verified again, since they were verified before the snapshot was
    /// written.
    /// </summary>
    /// <exception cref="MlsException">The snapshot cannot be decoded, or its tree hash is wrong.</exception>
    public static PublicGroup Restore(ReadOnlyMemory<byte> snapshot)
    {
        var reader = new TlsReader(snapshot);
        byte version = reader.ReadUInt8();
        if (version is not (1 or SnapshotVersion))
            MlsException.Throw(Rules.CodecVersion);
        var context = GroupContext.Read(ref reader);
        var confirmationTag = reader.ReadOpaque();
        var interim = reader.ReadOpaque();
        var reInit = version > 1 && reader.ReadPresence() ? ReInitProposal.ReadBody(ref reader) : null;
        var suite = Mls.CipherSuite.Get(context.CipherSuite);
        var tree = RatchetTree.Decode(suite, snapshot[reader.Position..]);
        MlsException.Require(tree.Hash.Span.SequenceEqual(context.TreeHash.Span), Rules.TreeHash);
        return new(suite, context, tree, confirmationTag, interim, reInit);
    }
}
