using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>key-schedule.json, psk_secret.json, secret-tree.json, welcome.json and treekem.json.</summary>
internal static class SecretVectors
{
    public static void KeySchedule(CipherSuite suite, JsonElement test)
    {
        var init = test.Hex("initial_init_secret");
        ulong number = 0;
        foreach (var epoch in test.GetProperty("epochs").EnumerateArray())
        {
            var context = new GroupContext(
                suite.Id,
                test.Hex("group_id"),
                number++,
                epoch.Hex("tree_hash"),
                epoch.Hex("confirmed_transcript_hash"),
                Extensions.None
            );
            Assert.Equal(epoch.Hex("group_context"), context.Encoded.ToArray());
            using var secrets = EpochSecrets.Next(
                suite,
                init,
                epoch.Hex("commit_secret"),
                epoch.Hex("psk_secret"),
                context
            );
            foreach (
                var (name, secret) in ((string, byte[])[])
                    [
                        ("joiner_secret", secrets.Joiner),
                        ("welcome_secret", secrets.Welcome),
                        ("init_secret", secrets.Init),
                        ("sender_data_secret", secrets.SenderData),
                        ("encryption_secret", secrets.Encryption),
                        ("exporter_secret", secrets.Exporter),
                        ("epoch_authenticator", secrets.EpochAuthenticator),
                        ("external_secret", secrets.External),
                        ("confirmation_key", secrets.ConfirmationKey),
                        ("membership_key", secrets.MembershipKey),
                        ("resumption_psk", secrets.ResumptionPsk),
                    ]
            )
                Assert.True(epoch.Hex(name).AsSpan().SequenceEqual(secret), name);
            using var external = secrets.ExternalKeyPair(suite);
            Assert.Equal(epoch.Hex("external_pub"), external.PublicKey);
            var exporter = epoch.GetProperty("exporter");
            Assert.Equal(
                exporter.Hex("secret"),
                secrets.Export(
                    suite,
                    exporter.GetProperty("label").GetString()!,
                    exporter.Hex("context"),
                    exporter.GetProperty("length").GetInt32()
                )
            );
            init = (byte[])secrets.Init.Clone();
        }
    }

    public static void PreSharedKeySecrets(CipherSuite suite, JsonElement test)
    {
        var keys = test.GetProperty("psks")
            .EnumerateArray()
            .Select(psk =>
                (PreSharedKeyId.External(psk.Hex("psk_id"), psk.Hex("psk_nonce")), (ReadOnlyMemory<byte>)psk.Hex("psk"))
            )
            .ToList();
        Assert.Equal(test.Hex("psk_secret"), PreSharedKeySecret.Derive(suite, keys));
    }

    public static void SecretTreeAgrees(CipherSuite suite, JsonElement test)
    {
        SenderDataKeys(suite, test);
        var leaves = test.GetProperty("leaves");
        using var tree = new SecretTree(suite, (uint)leaves.GetArrayLength(), test.Hex("encryption_secret"));
        for (uint leaf = 0; leaf < leaves.GetArrayLength(); leaf++)
            foreach (var step in leaves[(int)leaf].EnumerateArray())
            {
                uint generation = step.GetProperty("generation").GetUInt32();
                var (key, nonce) = tree.Get(new(leaf), handshake: false, generation);
                Assert.Equal(
                    (
                        step.GetProperty("application_key").GetString(),
                        step.GetProperty("application_nonce").GetString()
                    ),
                    (Convert.ToHexStringLower(key), Convert.ToHexStringLower(nonce))
                );
                (key, nonce) = tree.Get(new(leaf), handshake: true, generation);
                Assert.Equal(
                    (step.GetProperty("handshake_key").GetString(), step.GetProperty("handshake_nonce").GetString()),
                    (Convert.ToHexStringLower(key), Convert.ToHexStringLower(nonce))
                );
                tree.Consume(new(leaf), handshake: true, generation);
                Assert.Equal(
                    Rules.RatchetGeneration,
                    Assert.Throws<MlsException>(() => tree.Get(new(leaf), handshake: true, generation)).Rule
                );
            }
    }

    private static void SenderDataKeys(CipherSuite suite, JsonElement test)
    {
        var data = test.GetProperty("sender_data");
        var (key, nonce) = MessageProtection.SenderDataKey(
            suite,
            data.Hex("sender_data_secret"),
            data.Hex("ciphertext")
        );
        Assert.Equal(
            (data.GetProperty("key").GetString(), data.GetProperty("nonce").GetString()),
            (Convert.ToHexStringLower(key), Convert.ToHexStringLower(nonce))
        );
    }

