using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

using CommitBuilder = MlsConsole.TestKit.CommitBuilder;

/// <summary>RFC 9420 §7.2, §7.3, §11.1 and §13.4: the leaf nodes that a commit brings.</summary>
public sealed class Breaking_leaf_nodes : Breaking<Breaking_leaf_nodes>, IBreaksRules
{
    private static readonly Extension s_id = new(ExtensionType.ApplicationId, default);
    private static readonly Extension s_required = Breaking_group_infos.Required([], [], []);

    public static IReadOnlyList<Broken> Cases { get; } =
    [
        PublicScene.Case(
            Rules.LeafSignature,
            "path leaf signed by another key",
            scene => scene.Commit(),
            (scene, commit) => commit.LeafSignedBy = scene.Mallory
        ),
        Update(
            Rules.LeafSignature,
            "Update signed for another leaf",
            scene => Leaf(scene, scene.Bob, leaf: scene.Group.LeafOf(scene.Carol))
        ),
        Update(
            Rules.LeafSignature,
            "Update signed for another group",
            scene => Leaf(scene, scene.Bob, groupId: [1, 2, 3])
        ),
        PublicScene.Case(
            Rules.LeafKeys,
            "path leaf with an encryption key of low order",
            scene => scene.Commit(),
            (_, commit) => commit.LeafEncryptionKey = new byte[32]
        ),
        Update(
            Rules.LeafKeys,
            "Update with an encryption key too short",
            scene => Leaf(scene, scene.Bob, encryptionKey: new byte[31])
        ),
        PublicScene.Case(
            Rules.LeafCapabilities,
            "path leaf whose capabilities lack its credential type",
            scene => scene.Commit(),
            (_, commit) =>
                commit.Capabilities = TestClient.DefaultCapabilities with { Credentials = new(CredentialType.X509) }
        ),
        Update(
            Rules.LeafCapabilities,
            "Update with an extension that its capabilities lack",
            scene => Leaf(scene, scene.Bob, extensions: new(new Extension(0xF001, default)))
        ),
        Update(
            Rules.ExtensionDuplicate,
            "Update with an extension twice",
            scene => Leaf(scene, scene.Bob, extensions: new(s_id, s_id))
        ),
        Update(
            Rules.ExtensionPlace,
            "Update with external_senders",
            scene => Leaf(scene, scene.Bob, extensions: new(new Extension(ExtensionType.ExternalSenders, default)))
        ),
        PublicScene.Case(
            Rules.LeafSource,
            "path leaf with source update",
            scene => scene.Commit(),
            (_, commit) => commit.LeafSource = LeafNodeSource.Update
        ),
        PublicScene.Case(
            Rules.LeafSource,
            "path leaf with source key_package",
            scene => scene.Commit(),
            (_, commit) => commit.LeafSource = LeafNodeSource.KeyPackage
        ),
        Update(Rules.LeafSource, "Update with source commit", scene => Leaf(scene, scene.Bob, LeafNodeSource.Commit)),
        PublicScene.Case(
            Rules.LeafCredentialSupport,
            "path leaf that does not support the credential of a member",
            AddX509,
            (_, commit) =>
                commit.Capabilities = TestClient.DefaultCapabilities with { Credentials = new(CredentialType.Basic) }
        ),
        PublicScene.Case(
            Rules.LeafX509Key,
            "Add with a certificate for another key",
            AddX509,
            (scene, commit) => AddX509(commit, scene.Mallory, Certificates.Of(scene.Bob))
        ),
        PublicScene.Case(
            Rules.LeafX509Key,
            "Add with a chain of no certificates",
            AddX509,
            (scene, commit) => AddX509(commit, scene.Mallory, Credential.X509([]))
        ),
        PublicScene.Case(
            Rules.LeafX509Key,
            "Add with bytes that are no certificate",
            AddX509,
            (scene, commit) => AddX509(commit, scene.Mallory, Credential.X509([new byte[40]]))
        ),
        PublicScene.Case(
            Rules.LeafGroupExtensions,
            "GroupContextExtensions that members do not support",
            scene => scene.Commit(),
            (_, commit) => commit.With(new GroupContextExtensionsProposal(new(new Extension(0xF001, default))))
        ),
        PublicScene.Case(
            Rules.LeafRequiredCapabilities,
            "required_capabilities that members do not have",
            scene => scene.Commit().With(Requiring([ProposalType.SelfRemove])),
            (scene, _) => scene.Commit().With(Requiring([0xF001]))
        ),
        PublicScene.Case(
            Rules.LeafRequiredCapabilities,
            "path leaf without a required proposal type",
            scene => scene.Commit().With(Requiring([ProposalType.SelfRemove])),
            (_, commit) => commit.Capabilities = TestClient.DefaultCapabilities with { Proposals = new() }
        ),
        PublicScene.Case(
            Rules.LeafRequiredCapabilities,
            "Add without a required proposal type",
            scene => scene.Commit().With(Requiring([ProposalType.SelfRemove])).Add(scene.Mallory),
            (scene, commit) =>
                commit.Add(
                    new TestClient(1, "another").KeyPackage(
                        capabilities: TestClient.DefaultCapabilities with
                        {
                            Proposals = new(),
                        }
                    )
                )
        ),
        PublicScene.Case(
            Rules.ExtensionDuplicate,
            "GroupContextExtensions with an extension twice",
            scene => scene.Commit(),
            (_, commit) => commit.With(new GroupContextExtensionsProposal(new(s_required, s_required)))
        ),
        PublicScene.Case(
            Rules.ExtensionPlace,
            "GroupContextExtensions with application_id",
            scene => scene.Commit(),
            (_, commit) => commit.With(new GroupContextExtensionsProposal(new(s_id)))
        ),
        PublicScene.Case(
            Rules.CodecTruncated,
            "GroupContextExtensions with external_senders that nobody can read",
            scene => scene.Commit(),
            (_, commit) =>
                commit.With(
                    new GroupContextExtensionsProposal(
                        new(new Extension(ExtensionType.ExternalSenders, new byte[] { 9 }))
                    )
                )
        ),
        PublicScene.Case(
            Rules.CodecTruncated,
            "GroupContextExtensions with required_capabilities that nobody can read",
            scene => scene.Commit(),
            (_, commit) =>
                commit.With(
                    new GroupContextExtensionsProposal(
                        new(new Extension(ExtensionType.RequiredCapabilities, new byte[] { 9 }))
                    )
                )
        ),
        PublicScene.Case(
            Rules.ExtensionPlace,
            "ReInit with ratchet_tree",
            scene => scene.Commit().With(ReInit(s_required)),
            (scene, _) => scene.Commit().With(ReInit(new(ExtensionType.RatchetTree, default)))
        ),
        PublicScene.Case(
            Rules.TreeSignatureKeyDuplicate,
            "Add with the signature key of a member",
            scene => scene.Commit(),
            (scene, commit) => commit.Add(scene.Bob.As("another"))
        ),
        PublicScene.Case(
            Rules.TreeSignatureKeyDuplicate,
            "two Adds with one signature key",
            scene => scene.Commit().Add(scene.Mallory),
            (scene, commit) => commit.Add(scene.Mallory.As("another"))
        ),
        Update(
            Rules.TreeEncryptionKeyDuplicate,
            "Update with the encryption key of another member",
            scene => Leaf(scene, scene.Bob, encryptionKey: scene.LeafOf(scene.Carol).EncryptionKey.ToArray())
        ),
    ];

