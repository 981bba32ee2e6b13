namespace MlsConsole.Mls;

/// <summary>RFC 9420 §12.4.3.1, "Verify the integrity of the ratchet tree": what one who joins checks of a whole tree.</summary>
internal static class TreeValidation
{
    /// <summary>Checks keys, unmerged leaves, parent hashes and every leaf; the tree hash is the caller's to compare.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="context">Of the group.</param>
    /// <param name="degreeOfParallelism">How many cores verify signatures at most; all of the machine's where null.</param>
    /// <exception cref="MlsException">The rule that the tree breaks.</exception>
    public static void Verify(RatchetTree tree, GroupContext context, int? degreeOfParallelism = null)
    {
        LeafNodeValidation.VerifyAgainst(context.Extensions, tree.Root.Capabilities!);
        VerifyParents(tree.Root, tree.Levels, 0, tree.Suite);
        ParentHash.VerifyAll(tree);
        // Signatures are nearly all of the work, and independent of each other.
        try
        {
            var groupId = context.GroupId;
            var options = new ParallelOptions { MaxDegreeOfParallelism = degreeOfParallelism ?? Environment.ProcessorCount };
            Parallel.ForEach(tree.Members, options, member => LeafNodeValidation.Verify(member.Leaf, tree.Suite, groupId.Span, member.Index));
        }
        catch (AggregateException failures) when (failures.InnerExceptions.All(failure => failure is MlsException))
        {
            throw new MlsException(((MlsException)failures.InnerExceptions[0]).Rule, null, failures);
        }
    }

    private static void VerifyParents(TreeNode node, int level, uint firstLeaf, CipherSuite suite)
    {
        if (level == 0) return;
        var parent = (ParentPosition)node;
        if (parent.IsBlankSubtree) return;
        if (parent.Node is { } content)
        {
            MlsException.Require(suite.IsWellFormedKemPublicKey(content.EncryptionKey.Span), Rules.TreeEncryptionKey);
            foreach (var unmerged in content.UnmergedLeafArray) VerifyUnmerged(parent, level, firstLeaf, unmerged);
        }
        VerifyParents(parent.Left, level - 1, firstLeaf, suite);
        VerifyParents(parent.Right, level - 1, firstLeaf + (1u << (level - 1)), suite);
    }

    private static void VerifyUnmerged(ParentPosition at, int level, uint firstLeaf, LeafIndex leaf)
    {
        MlsException.Require(leaf.Value >> level == firstLeaf >> level, Rules.TreeUnmergedLeaf);
        TreeNode node = at;
        for (; level > 0; level--)
        {
            var parent = (ParentPosition)node;
            MlsException.Require(parent.Node is null || parent.Node.HasUnmerged(leaf), Rules.TreeUnmergedLeaf);
            node = parent.Child(RatchetTree.GoesRight(leaf, level));
        }
        MlsException.Require(!node.IsBlank, Rules.TreeUnmergedLeaf);
    }
}