    public static void WelcomeOpens(CipherSuite suite, JsonElement test)
    {
        var keyPackage = MlsMessage.Decode(test.Hex("key_package")).KeyPackage!;
        var welcome = MlsMessage.Decode(test.Hex("welcome")).Welcome!;
        var secrets = WelcomeSecrets.OpenGroupSecrets(
            suite,
            welcome,
            suite.KeyPackageReference(keyPackage.Encoded.Span),
            test.Hex("init_priv")
        );
        var psk = PreSharedKeySecret.Derive(suite, []);
        var groupInfo = WelcomeSecrets.OpenGroupInfo(suite, welcome, secrets.JoinerSecret.Span, psk);
        Assert.True(groupInfo.VerifySignature(suite, test.Hex("signer_pub")));
        using var epoch = EpochSecrets.FromJoiner(suite, secrets.JoinerSecret.ToArray(), psk, groupInfo.GroupContext);
        Assert.Equal(
            groupInfo.ConfirmationTag.ToArray(),
            epoch.ConfirmationTag(suite, groupInfo.GroupContext.ConfirmedTranscriptHash.Span)
        );
    }

    public static void UpdatePaths(CipherSuite suite, JsonElement test)
    {
        var tree = RatchetTree.Decode(suite, test.Hex("ratchet_tree"));
        var members = test.GetProperty("leaves_private")
            .EnumerateArray()
            .ToDictionary(leaf => leaf.GetProperty("index").GetUInt32(), leaf => leaf);
        foreach (var update in test.GetProperty("update_paths").EnumerateArray())
        {
            var sender = new LeafIndex(update.GetProperty("sender").GetUInt32());
            var path = UpdatePath.Decode(update.Hex("update_path"));
            var filtered = tree.FilteredDirectPath(sender);
            var (nodes, parentHash) = ParentHash.ForPath(
                suite,
                filtered,
                [.. path.Nodes.Select(node => node.EncryptionKey)]
            );
            Assert.Equal(parentHash, path.LeafNode.ParentHash.ToArray());
            var editor = new TreeEditor(tree);
            var byLevel = new ParentNode?[tree.Levels];
            for (int i = 0; i < filtered.Length; i++)
                byLevel[filtered[i].Level - 1] = nodes[i];
            editor.MergePath(sender, path.LeafNode, byLevel);
            var after = editor.ToTree();
            Assert.Equal(update.Hex("tree_hash_after"), after.Hash.ToArray());
            GroupContext Context(RatchetTree merged) =>
                new(
                    suite.Id,
                    test.Hex("group_id"),
                    test.GetProperty("epoch").GetUInt64(),
                    merged.Hash,
                    test.Hex("confirmed_transcript_hash"),
                    Extensions.None
                );
            foreach (var (index, leaf) in members)
            {
                if (index == sender.Value)
                    continue;
                using var keys = Keys(suite, tree, leaf);
                var (commitSecret, pathSecret) = TreeKem.Open(suite, tree, keys, sender, path, null, Context(after));
                Assert.Equal(update.GetProperty("path_secrets")[(int)index].Hex(), pathSecret);
                Assert.Equal(update.Hex("commit_secret"), commitSecret);
            }

            using var own = Keys(suite, tree, members[sender.Value]);
            var signature = members[sender.Value].Hex("signature_priv");
            using var made = TreeKem.NewPath.Create(
                suite,
                new TreeEditor(tree),
                own,
                sender,
                (key, hash) =>
                    LeafNode.Create(
                        suite,
                        signature,
                        key.Span,
                        path.LeafNode.SignatureKey.Span,
                        path.LeafNode.Credential,
                        path.LeafNode.Capabilities,
                        LeafNodeSource.Commit,
                        null,
                        hash,
                        (test.Hex("group_id"), sender)
                    ),
                null,
                Context
            );
            foreach (var (index, leaf) in members)
            {
                if (index == sender.Value)
                    continue;
                using var keys = Keys(suite, tree, leaf);
                Assert.Equal(
                    made.CommitSecret,
                    TreeKem.Open(suite, tree, keys, sender, made.Path, null, Context(made.Tree)).CommitSecret
                );
            }
        }
    }

    private static PrivateKeys Keys(CipherSuite suite, RatchetTree tree, JsonElement leaf)
    {
        var own = new LeafIndex(leaf.GetProperty("index").GetUInt32());
        var keys = new PrivateKeys(own);
        keys.Set(own.Node, tree.Leaf(own)!.EncryptionKey, leaf.Hex("encryption_priv"));
        foreach (var entry in leaf.GetProperty("path_secrets").EnumerateArray())
        {
            var node = new NodeIndex(entry.GetProperty("node").GetUInt32());
            using var pair = TreeKem.NodeKeyPair(suite, entry.Hex("path_secret"));
            Assert.Equal(tree.Position(node)!.EncryptionKey.ToArray(), pair.PublicKey);
            keys.Set(node, pair.PublicKey, pair.PrivateKey);
        }
        return keys;
    }
}