    private static GroupContextExtensionsProposal Requiring(ushort[] proposals) =>
        new(new(Breaking_group_infos.Required([], proposals, [])));

    private static ReInitProposal ReInit(Extension extension) => new(new byte[16], 1, 1, new(extension));

    /// <summary>A commit that adds a member with an X.509 credential, which all members support.</summary>
    private static CommitBuilder AddX509(PublicScene scene)
    {
        var client = new TestClient(1, "x509");
        return AddX509(scene.Commit(), client, Certificates.Of(client));
    }

    private static CommitBuilder AddX509(CommitBuilder commit, TestClient client, Credential credential)
    {
        var leaf = LeafNode.Create(
            client.Suite,
            client.SignatureKey.PrivateKey,
            client.NewKemKey(),
            client.SignatureKey.PublicKey,
            credential,
            TestClient.DefaultCapabilities,
            LeafNodeSource.KeyPackage,
            TestClient.CurrentLifetime()
        );
        return commit.With(
            new AddProposal(
                UnverifiedKeyPackage.Create(client.Suite, client.SignatureKey.PrivateKey, client.NewKemKey(), leaf)
            )
        );
    }

    private static LeafNode Leaf(
        PublicScene scene,
        TestClient client,
        LeafNodeSource source = LeafNodeSource.Update,
        LeafIndex? leaf = null,
        byte[]? groupId = null,
        byte[]? encryptionKey = null,
        Extensions? extensions = null
    ) =>
        LeafNode.Create(
            client.Suite,
            client.SignatureKey.PrivateKey,
            encryptionKey ?? client.NewKemKey(),
            client.SignatureKey.PublicKey,
            client.Credential,
            TestClient.DefaultCapabilities,
            source,
            parentHash: new byte[32],
            place: (groupId ?? scene.Group.Group.GroupId, leaf ?? scene.Group.LeafOf(client)),
            extensions: extensions
        );

    /// <summary>A commit that names an Update of Bob's: one as it should be, and one with the given leaf.</summary>
    private static Broken Update(Rule rule, string name, Func<PublicScene, LeafNode> leaf) =>
        new(
            rule,
            name,
            () =>
            {
                var scene = new PublicScene();
                byte[] wrong = scene.Propose(scene.Bob, new UpdateProposal(leaf(scene))),
                    right = scene.Propose(scene.Bob, scene.Group.UpdateOf(scene.Bob));
                return scene.Attempt(scene.Commit().Reference(wrong).Build(), scene.Commit().Reference(right).Build());
            }
        );
}
