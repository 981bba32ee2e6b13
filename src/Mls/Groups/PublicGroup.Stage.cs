namespace MlsConsole.Mls;

public sealed partial class PublicGroup
{
    /// <summary>
    /// Applies an authenticated commit (RFC 9420 §12.4.2) as far as it can be without a group secret.
    /// </summary>
    /// <param name="commit">A commit of this epoch, from <see cref="Authenticate"/>.</param>
    /// <param name="proposals">The authenticated proposals of this epoch, to which the commit may refer.</param>
    /// <param name="now">
    /// The time that must lie within the lifetime of an added key package; null to leave the lifetime unchecked.
    /// </param>
    /// <exception cref="MlsException">The rule that the commit breaks. This group never changes.</exception>
    /// <exception cref="ArgumentException">
    /// The content is not a commit, or was authenticated in another epoch.
    /// </exception>
    public StagedCommit Stage(
        AuthenticatedContent commit,
        IReadOnlyCollection<AuthenticatedContent> proposals,
        DateTimeOffset? now
    )
    {
        if (commit.Content.Commit is not { } content)
            throw new ArgumentException("The content is not a commit.", nameof(commit));
        if (commit.Content.Epoch != Epoch)
            throw new ArgumentException("The commit was authenticated in another epoch.", nameof(commit));
        // There is no number for an epoch after the last one.
        MlsException.Require(Epoch < ulong.MaxValue, Rules.FramingEpoch);

        var list = ProposalList.Resolve(Suite, commit, proposals);
        if (commit.IsExternalCommit)
            list.VerifyExternalCommit(this);
        else
            list.VerifyMemberCommit(this, new(commit.Content.Sender.Index));

        // RFC 9420 §12.3: GroupContextExtensions come first, since the other proposals are judged by the new
        // extensions; then come Updates, Removes and Adds.
        var extensions = list.ExtensionsAfter(this);
        var editor = new TreeEditor(Tree);
        var changes = new Changes(editor, this, extensions, now);
        changes.Apply(list);
        editor.CheckAddedKeys();

        MlsException.Require(content.Path is not null || !list.RequiresPath, Rules.CommitPathMissing);
        var committer = commit.IsExternalCommit
            ? editor.TakeLeftmostBlankLeaf()
            : new LeafIndex(commit.Content.Sender.Index);
        list.VerifySupported(SupportOfRemaining(changes));
        var beforePath = editor.ToTree();
        var tree = beforePath;
        if (content.Path is { } path)
        {
            // RFC 9420 §12.2, §7.3: the new leaf of a joiner that removes its old one must fulfil what an Update of
            // the old leaf would have to.
            if (commit.IsExternalCommit)
                foreach (var (remove, _) in list.Of<RemoveProposal>())
                    MlsException.Require(
                        !path.LeafNode.EncryptionKey.Span.SequenceEqual(Tree.Leaf(remove.Removed)!.EncryptionKey.Span),
                        Rules.ExternalCommitRemovedKey
                    );
            MergePath(editor, tree, path, committer, extensions, changes);
            tree = editor.ToTree();
        }
        LeafNodeValidation.VerifyAgainst(extensions, tree.Root.Capabilities!);

        return new(
            After(commit, list, tree, extensions),
            beforePath,
            commit,
            committer,
            content.Path is null ? Tree.Leaf(committer)! : content.Path.LeafNode,
            list.Items,
            changes
        );
    }

    /// <summary>The public state after a commit, with the tree and extensions that the commit makes.</summary>
    private PublicGroup After(
        AuthenticatedContent commit,
        ProposalList proposals,
        RatchetTree tree,
        Extensions extensions
    )
    {
        var confirmed = TranscriptHash.Confirmed(Suite, InterimTranscriptHash.Span, commit);
        var context = new GroupContext(
            Context.CipherSuite,
            GroupId,
            checked(Epoch + 1),
            tree.Hash,
            confirmed,
            extensions
        );
        return new(
            Suite,
            context,
            tree,
            commit.Auth.ConfirmationTag.ToArray(),
            TranscriptHash.Interim(Suite, confirmed, commit.Auth.ConfirmationTag.Span),
            proposals.Of<ReInitProposal>().Select(item => item.Proposal).FirstOrDefault()
        );
    }

    /// <summary>
    /// What the members support that are there before and after the commit. RFC 9420 §12.2: members that the commit
    /// adds or removes need not support the types of its proposals.
    /// </summary>
    internal CapabilitySummary SupportOfRemaining(Changes changes)
    {
        if (changes.Removed.Count == 0)
            return Tree.Root.Capabilities!;
        var editor = new TreeEditor(Tree);
        foreach (var (leaf, _) in changes.Removed)
            editor.Remove(leaf);
        return editor.ToTree().Root.Capabilities ?? new([], [], [], []);
    }

