using System.Numerics;

namespace MlsConsole.Mls;

/// <summary>
/// An immutable ratchet tree (RFC 9420 §4, §7). <see cref="TreeEditor"/> makes the next tree from it.
/// </summary>
public sealed class RatchetTree
{
    internal RatchetTree(
        CipherSuite suite,
        TreeNode root,
        int levels,
        PublicKeySet encryptionKeys,
        PublicKeySet signatureKeys
    )
    {
        Suite = suite;
        Root = root;
        Levels = levels;
        EncryptionKeys = encryptionKeys;
        SignatureKeys = signatureKeys;
    }

    internal CipherSuite Suite { get; }
    internal TreeNode Root { get; }

    /// <summary>The height of the root; the tree has 2^Levels leaves.</summary>
    internal int Levels { get; }
    internal PublicKeySet EncryptionKeys { get; }
    internal PublicKeySet SignatureKeys { get; }

    /// <summary>The number of leaves, including blank ones: a power of two.</summary>
    public uint LeafCount => 1u << Levels;

    /// <summary>The number of leaves that are not blank.</summary>
    public int MemberCount => Root.Members;

    /// <summary>The tree hash (RFC 9420 §7.8).</summary>
    public ReadOnlyMemory<byte> Hash => Root.Hash(Suite);

    /// <summary>The leaf node at an index, or null where it is blank or outside the tree.</summary>
    public LeafNode? Leaf(LeafIndex index)
    {
        if (index.Value >= LeafCount)
            return null;
        var node = Root;
        for (int level = Levels; level > 0; level--)
            node = ((ParentPosition)node).Child(GoesRight(index, level));
        return ((LeafPosition)node).Leaf;
    }

    /// <summary>The node with the given index in the array form of the tree (RFC 9420 App. C).</summary>
    internal TreeNode? Position(NodeIndex index)
    {
        if (index.Value >= TreeMath.NodeWidth(LeafCount))
            return null;
        int target = TreeMath.Level(index);
        var leaf = new LeafIndex(index.Value >> 1);
        var node = Root;
        for (int level = Levels; level > target; level--)
            node = ((ParentPosition)node).Child(GoesRight(leaf, level));
        return node;
    }

    /// <summary>The root of the subtree that has the given height and first leaf, or null outside the tree.</summary>
    internal TreeNode? Subtree(int level, uint firstLeaf)
    {
        if (level > Levels || firstLeaf >= LeafCount)
            return null;
        var node = Root;
        for (int at = Levels; at > level; at--)
            node = ((ParentPosition)node).Child(GoesRight(new(firstLeaf), at));
        return node;
    }

    /// <summary>All members, by leaf index.</summary>
    public IEnumerable<(LeafIndex Index, LeafNode Leaf)> Members
    {
        get
        {
            var stack = new Stack<TreeNode>();
            stack.Push(Root);
            while (stack.TryPop(out var node))
            {
                if (node.Members == 0)
                    continue;
                if (node is LeafPosition { Leaf: { } leaf } position)
                    yield return (position.Index, leaf);
                else if (node is ParentPosition parent)
                {
                    stack.Push(parent.Right);
                    stack.Push(parent.Left);
                }
            }
        }
    }

    /// <summary>
    /// Whether the way from the root to a leaf goes to the right child at the parent of the given level.
    /// </summary>
    internal static bool GoesRight(LeafIndex leaf, int level) => ((leaf.Value >> (level - 1)) & 1) != 0;

    /// <summary>Makes the tree of a group with one member.</summary>
    internal static RatchetTree OfOne(CipherSuite suite, LeafNode leaf) =>
        new(
            suite,
            new LeafPosition(new(0), leaf),
            0,
            PublicKeySet.Of([leaf.EncryptionKey])!,
            PublicKeySet.Of([leaf.SignatureKey])!
        );

