using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>Update paths and their secrets, RFC 9420 §7.4 to §7.6.</summary>
internal static class TreeKem
{
    private const string PathLabel = "UpdatePathNode";

    // node_secret = DeriveSecret(path_secret, "node"); node_priv, node_pub = KEM.DeriveKeyPair(node_secret)
    public static SecretKeyPair NodeKeyPair(CipherSuite suite, byte[] pathSecret)
    {
        var nodeSecret = suite.DeriveSecret(pathSecret, "node");
        try
        {
            return suite.DeriveKemKeyPair(nodeSecret);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(nodeSecret);
        }
    }

    // path_secret[n] = DeriveSecret(path_secret[n-1], "path")
    public static byte[] NextPathSecret(CipherSuite suite, byte[] pathSecret)
    {
        var next = suite.DeriveSecret(pathSecret, "path");
        CryptographicOperations.ZeroMemory(pathSecret);
        return next;
    }

    /// <summary>
    /// Decrypts the path secret that is meant for this member, and derives the private keys from there up to the root
    /// (RFC 9420 §7.5).
    /// </summary>
    /// <param name="suite">The group's cipher suite.</param>
    /// <param name="before">The tree after the proposals, before the path.</param>
    /// <param name="keys">This member's private keys in that tree; the new keys are added to them.</param>
    /// <param name="committer">The leaf at which the path starts.</param>
    /// <param name="path">The update path, which was validated before.</param>
    /// <param name="added">The leaves that the same commit adds.</param>
    /// <param name="context">The provisional GroupContext.</param>
    /// <returns>The commit secret, and the path secret as it was decrypted.</returns>
    /// <exception cref="MlsException">
    /// The path has no ciphertext for this member, or it cannot be decrypted.
    /// </exception>
    public static (byte[] CommitSecret, byte[] PathSecret) Open(
        CipherSuite suite,
        RatchetTree before,
        PrivateKeys keys,
        LeafIndex committer,
        UpdatePath path,
        IReadOnlySet<LeafIndex>? added,
        GroupContext context
    )
    {
        var filtered = before.FilteredDirectPath(committer);
        int at = Array.FindIndex(
            filtered,
            step => keys.Own.Value >> (step.Level - 1) == (committer.Value >> (step.Level - 1) ^ 1)
        );
        if (at < 0)
            throw new MlsException(Rules.PathNotForMe);
        var resolution = new List<ResolvedNode>();
        RatchetTree.Resolve(
            filtered[at].Copath,
            filtered[at].CopathFirstLeaf(committer),
            filtered[at].Level - 1,
            resolution,
            added
        );
        int mine = resolution.FindIndex(node => keys.Find(node.Index) is not null);
        if (mine < 0)
            throw new MlsException(Rules.PathNotForMe);
        var ciphertext = path.Nodes[at].EncryptedPathSecrets[mine];
        var pathSecret = suite.DecryptWithLabel(
            keys.Find(resolution[mine].Index),
            PathLabel,
            context.Encoded.Span,
            ciphertext.KemOutput.Span,
            ciphertext.Ciphertext.Span
        );
        var opened = (byte[])pathSecret.Clone();
        var commitSecret = keys.SetPath(
            suite,
            filtered.Select((step, i) => (step.Index(committer), path.Nodes[i].EncryptionKey)).Skip(at),
            pathSecret
        );
        return (commitSecret, opened);
    }

    /// <summary>
    /// A new update path of a committer: new keys for its leaf and the nodes above, each path secret encrypted to the
    /// resolution of the copath child (RFC 9420 §7.5).
    /// </summary>
    public sealed class NewPath : IDisposable
    {
        private readonly byte[][] _pathSecrets;

        private NewPath(
            UpdatePath path,
            RatchetTree tree,
            PrivateKeys keys,
            byte[] commitSecret,
            PathStep[] filtered,
            byte[][] pathSecrets
        ) =>
            (Path, Tree, Keys, CommitSecret, Filtered, _pathSecrets) = (
                path,
                tree,
                keys,
                commitSecret,
                filtered,
                pathSecrets
            );

        public UpdatePath Path { get; }

        /// <summary>The ratchet tree after the path was merged.</summary>
        public RatchetTree Tree { get; }

        /// <summary>The committer's private keys in that tree.</summary>
        public PrivateKeys Keys { get; }
        public byte[] CommitSecret { get; }
        private PathStep[] Filtered { get; }