    /// <summary>Validates the path against the tree after the proposals, then merges it (RFC 9420 §12.4.2).</summary>
    private void MergePath(
        TreeEditor editor,
        RatchetTree tree,
        UpdatePath path,
        LeafIndex committer,
        Extensions extensions,
        Changes changes
    )
    {
        MlsException.Require(path.LeafNode.Source == LeafNodeSource.Commit, Rules.LeafSource);
        LeafNodeValidation.Verify(path.LeafNode, Suite, GroupId.Span, committer);
        LeafNodeValidation.VerifyAgainst(extensions, path.LeafNode);

        var filtered = tree.FilteredDirectPath(committer);
        MlsException.Require(filtered.Length == path.Nodes.Count, Rules.PathLength);
        var added = changes.Added.Count == 0 ? null : changes.Added.Select(entry => entry.LeafIndex).ToHashSet();
        var keys = new ReadOnlyMemory<byte>[filtered.Length];
        for (int i = 0; i < filtered.Length; i++)
        {
            var node = path.Nodes[i];
            MlsException.Require(Suite.IsWellFormedKemPublicKey(node.EncryptionKey.Span), Rules.PathKey);
            // RFC 9420 §7.5: the new members get the path secret in the Welcome, so there is no ciphertext for them in
            // the path.
            MlsException.Require(
                node.EncryptedPathSecrets.Count == RatchetTree.ResolutionCount(filtered[i].Copath, added),
                Rules.PathCiphertexts
            );
            foreach (var ciphertext in node.EncryptedPathSecrets)
                MlsException.Require(
                    ciphertext.KemOutput.Length == Suite.KemOutputLength
                        && ciphertext.Ciphertext.Length == Suite.HashLength + Suite.AeadTagLength,
                    Rules.PathCiphertexts
                );
            keys[i] = node.EncryptionKey.ToArray();
        }
        var (nodes, leafParentHash) = ParentHash.ForPath(Suite, filtered, keys);
        MlsException.Require(path.LeafNode.ParentHash.Span.SequenceEqual(leafParentHash), Rules.PathParentHash);

        var byLevel = new ParentNode?[tree.Levels];
        for (int i = 0; i < filtered.Length; i++)
            byLevel[filtered[i].Level - 1] = nodes[i];
        editor.MergePath(committer, path.LeafNode.Detach(), byLevel);
    }

    /// <summary>What the proposals of a commit change in the ratchet tree.</summary>
    internal sealed class Changes(TreeEditor editor, PublicGroup group, Extensions extensions, DateTimeOffset? now)
    {
        public List<(LeafIndex LeafIndex, LeafNode Leaf)> Added { get; } = [];
        public List<(LeafIndex LeafIndex, LeafNode Before, LeafNode After)> Updated { get; } = [];
        public List<(LeafIndex LeafIndex, LeafNode Leaf)> Removed { get; } = [];
        public List<KeyPackage> AddedKeyPackages { get; } = [];

        public void Apply(ProposalList list)
        {
            foreach (var (update, sender) in list.Of<UpdateProposal>())
                Update(new(sender.Index), update.LeafNode);
            foreach (var (remove, _) in list.Of<RemoveProposal>())
                Remove(remove.Removed);
            foreach (var (_, sender) in list.Of<SelfRemoveProposal>())
                Remove(new(sender.Index));
            foreach (var (add, _) in list.Of<AddProposal>())
                Add(add.KeyPackage);
        }

        private void Update(LeafIndex index, LeafNode leaf)
        {
            var before = group.Tree.Leaf(index);
            MlsException.Require(before is not null, Rules.FramingSender);
            MlsException.Require(leaf.Source == LeafNodeSource.Update, Rules.LeafSource);
            MlsException.Require(
                !leaf.EncryptionKey.Span.SequenceEqual(before.EncryptionKey.Span),
                Rules.ProposalUpdateKey
            );
            LeafNodeValidation.Verify(leaf, group.Suite, group.GroupId.Span, index);
            LeafNodeValidation.VerifyAgainst(extensions, leaf);
            editor.Update(index, leaf.Detach());
            Updated.Add((index, before, leaf));
        }

        private void Remove(LeafIndex index)
        {
            var before = group.Tree.Leaf(index);
            MlsException.Require(before is not null, Rules.ProposalRemoveBlank);
            editor.Remove(index);
            Removed.Add((index, before));
        }

        private void Add(UnverifiedKeyPackage unverified)
        {
            MlsException.Require(unverified.CipherSuite == group.CipherSuite, Rules.KeyPackageCipherSuite);
            var keyPackage = unverified.Verify(now);
            LeafNodeValidation.VerifyAgainst(extensions, keyPackage.LeafNode);
            Added.Add((editor.Add(keyPackage.LeafNode.Detach()), keyPackage.LeafNode));
            AddedKeyPackages.Add(keyPackage);
        }
    }
}
