using System.Numerics;

namespace MlsConsole.Mls;

/// <summary>An immutable ratchet tree (RFC 9420 §4, §7). <see cref="TreeEditor"/> makes the next one.</summary>
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

    /// <summary>Height of the root; the tree has 2^Levels leaves.</summary>
    internal int Levels { get; }
    internal PublicKeySet EncryptionKeys { get; }
    internal PublicKeySet SignatureKeys { get; }

    /// <summary>Leaves of the full tree, blank ones included: a power of two.</summary>
    public uint LeafCount => 1u << Levels;

    /// <summary>Non-blank leaves.</summary>
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

    /// <summary>The position of a node by its array index.</summary>
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

    /// <summary>The subtree of a level that begins at a leaf, or null outside the tree.</summary>
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

    /// <summary>At the given level of the way from the root to a leaf, whether the way goes to the right child.</summary>
    internal static bool GoesRight(LeafIndex leaf, int level) => ((leaf.Value >> (level - 1)) & 1) != 0;

    /// <summary>The tree of a group of one.</summary>
    internal static RatchetTree OfOne(CipherSuite suite, LeafNode leaf) =>
        new(
            suite,
            new LeafPosition(new(0), leaf),
            0,
            PublicKeySet.Of([leaf.EncryptionKey])!,
            PublicKeySet.Of([leaf.SignatureKey])!
        );

    /// <summary>Decodes the content of a <c>ratchet_tree</c> extension (RFC 9420 §12.4.3.3). Checks its form, not its signatures.</summary>
    /// <exception cref="MlsException">The bytes are not exactly one ratchet tree, or a key stands at two nodes.</exception>
    internal static RatchetTree Decode(CipherSuite suite, ReadOnlyMemory<byte> bytes)
    {
        // optional<Node> ratchet_tree<V>;  struct { NodeType node_type; select { case leaf: LeafNode; case parent: ParentNode; } } Node;
        var outer = new TlsReader(bytes);
        var reader = outer.ReadVector();
        outer.RequireEnd();
        // Only filled nodes are kept, so that a long run of blank ones costs nothing.
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
        // The last node is a filled leaf: a parent without a leaf to its right would not have survived truncation (§7.7).
        MlsException.Require(filled[^1].Position == count - 1 && filled[^1].Node is LeafNode, Rules.TreeTrailingBlank);

        var encryptionKeys = new List<ReadOnlyMemory<byte>>(filled.Count);
        var signatureKeys = new List<ReadOnlyMemory<byte>>(filled.Count / 2 + 1);
        int levels = BitOperations.TrailingZeroCount(TreeMath.FullLeafCount((uint)(count / 2 + 1)));
        int next = 0;
        var root = Build(levels, 0);
        return new(
            suite,
            root,
            levels,
            PublicKeySet.Of(encryptionKeys) ?? throw new MlsException(Rules.TreeEncryptionKeyDuplicate),
            PublicKeySet.Of(signatureKeys) ?? throw new MlsException(Rules.TreeSignatureKeyDuplicate)
        );

        // Filled nodes come in the order of the array, which is the order of this walk.
        TreeNode Build(int level, uint firstLeaf)
        {
            long last = 2L * firstLeaf + (2L << level) - 2;
            if (next == filled.Count || filled[next].Position > last)
                return ParentPosition.Blank(level, firstLeaf);
            if (level == 0)
            {
                var leaf = (LeafNode)filled[next++].Node;
                encryptionKeys.Add(leaf.EncryptionKey);
                signatureKeys.Add(leaf.SignatureKey);
                return new LeafPosition(new(firstLeaf), leaf);
            }
            var left = Build(level - 1, firstLeaf);
            ParentNode? parent = null;
            if (next < filled.Count && filled[next].Position == 2L * firstLeaf + (1L << level) - 1)
            {
                parent = (ParentNode)filled[next++].Node;
                encryptionKeys.Add(parent.EncryptionKey);
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

    /// <summary>The content of the <c>ratchet_tree</c> extension.</summary>
    public byte[] Encode()
    {
        // Its length first: a large tree takes megabytes, and a buffer that grows several times as many.
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

    /// <summary>The filled nodes in the order of the array, each with how many blank ones stand before it.</summary>
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

    /// <summary>The parents of a leaf from the lowest to the root, with the sibling of each step (RFC 9420 §4.1.2).</summary>
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

    /// <summary>The direct path without the nodes whose copath child has an empty resolution (RFC 9420 §4.1.2).</summary>
    internal PathStep[] FilteredDirectPath(LeafIndex leaf) =>
        Array.FindAll(DirectPath(leaf), step => step.Copath.Members > 0);

    /// <summary>The resolution of a position, in the RFC's order (RFC 9420 §4.1.1), without the leaves in <paramref name="except"/>.</summary>
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

    /// <summary>How many nodes the resolution of a position has, without the leaves in <paramref name="except"/>.</summary>
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

/// <summary>One step of a direct path: the parent at a level and the child that is not on the path.</summary>
internal readonly record struct PathStep(int Level, ParentPosition Parent, TreeNode Copath)
{
    public NodeIndex Index(LeafIndex leaf) => new((leaf.Value >> Level << (Level + 1)) + (1u << Level) - 1);

    /// <summary>First leaf below the copath child of a path that starts at <paramref name="leaf"/>.</summary>
    public uint CopathFirstLeaf(LeafIndex leaf) => ((leaf.Value >> (Level - 1)) ^ 1) << (Level - 1);
}

/// <summary>One node of a resolution.</summary>
internal readonly record struct ResolvedNode(NodeIndex Index, ReadOnlyMemory<byte> EncryptionKey, TreeNode Position);
