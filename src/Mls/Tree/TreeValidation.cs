using System.Collections.Concurrent;

namespace MlsConsole.Mls;

/// <summary>
/// The checks that a joining client makes of a whole ratchet tree, RFC 9420 §12.4.3.1, "Verify the integrity of the
/// ratchet tree".
/// </summary>
internal static class TreeValidation
{
    /// <summary>
    /// How many leaves a core takes at a time: they are more than a millisecond of work, and few enough that all cores
    /// finish at about the same time.
    /// </summary>
    private const int LeavesAtOnce = 32;

    /// <summary>
    /// Checks the keys, unmerged leaves, parent hashes and all leaf nodes. The caller compares the tree hash.
    /// </summary>
    /// <param name="tree">The ratchet tree to check.</param>
    /// <param name="context">The GroupContext of the group.</param>
    /// <param name="degreeOfParallelism">
    /// How many cores at most verify signatures; all of the machine's cores where null.
    /// </param>
    /// <exception cref="MlsException">The rule that the tree breaks.</exception>
    public static void Verify(RatchetTree tree, GroupContext context, int? degreeOfParallelism = null)
    {
        LeafNodeValidation.VerifyAgainst(context.Extensions, tree.Root.Capabilities!);
        VerifyParents(tree.Root, tree.Levels, 0, tree.Suite);
        ParentHash.VerifyAll(tree);
        VerifyLeaves(tree, context.GroupId, degreeOfParallelism ?? Environment.ProcessorCount);
    }

    // Verifying signatures is nearly all of the work, and they are independent of each other.
    private static void VerifyLeaves(RatchetTree tree, ReadOnlyMemory<byte> groupId, int cores)
    {
        var members = tree.Members.ToArray();
        if (cores == 1 || members.Length <= LeavesAtOnce)
        {
            Verify(0, members.Length);
            return;
        }
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = cores };
            Parallel.ForEach(
                Partitioner.Create(0, members.Length, LeavesAtOnce),
                options,
                range => Verify(range.Item1, range.Item2)
            );
        }
        catch (AggregateException failures) when (failures.InnerExceptions.All(failure => failure is MlsException))
        {
            throw new MlsException(((MlsException)failures.InnerExceptions[0]).Rule, null, failures);
        }

        void Verify(int from, int to)
        {
            for (int i = from; i < to; i++)
                LeafNodeValidation.Verify(members[i].Leaf, tree.Suite, groupId.Span, members[i].Index);
        }
    }

    private static void VerifyParents(TreeNode node, int level, uint firstLeaf, CipherSuite suite)
    {
        if (level == 0)
            return;
        var parent = (ParentPosition)node;
        if (parent.IsBlankSubtree)
            return;
        if (parent.Node is { } content)
        {
            MlsException.Require(suite.IsWellFormedKemPublicKey(content.EncryptionKey.Span), Rules.TreeEncryptionKey);
            foreach (var unmerged in content.UnmergedLeafArray)
                VerifyUnmerged(parent, level, firstLeaf, unmerged);
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