    /// <summary>
    /// Decodes the content of a <c>ratchet_tree</c> extension (RFC 9420 §12.4.3.3). It checks the form, but no
    /// signatures.
    /// </summary>
    /// <exception cref="MlsException">
    /// The bytes are not exactly one ratchet tree, or two nodes have the same key.
    /// </exception>
    internal static RatchetTree Decode(CipherSuite suite, ReadOnlyMemory<byte> bytes)
    {
        // optional<Node> ratchet_tree<V>;
        // struct { NodeType node_type; select { case leaf: LeafNode; case parent: ParentNode; } } Node;
        var outer = new TlsReader(bytes);
        var reader = outer.ReadVector();
        outer.RequireEnd();
        // Only filled nodes are kept, so that a long run of blank nodes takes no memory.
        var filled = new List<(long Position, object Node)>();
        long count = 0;
        for (; !reader.AtEnd; count++)
        {
            if (!reader.ReadPresence())
                continue;
            byte type = reader.ReadUInt8();
            if (type is not (1 or 2))
                MlsException.Throw(Rules.CodecEnum);
            MlsException.Require(type == 1 == (count % 2 == 0), Rules.TreeNodeType);
            filled.Add((count, type == 1 ? LeafNode.Read(ref reader) : ParentNode.Read(ref reader)));
        }
        MlsException.Require(filled.Count > 0, Rules.TreeEmpty);
        // The last node must be a filled leaf: otherwise the tree would have been truncated there (RFC 9420 §7.7).
        MlsException.Require(filled[^1].Position == count - 1 && filled[^1].Node is LeafNode, Rules.TreeTrailingBlank);

        int levels = BitOperations.TrailingZeroCount(TreeMath.FullLeafCount((uint)(count / 2 + 1)));
        var builder = new Builder(filled);
        var root = builder.Build(levels, 0);
        return new(
            suite,
            root,
            levels,
            PublicKeySet.Of(builder.EncryptionKeys) ?? throw new MlsException(Rules.TreeEncryptionKeyDuplicate),
            PublicKeySet.Of(builder.SignatureKeys) ?? throw new MlsException(Rules.TreeSignatureKeyDuplicate)
        );
    }

    /// <summary>Builds a tree of its filled nodes, and collects their public keys.</summary>
    /// <param name="filled">The filled nodes with their positions, in the order of the array form.</param>
    private struct Builder(List<(long Position, object Node)> filled)
    {
        private int _next;

        public List<ReadOnlyMemory<byte>> EncryptionKeys { get; } = new(filled.Count);
        public List<ReadOnlyMemory<byte>> SignatureKeys { get; } = new(filled.Count / 2 + 1);

        // The order of the array form is also the order in which this method comes to the nodes.
        public TreeNode Build(int level, uint firstLeaf)
        {
            long last = 2L * firstLeaf + (2L << level) - 2;
            if (_next == filled.Count || filled[_next].Position > last)
                return ParentPosition.Blank(level, firstLeaf);
            if (level == 0)
            {
                var leaf = (LeafNode)filled[_next++].Node;
                EncryptionKeys.Add(leaf.EncryptionKey);
                SignatureKeys.Add(leaf.SignatureKey);
                return new LeafPosition(new(firstLeaf), leaf);
            }
            var left = Build(level - 1, firstLeaf);
            ParentNode? parent = null;
            if (_next < filled.Count && filled[_next].Position == 2L * firstLeaf + (1L << level) - 1)
            {
                parent = (ParentNode)filled[_next++].Node;
                EncryptionKeys.Add(parent.EncryptionKey);
            }
            return new ParentPosition(
                level,
                firstLeaf,
                parent,
                left,
                Build(level - 1, firstLeaf + (1u << (level - 1)))
            );
        }
    }

    /// <summary>Encodes the content of the <c>ratchet_tree</c> extension.</summary>
    public byte[] Encode()
    {
        // The length is computed first: a large tree takes megabytes, and growing a buffer to this size would take
        // several times as many.
        int length = 0;
        VisitFilled(
            (blanks, node) =>
                length = checked(
                    length
                    + (int)blanks
                    + 2
                    + (
                        node is LeafPosition leaf
                            ? leaf.Leaf!.Encoded.Length
                            : ((ParentPosition)node).Node!.EncodedLength
                    )
                )
        );
        var writer = new TlsWriter(TlsWriter.OpaqueSize(length)).WriteVectorHeader(length);
        VisitFilled(
            (blanks, node) =>
            {
                for (; blanks > 0; blanks--)
                    writer.WritePresence(false);
                writer.WritePresence(true);
                if (node is LeafPosition leaf)
                    writer.WriteUInt8(1).WriteRaw(leaf.Leaf!.Encoded.Span);
                else
                    ((ParentPosition)node).Node!.Write(writer.WriteUInt8(2));
            }
        );
        return writer.TakeArray();
    }

    /// <summary>
    /// Visits the filled nodes in the order of the array form, each with the number of blank nodes before it.
    /// </summary>
    private void VisitFilled(Action<long, TreeNode> filled)
    {
        long blanks = 0;
        Visit(Root);

        void Visit(TreeNode node)
        {
            if (node is not ParentPosition parent)
                Fill(node);
            else if (parent.IsBlankSubtree)
                blanks += (2L << parent.Level) - 1;
            else
            {
                Visit(parent.Left);
                Fill(parent);
                Visit(parent.Right);
            }
        }

        void Fill(TreeNode node)
        {
            if (node.IsBlank)
            {
                blanks++;
                return;
            }
            filled(blanks, node);
            blanks = 0;
        }
    }

