using System.Diagnostics;

namespace MlsConsole.Mls;

/// <summary>
/// A node of the ratchet tree, filled or blank. It is immutable, except for its hash and its summary, which are
/// computed once and then kept.
/// </summary>
/// <remarks>
/// Trees share nodes: a change copies only the nodes from a leaf to the root (RFC 9420 App. D, link-based trees).
/// </remarks>
internal abstract class TreeNode
{
    private byte[]? _hash;

    /// <summary>The number of leaves at or below this node that are not blank.</summary>
    public abstract int Members { get; }

    /// <summary>The length in bytes of all nodes at and below this one in their encoded form.</summary>
    public abstract int EncodedLength { get; }
    public abstract bool IsBlank { get; }
    public abstract ReadOnlyMemory<byte> EncryptionKey { get; }
    public abstract ReadOnlyMemory<byte> ParentHash { get; }

    /// <summary>What the members below support and use; null where there are no members.</summary>
    public abstract CapabilitySummary? Capabilities { get; }

    /// <summary>
    /// The tree hash of RFC 9420 §7.8, which is kept after the first call. Two threads may compute it at once; both
    /// get the same value.
    /// </summary>
    public byte[] Hash(CipherSuite suite) => _hash ??= ComputeHash(suite);

    protected abstract byte[] ComputeHash(CipherSuite suite);

    [ThreadStatic]
    private static TlsWriter? t_writer;

    protected static TlsWriter ScratchWriter()
    {
        t_writer ??= new TlsWriter(1024);
        t_writer.Reset();
        return t_writer;
    }
}

internal sealed class LeafPosition(LeafIndex index, LeafNode? leaf) : TreeNode
{
    public LeafIndex Index => index;
    public LeafNode? Leaf => leaf;
    public override int Members => leaf is null ? 0 : 1;
    public override int EncodedLength => leaf?.Encoded.Length ?? 0;
    public override bool IsBlank => leaf is null;
    public override ReadOnlyMemory<byte> EncryptionKey => leaf!.EncryptionKey;
    public override ReadOnlyMemory<byte> ParentHash => leaf!.ParentHash;
    public override CapabilitySummary? Capabilities => leaf is null ? null : CapabilitySummary.Of(leaf);

    protected override byte[] ComputeHash(CipherSuite suite) => ComputeHash(suite, index, leaf);

    // struct { uint8 node_type = leaf(1); uint32 leaf_index; optional<LeafNode> leaf_node; }
    public static byte[] ComputeHash(CipherSuite suite, LeafIndex index, LeafNode? leaf)
    {
        var input = ScratchWriter().WriteUInt8(1).WriteUInt32(index).WritePresence(leaf is not null);
        if (leaf is not null)
            input.WriteRaw(leaf.Encoded.Span);
        return suite.Hash(input.WrittenSpan);
    }
}

/// <summary>
/// A node above the leaves. The nodes of a subtree that is blank throughout are not made until they are asked for.
/// </summary>
internal sealed class ParentPosition : TreeNode
{
    private readonly int _level;
    private readonly uint _firstLeaf;
    private TreeNode? _left,
        _right;
    private CapabilitySummary? _capabilities;

    public ParentPosition(int level, uint firstLeaf, ParentNode? node, TreeNode left, TreeNode right)
    {
        (_level, _firstLeaf, Node, _left, _right) = (level, firstLeaf, node, left, right);
        Members = left.Members + right.Members;
        EncodedLength = left.EncodedLength + right.EncodedLength + (node?.EncodedLength ?? 0);
    }

    private ParentPosition(int level, uint firstLeaf) => (_level, _firstLeaf) = (level, firstLeaf);

    /// <summary>Makes a subtree of blank nodes.</summary>
    public static TreeNode Blank(int level, uint firstLeaf) =>
        level == 0 ? new LeafPosition(new(firstLeaf), null) : new ParentPosition(level, firstLeaf);

    public ParentNode? Node { get; }
    public TreeNode Left => _left ??= Blank(_level - 1, _firstLeaf);
    public TreeNode Right => _right ??= Blank(_level - 1, _firstLeaf + (1u << (_level - 1)));
    public override int Members { get; }
    public override int EncodedLength { get; }
    public override bool IsBlank => Node is null;

    /// <summary>Whether this node and all nodes below it are blank.</summary>
    public bool IsBlankSubtree => Members == 0 && Node is null;
    public int Level => _level;
    public override ReadOnlyMemory<byte> EncryptionKey => Node!.EncryptionKey;
    public override ReadOnlyMemory<byte> ParentHash => Node!.ParentHash;

