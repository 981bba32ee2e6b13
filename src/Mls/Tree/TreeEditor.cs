namespace MlsConsole.Mls;

/// <summary>Turns one tree into the next (RFC 9420 §7.7, §12.3): the changes of a commit in order, then <see cref="ToTree"/>.</summary>
/// <remarks>Keys are compared after all proposals are applied, so that two members may exchange places in one commit but nobody ends with a key of another.</remarks>
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

    /// <summary>RFC 9420 §12.1.2: replace the leaf and blank its direct path.</summary>
    public void Update(LeafIndex index, LeafNode leaf)
    {
        Forget(index);
        _added.Add(leaf);
        _root = Replace(_root, _levels, index, leaf, static _ => null);
    }

    /// <summary>RFC 9420 §12.1.3: blank the leaf and its direct path, then truncate the tree.</summary>
    public void Remove(LeafIndex index)
    {
        Forget(index);
        _root = Replace(_root, _levels, index, null, static _ => null);
        // §7.7: while the right half has no member, the left half is the tree.
        while (_root is ParentPosition { Right.Members: 0 } root)
        {
            Forget(root);
            _root = root.Left;
            _levels--;
        }
    }

    /// <summary>RFC 9420 §12.1.1: the leftmost blank leaf, or a tree of twice the size; unmerged at the non-blank nodes above.</summary>
    public LeafIndex Add(LeafNode leaf)
    {
        _added.Add(leaf);
        var index = TakeLeftmostBlankLeaf();
        _root = Replace(_root, _levels, index, leaf, node => node?.WithUnmerged(index));
        return index;
    }

    /// <summary>The leftmost blank leaf; extends the tree if there is none (RFC 9420 §12.4.2 for the joiner of an external commit).</summary>
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

    /// <summary>Ends the proposals: from here on the keys of the tree are those after all proposals.</summary>
    public void CheckAddedKeys()
    {
        foreach (var leaf in _added)
            Enter(leaf);
        _added.Clear();
    }

    /// <summary>The tree as it is now.</summary>
    public RatchetTree ToTree() =>
        new(_suite, _root, _levels, _encryptionKeys.ToImmutable(), _signatureKeys.ToImmutable());

    /// <summary>RFC 9420 §7.5, §12.4.2: the committer's leaf and the nodes of its filtered direct path; the other nodes of the direct path become blank.</summary>
    /// <param name="index">The committer's leaf.</param>
    /// <param name="leaf">Its new leaf node.</param>
    /// <param name="parents">The new node for each level of the direct path, lowest first; null where the path is filtered.</param>
    public void MergePath(LeafIndex index, LeafNode leaf, ParentNode?[] parents)
    {
        // §12.4.2: "none of the public keys in the UpdatePath appear in any node of the new ratchet tree"
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

    /// <summary>Takes the keys of a leaf and its direct path out of the key sets: they are about to be replaced or blanked.</summary>
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
