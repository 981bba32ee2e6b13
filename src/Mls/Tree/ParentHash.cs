namespace MlsConsole.Mls;

/// <summary>Parent hashes, RFC 9420 §7.9.</summary>
internal static class ParentHash
{
    // struct {
    //     HPKEPublicKey encryption_key; opaque parent_hash<V>; opaque original_sibling_tree_hash<V>;
    // } ParentHashInput;
    public static byte[] Compute(
        CipherSuite suite,
        ReadOnlySpan<byte> encryptionKey,
        ReadOnlySpan<byte> parentHash,
        ReadOnlySpan<byte> originalSiblingTreeHash
    )
    {
        var hash = new byte[suite.HashLength];
        Compute(suite, encryptionKey, parentHash, originalSiblingTreeHash, hash);
        return hash;
    }

    private static void Compute(
        CipherSuite suite,
        ReadOnlySpan<byte> encryptionKey,
        ReadOnlySpan<byte> parentHash,
        ReadOnlySpan<byte> originalSiblingTreeHash,
        Span<byte> hash
    )
    {
        using var input = new Scratch(stackalloc byte[Scratch.StackSize]);
        input.AppendOpaque(encryptionKey);
        input.AppendOpaque(parentHash);
        input.AppendOpaque(originalSiblingTreeHash);
        suite.Hash(input.Written, hash);
    }

    /// <summary>
    /// Makes the parent nodes that an update path puts on the filtered direct path of its committer, and the parent
    /// hash that the committer's leaf node must have.
    /// </summary>
    /// <param name="suite">The group's cipher suite.</param>
    /// <param name="path">The filtered direct path in the tree after the proposals, lowest first.</param>
    /// <param name="keys">
    /// The new HPKE public keys of the path's nodes, in the order of <paramref name="path"/>.
    /// </param>
    public static (ParentNode[] Nodes, byte[] LeafParentHash) ForPath(
        CipherSuite suite,
        PathStep[] path,
        IReadOnlyList<ReadOnlyMemory<byte>> keys
    )
    {
        var nodes = new ParentNode[path.Length];
        // RFC 9420 §7.9: the parent hash of the root is empty.
        byte[] parentHash = [];
        for (int i = path.Length - 1; i >= 0; i--)
        {
            nodes[i] = new(keys[i], parentHash);
            // The new node has no unmerged leaves, so the original sibling tree hash is the tree hash of the sibling.
            parentHash = Compute(suite, keys[i].Span, parentHash, path[i].Copath.Hash(suite));
        }
        return (nodes, parentHash);
    }

    /// <summary>
    /// Checks a whole tree (RFC 9420 §7.9.2): each parent node that is not blank must be parent-hash valid, which
    /// means that exactly one of its descendants has its parent hash.
    /// </summary>
    /// <exception cref="MlsException"><see cref="Rules.TreeParentHash"/></exception>
    public static void VerifyAll(RatchetTree tree)
    {
        var suite = tree.Suite;
        var resolution = new List<ResolvedNode>();
        Visit(tree.Root, tree.Levels, 0);

        void Visit(TreeNode node, int level, uint firstLeaf)
        {
            if (level == 0)
                return;
            var parent = (ParentPosition)node;
            uint middle = firstLeaf + (1u << (level - 1));
            if (parent.Node is { } content)
            {
                // Two children cannot both have a descendant with the node's parent hash: each of the two parent hashes
                // would be over a tree hash of the other child's subtree, which covers the other parent hash.
                MlsException.Require(
                    Vouches(content, parent.Right, middle, parent.Left, firstLeaf, level - 1)
                        || Vouches(content, parent.Left, firstLeaf, parent.Right, middle, level - 1),
                    Rules.TreeParentHash
                );
            }
            Visit(parent.Left, level - 1, firstLeaf);
            Visit(parent.Right, level - 1, middle);
        }

        // RFC 9420 §7.9.2: "D is in the resolution of C, and the intersection of P's unmerged_leaves with the subtree
        // under C is equal to the resolution of C with D removed". So D is the one node of the resolution that is not
        // an unmerged leaf of P.
        bool Vouches(ParentNode p, TreeNode child, uint childFirst, TreeNode sibling, uint siblingFirst, int level)
        {
            resolution.Clear();
            RatchetTree.Resolve(child, childFirst, level, resolution);
            int unmergedBelow = CountWithin(p.UnmergedLeafArray, childFirst, level);
            if (resolution.Count != unmergedBelow + 1)
                return false;
            TreeNode? d = null;
            foreach (var resolved in resolution)
            {
                if (resolved.Index.IsLeaf && p.HasUnmerged(resolved.Index.Leaf))
                    continue;
                if (d is not null)
                    return false;
                d = resolved.Position;
            }
            if (d is null || d is LeafPosition { Leaf.Source: not LeafNodeSource.Commit })
                return false;
            Span<byte> expected = stackalloc byte[suite.HashLength];
            Compute(
                suite,
                p.EncryptionKey.Span,
                p.ParentHash.Span,
                OriginalHash(suite, sibling, siblingFirst, level, p.UnmergedLeafArray),
                expected
            );
            return d.ParentHash.Span.SequenceEqual(expected);
        }
    }

    /// <summary>
    /// The tree hash of a subtree after the given leaves were made blank and taken out of all unmerged_leaves
    /// (RFC 9420 §7.9, original sibling tree hash).
    /// </summary>
    private static byte[] OriginalHash(CipherSuite suite, TreeNode node, uint firstLeaf, int level, LeafIndex[] removed)
    {
        if (CountWithin(removed, firstLeaf, level) == 0)
            return node.Hash(suite);
        if (node is LeafPosition leaf)
            return LeafPosition.ComputeHash(suite, leaf.Index, null);
        var parent = (ParentPosition)node;
        var left = OriginalHash(suite, parent.Left, firstLeaf, level - 1, removed);
        var right = OriginalHash(suite, parent.Right, firstLeaf + (1u << (level - 1)), level - 1, removed);
        return ParentPosition.ComputeHash(suite, parent.Node?.WithoutUnmerged(removed), left, right);
    }

    private static int CountWithin(LeafIndex[] leaves, uint firstLeaf, int level)
    {
        int count = 0;
        foreach (var leaf in leaves)
            if (leaf.Value >> level == firstLeaf >> level)
                count++;
        return count;
    }
}