    // The summary is kept only from level 3 up. Below, keeping it would cost more in memory than it saves in time.
    public override CapabilitySummary? Capabilities =>
        Members == 0 ? null : _capabilities ?? (_level < 3 ? Summary() : _capabilities = Summary());

    private CapabilitySummary? Summary() => CapabilitySummary.Combine(Left.Capabilities, Right.Capabilities);

    public TreeNode Child(bool toRight) => toRight ? Right : Left;

    public ParentPosition With(ParentNode? newNode, bool toRight, TreeNode child) =>
        toRight ? new(_level, _firstLeaf, newNode, Left, child) : new(_level, _firstLeaf, newNode, child, Right);

    protected override byte[] ComputeHash(CipherSuite suite) =>
        _left is null && _right is null
            ? BlankHash(suite, _level, _firstLeaf)
            : ComputeHash(suite, Node, Left.Hash(suite), Right.Hash(suite));

    // struct {
    //     uint8 node_type = parent(2); optional<ParentNode> parent_node; opaque left_hash<V>; opaque right_hash<V>;
    // }
    public static byte[] ComputeHash(CipherSuite suite, ParentNode? node, byte[] leftHash, byte[] rightHash)
    {
        var input = ScratchWriter().WriteUInt8(2).WritePresence(node is not null);
        node?.Write(input);
        return suite.Hash(input.WriteOpaque(leftHash).WriteOpaque(rightHash).WrittenSpan);
    }

    private static byte[] BlankHash(CipherSuite suite, int level, uint firstLeaf) =>
        level == 0
            ? LeafPosition.ComputeHash(suite, new(firstLeaf), null)
            : ComputeHash(
                suite,
                null,
                BlankHash(suite, level - 1, firstLeaf),
                BlankHash(suite, level - 1, firstLeaf + (1u << (level - 1)))
            );
}

/// <summary>
/// What all members below a node support, and which credential types they use. With it the checks of RFC 9420 §7.3
/// over all members take one look at the root.
/// </summary>
internal sealed record CapabilitySummary(
    ushort[] CredentialsUsed,
    ushort[] Credentials,
    ushort[] Extensions,
    ushort[] Proposals
)
{
    public static CapabilitySummary Of(LeafNode leaf) =>
        new(
            [leaf.Credential.Type],
            Sorted(leaf.Capabilities.Credentials),
            Sorted(leaf.Capabilities.Extensions),
            Sorted(leaf.Capabilities.Proposals)
        );

    public static CapabilitySummary? Combine(CapabilitySummary? a, CapabilitySummary? b)
    {
        if (a is null || b is null || ReferenceEquals(a, b))
            return a ?? b;
        Debug.Assert(a.CredentialsUsed.Length > 0);
        var used = a.CredentialsUsed.AsSpan().SequenceEqual(b.CredentialsUsed)
            ? a.CredentialsUsed
            : [.. a.CredentialsUsed.Union(b.CredentialsUsed).Order()];
        var (credentials, extensions, proposals) = (
            Common(a.Credentials, b.Credentials),
            Common(a.Extensions, b.Extensions),
            Common(a.Proposals, b.Proposals)
        );
        return
            ReferenceEquals(used, a.CredentialsUsed)
            && ReferenceEquals(credentials, a.Credentials)
            && ReferenceEquals(extensions, a.Extensions)
            && ReferenceEquals(proposals, a.Proposals)
            ? a
            : new(used, credentials, extensions, proposals);
    }

    /// <summary>
    /// The values that two sorted lists have in common. Where one of the lists is all of that, as in most cases far
    /// above the leaves, this list itself is returned.
    /// </summary>
    private static ushort[] Common(ushort[] a, ushort[] b)
    {
        int count = 0,
            j = 0;
        Span<ushort> common = a.Length <= 64 ? stackalloc ushort[a.Length] : new ushort[a.Length];
        foreach (ushort value in a)
        {
            while (j < b.Length && b[j] < value)
                j++;
            if (j < b.Length && b[j] == value)
                common[count++] = value;
        }
        return count == a.Length ? a
            : count == b.Length ? b
            : common[..count].ToArray();
    }

    public bool AllSupportCredential(ushort type) => Credentials.AsSpan().Contains(type);

    public bool AllSupportExtension(ushort type) => ExtensionType.IsDefault(type) || Extensions.AsSpan().Contains(type);

    public bool AllSupportProposal(ushort type) => ProposalType.IsDefault(type) || Proposals.AsSpan().Contains(type);

    private static ushort[] Sorted(UInt16List list)
    {
        var values = list.ToArray();
        Array.Sort(values);
        int kept = 0;
        foreach (ushort value in values)
            if (kept == 0 || value != values[kept - 1])
                values[kept++] = value;
        return kept == values.Length ? values : values[..kept];
    }
}