    /// <summary>
    /// The parent nodes of a leaf from the lowest to the root, each with the sibling of the node below it
    /// (RFC 9420 §4.1.2, direct path and copath).
    /// </summary>
    internal PathStep[] DirectPath(LeafIndex leaf)
    {
        var path = new PathStep[Levels];
        var node = Root;
        for (int level = Levels; level > 0; level--)
        {
            var parent = (ParentPosition)node;
            bool right = GoesRight(leaf, level);
            path[level - 1] = new(level, parent, parent.Child(!right));
            node = parent.Child(right);
        }
        return path;
    }

    /// <summary>
    /// The direct path of a leaf without the nodes whose child on the copath has an empty resolution
    /// (RFC 9420 §4.1.2).
    /// </summary>
    internal PathStep[] FilteredDirectPath(LeafIndex leaf) =>
        Array.FindAll(DirectPath(leaf), step => step.Copath.Members > 0);

    /// <summary>
    /// Adds the nodes of the resolution of a node to a list, in the order of RFC 9420 §4.1.1, without the leaves in
    /// <paramref name="except"/>.
    /// </summary>
    internal static void Resolve(
        TreeNode node,
        uint firstLeaf,
        int level,
        List<ResolvedNode> into,
        IReadOnlySet<LeafIndex>? except = null
    )
    {
        if (node is LeafPosition leaf)
        {
            if (!leaf.IsBlank && except?.Contains(leaf.Index) != true)
                into.Add(new(leaf.Index.Node, leaf.EncryptionKey, leaf));
            return;
        }
        var parent = (ParentPosition)node;
        if (parent.Members == 0 && parent.IsBlank)
            return;
        if (parent.Node is { } content)
        {
            into.Add(new(new(2 * firstLeaf + (1u << level) - 1), content.EncryptionKey, parent));
            foreach (var unmerged in content.UnmergedLeafArray)
                if (except?.Contains(unmerged) != true)
                    into.Add(
                        new(
                            unmerged.Node,
                            LeafBelow(parent, unmerged, level).EncryptionKey,
                            LeafBelow(parent, unmerged, level)
                        )
                    );
            return;
        }
        Resolve(parent.Left, firstLeaf, level - 1, into, except);
        Resolve(parent.Right, firstLeaf + (1u << (level - 1)), level - 1, into, except);
    }

    /// <summary>
    /// The number of nodes in the resolution of a node, without the leaves in <paramref name="except"/>.
    /// </summary>
    internal static int ResolutionCount(TreeNode node, IReadOnlySet<LeafIndex>? except = null)
    {
        if (node is LeafPosition leaf)
            return leaf.IsBlank || except?.Contains(leaf.Index) == true ? 0 : 1;
        var parent = (ParentPosition)node;
        if (parent.Node is not { } content)
            return parent.Members == 0
                ? 0
                : ResolutionCount(parent.Left, except) + ResolutionCount(parent.Right, except);
        return 1
            + (
                except is null
                    ? content.UnmergedLeafArray.Length
                    : content.UnmergedLeafArray.Count(unmerged => !except.Contains(unmerged))
            );
    }

    internal static LeafPosition LeafBelow(TreeNode node, LeafIndex leaf, int level)
    {
        for (; level > 0; level--)
            node = ((ParentPosition)node).Child(GoesRight(leaf, level));
        return (LeafPosition)node;
    }
}

/// <summary>
/// One step of a direct path: the parent node, its level, and that child of it which is on the copath.
/// </summary>
internal readonly record struct PathStep(int Level, ParentPosition Parent, TreeNode Copath)
{
    public NodeIndex Index(LeafIndex leaf) => new((leaf.Value >> Level << (Level + 1)) + (1u << Level) - 1);

    /// <summary>
    /// The first leaf below the child on the copath, for a direct path that starts at <paramref name="leaf"/>.
    /// </summary>
    public uint CopathFirstLeaf(LeafIndex leaf) => ((leaf.Value >> (Level - 1)) ^ 1) << (Level - 1);
}

/// <summary>One node of a resolution.</summary>
internal readonly record struct ResolvedNode(NodeIndex Index, ReadOnlyMemory<byte> EncryptionKey, TreeNode Position);
