namespace MlsConsole.Mls;

/// <summary>
/// Makes the next ratchet tree from one (RFC 9420 §7.7, §12.3): first call the methods for the changes of a commit in
/// their order, then <see cref="ToTree"/>.
/// </summary>
/// <remarks>
/// The keys of new leaves are compared with the others only after all proposals are applied. So two members may
/// exchange their leaves in one commit, but no member can have a key of another one after it.
/// </remarks>
internal sealed class TreeEditor
{
    private readonly CipherSuite _suite;
    private readonly PublicKeySet.Builder _encryptionKeys;
    private readonly PublicKeySet.Builder _signatureKeys;
    private readonly List<LeafNode> _added = [];
    private TreeNode _root;
    private int _levels;

    public TreeEditor(RatchetTree tree)
    {
        _suite = tree.Suite;
        _root = tree.Root;
        _levels = tree.Levels;
        _encryptionKeys = tree.EncryptionKeys.ToBuilder();
        _signatureKeys = tree.SignatureKeys.ToBuilder();
    }

    /// <summary>Replaces a leaf and makes its direct path blank (RFC 9420 §12.1.2).</summary>
    public void Update(LeafIndex index, LeafNode leaf)
    {
        Forget(index);
        _added.Add(leaf);
        _root = Replace(_root, _levels, index, leaf, static _ => null);
    }

    /// <summary>Makes a leaf and its direct path blank, then truncates the tree (RFC 9420 §12.1.3).</summary>
    public void Remove(LeafIndex index)
    {
        Forget(index);
        _root = Replace(_root, _levels, index, null, static _ => null);
        // RFC 9420 §7.7: while there is no member in the right half of the tree, the left half becomes the tree.
        while (_root is ParentPosition { Right.Members: 0 } root)
        {
            Forget(root);
            _root = root.Left;
            _levels--;
        }
    }

    /// <summary>
    /// Puts a new leaf at the leftmost blank leaf, or extends the tree if it has none, and adds the leaf to the
    /// unmerged leaves of the parent nodes above that are not blank (RFC 9420 §12.1.1).
    /// </summary>
    public LeafIndex Add(LeafNode leaf)
    {
        _added.Add(leaf);
        var index = TakeLeftmostBlankLeaf();
        _root = Replace(_root, _levels, index, leaf, node => node?.WithUnmerged(index));
        return index;
    }

    /// <summary>
    /// Finds the leftmost blank leaf, and extends the tree if it has none (RFC 9420 §12.4.2, for the joiner of an
    /// external commit).
    /// </summary>
    public LeafIndex TakeLeftmostBlankLeaf()
    {
        if (_root.Members == 1 << _levels)
        {
            _root = new ParentPosition(_levels + 1, 0, null, _root, ParentPosition.Blank(_levels, 1u << _levels));
            _levels++;
        }
        uint first = 0;
        var node = _root;
        for (int level = _levels; level > 0; level--)
        {
            var parent = (ParentPosition)node;
            bool right = parent.Left.Members == 1 << (level - 1);
            if (right)
                first += 1u << (level - 1);
            node = parent.Child(right);
        }
        return new(first);
    }

    /// <summary>
    /// Checks that the keys of the new leaves are in the tree only once. It is called when all proposals are applied.
    /// </summary>
    public void CheckAddedKeys()
    {
        foreach (var leaf in _added)
            Enter(leaf);
        _added.Clear();
    }

    /// <summary>The tree with the changes up to now.</summary>
    public RatchetTree ToTree() =>
        new(_suite, _root, _levels, _encryptionKeys.ToImmutable(), _signatureKeys.ToImmutable());

    /// <summary>
    /// Puts the committer's leaf and the nodes of its filtered direct path into the tree; the other nodes of the direct
    /// path become blank (RFC 9420 §7.5, §12.4.2).
    /// </summary>
    /// <param name="index">The committer's leaf.</param>
    /// <param name="leaf">The committer's new leaf node.</param>
    /// <param name="parents">
    /// The new node for each level of the direct path, lowest first; null for levels that are not on the filtered
    /// direct path.
    /// </param>
    public void MergePath(LeafIndex index, LeafNode leaf, ParentNode?[] parents)
    {
        // RFC 9420 §12.4.2: "none of the public keys in the UpdatePath appear in any node of the new ratchet tree"
        MlsException.Require(!_encryptionKeys.Contains(leaf.EncryptionKey), Rules.PathKeyReused);
        foreach (var parent in parents)
            MlsException.Require(
                parent is null || !_encryptionKeys.Contains(parent.EncryptionKey),
                Rules.PathKeyReused
            );
        Forget(index);
        Enter(leaf);
        foreach (var parent in parents)
            MlsException.Require(parent is null || _encryptionKeys.Add(parent.EncryptionKey), Rules.PathKeyReused);
        _root = Merge(_root, _levels);

        TreeNode Merge(TreeNode node, int level)
        {
            if (level == 0)
                return new LeafPosition(index, leaf);
            var at = (ParentPosition)node;
            bool right = RatchetTree.GoesRight(index, level);
            return at.With(parents[level - 1], right, Merge(at.Child(right), level - 1));
        }
    }

    private static TreeNode Replace(
        TreeNode node,
        int level,
        LeafIndex index,
        LeafNode? leaf,
        Func<ParentNode?, ParentNode?> above
    )
    {
        if (level == 0)
            return new LeafPosition(index, leaf);
        var at = (ParentPosition)node;
        bool right = RatchetTree.GoesRight(index, level);
        return at.With(above(at.Node), right, Replace(at.Child(right), level - 1, index, leaf, above));
    }

    /// <summary>
    /// Removes the keys of a leaf and of its direct path from the key sets, because these nodes are about to be
    /// replaced or made blank.
    /// </summary>
    private void Forget(LeafIndex index)
    {
        var node = _root;
        for (int level = _levels; level > 0; level--)
        {
            var parent = (ParentPosition)node;
            if (parent.Node is { } content)
                _encryptionKeys.Remove(content.EncryptionKey);
            node = parent.Child(RatchetTree.GoesRight(index, level));
        }
        if (((LeafPosition)node).Leaf is not { } leaf)
            return;
        _encryptionKeys.Remove(leaf.EncryptionKey);
        _signatureKeys.Remove(leaf.SignatureKey);
    }

    private void Forget(ParentPosition node)
    {
        if (node.Node is { } content)
            _encryptionKeys.Remove(content.EncryptionKey);
    }

    private void Enter(LeafNode leaf)
    {
        MlsException.Require(_encryptionKeys.Add(leaf.EncryptionKey), Rules.TreeEncryptionKeyDuplicate);
        MlsException.Require(_signatureKeys.Add(leaf.SignatureKey), Rules.TreeSignatureKeyDuplicate);
    }
}