        /// <summary>
        /// The path secret of the lowest node that a new member has above it in common with the committer
        /// (RFC 9420 §12.4.3.1); null if the path has no such node.
        /// </summary>
        public byte[]? SecretFor(LeafIndex committer, LeafIndex member)
        {
            int at = Array.FindIndex(Filtered, step => member.Value >> step.Level == committer.Value >> step.Level);
            return at < 0 ? null : _pathSecrets[at];
        }

        public void Dispose()
        {
            foreach (var secret in _pathSecrets)
                CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(CommitSecret);
        }

        /// <summary>Makes an update path and merges it into the tree.</summary>
        /// <param name="suite">The cipher suite of the group.</param>
        /// <param name="editor">The tree after the proposals; the path is merged into it.</param>
        /// <param name="keys">
        /// The committer's private keys before the commit; null for the joiner of an external commit.
        /// </param>
        /// <param name="committer">The committer's leaf.</param>
        /// <param name="sign">Makes and signs the leaf node with the new encryption key and the parent hash.</param>
        /// <param name="added">The leaves that the same commit adds.</param>
        /// <param name="provisional">Makes the provisional GroupContext for the tree after the path.</param>
        public static NewPath Create(
            CipherSuite suite,
            TreeEditor editor,
            PrivateKeys? keys,
            LeafIndex committer,
            Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>, LeafNode> sign,
            IReadOnlySet<LeafIndex>? added,
            Func<RatchetTree, GroupContext> provisional
        )
        {
            var before = editor.ToTree();
            var filtered = before.FilteredDirectPath(committer);
            var secrets = new byte[filtered.Length][];
            var publicKeys = new ReadOnlyMemory<byte>[filtered.Length];
            var privateKeys = new byte[filtered.Length][];
            var secret = RandomNumberGenerator.GetBytes(suite.HashLength);
            for (int i = 0; i < filtered.Length; i++)
            {
                secrets[i] = (byte[])secret.Clone();
                // The private key is copied into the committer's keys below and zeroed there.
                var pair = NodeKeyPair(suite, secret);
                (publicKeys[i], privateKeys[i]) = (pair.PublicKey, pair.PrivateKey);
                secret = NextPathSecret(suite, secret);
            }
            using var leafKeys = suite.GenerateKemKeyPair();
            var (nodes, parentHash) = ParentHash.ForPath(suite, filtered, publicKeys);
            var leaf = sign(leafKeys.PublicKey, parentHash);
            var byLevel = new ParentNode?[before.Levels];
            for (int i = 0; i < filtered.Length; i++)
                byLevel[filtered[i].Level - 1] = nodes[i];
            editor.MergePath(committer, leaf, byLevel);
            var tree = editor.ToTree();
            var context = provisional(tree);

            var pathNodes = new UpdatePathNode[filtered.Length];
            for (int i = 0; i < filtered.Length; i++)
            {
                var resolution = new List<ResolvedNode>();
                RatchetTree.Resolve(
                    filtered[i].Copath,
                    filtered[i].CopathFirstLeaf(committer),
                    filtered[i].Level - 1,
                    resolution,
                    added
                );
                pathNodes[i] = new(publicKeys[i], Encrypt(suite, secrets[i], resolution, context));
            }
            var newKeys = keys?.For(tree, committer) ?? new PrivateKeys(committer);
            newKeys.Set(committer.Node, leafKeys.PublicKey, leafKeys.PrivateKey);
            for (int i = 0; i < filtered.Length; i++)
            {
                newKeys.Set(filtered[i].Index(committer), publicKeys[i], privateKeys[i]);
                CryptographicOperations.ZeroMemory(privateKeys[i]);
            }
            return new(new(leaf, pathNodes), tree, newKeys, secret, filtered, secrets);
        }

        /// <summary>Encrypts a path secret to each node of a resolution (RFC 9420 §7.6).</summary>
        private static HpkeCiphertext[] Encrypt(
            CipherSuite suite,
            byte[] pathSecret,
            List<ResolvedNode> resolution,
            GroupContext context
        )
        {
            var ciphertexts = new HpkeCiphertext[resolution.Count];
            for (int i = 0; i < ciphertexts.Length; i++)
            {
                var (kemOutput, ciphertext) = suite.EncryptWithLabel(
                    resolution[i].EncryptionKey.Span,
                    PathLabel,
                    context.Encoded.Span,
                    pathSecret
                );
                ciphertexts[i] = new(kemOutput, ciphertext);
            }
            return ciphertexts;
        }
    }
}
