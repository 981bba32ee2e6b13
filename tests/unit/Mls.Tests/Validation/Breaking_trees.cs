using System.Security.Cryptography;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §7.1, §7.9.2, §12.4.3.1 and §12.4.3.3: the ratchet tree that one who joins is given.</summary>
/// <remarks>
/// The tree hash and the signature of the GroupInfo are those of the broken tree, if the broken tree has a hash.
/// </remarks>
public sealed class Breaking_trees : Breaking<Breaking_trees>, IBreaksRules
{
    // Positions of a tree of four leaves, the last one blank: leaves 0, 2, 4; parents 1, 3 (the root) and 5.
    private const int Root = 3,
        LeftParent = 1;

    public static IReadOnlyList<Broken> Cases { get; } =
    [
        Tree(
            Rules.TreeUnmergedOrder,
            "unmerged leaves in falling order",
            (_, nodes) => nodes[Root] = Unmerged(nodes[Root]!, 2, 1)
        ),
        Tree(
            Rules.TreeUnmergedOrder,
            "an unmerged leaf twice",
            (_, nodes) => nodes[Root] = Unmerged(nodes[Root]!, 1, 1)
        ),
        Tree(Rules.TreeUnmergedLeaf, "a blank unmerged leaf", (_, nodes) => nodes[Root] = Unmerged(nodes[Root]!, 3)),
        Tree(
            Rules.TreeUnmergedLeaf,
            "an unmerged leaf outside the tree",
            (_, nodes) => nodes[Root] = Unmerged(nodes[Root]!, 9)
        ),
        Tree(
            Rules.TreeUnmergedLeaf,
            "an unmerged leaf of the other half",
            (_, nodes) => nodes[LeftParent] = Unmerged(nodes[LeftParent]!, 2)
        ),
        Tree(
            Rules.TreeUnmergedLeaf,
            "an unmerged leaf that a node between does not list",
            (_, nodes) => nodes[Root] = Unmerged(nodes[Root]!, 1)
        ),
        Tree(Rules.TreeNodeType, "a parent at the place of a leaf", (_, nodes) => nodes[2] = nodes[LeftParent]),
        Tree(Rules.TreeNodeType, "a leaf at the place of a parent", (_, nodes) => nodes[LeftParent] = nodes[2]),
        Tree(Rules.TreeTrailingBlank, "a blank node at the end", (_, nodes) => nodes.Add(null)),
        Tree(
            Rules.TreeTrailingBlank,
            "nothing but a parent at the end",
            (_, nodes) =>
            {
                nodes[4] = null;
                nodes.Add(nodes[Root]);
            }
        ),
        Tree(Rules.TreeEmpty, "no nodes", (_, nodes) => nodes.Clear()),
        Tree(
            Rules.TreeEmpty,
            "blank nodes alone",
            (_, nodes) =>
            {
                for (int i = 0; i < nodes.Count; i++)
                    nodes[i] = null;
            }
        ),
        Tree(
            Rules.TreeParentHash,
            "a parent with another key",
            (scene, nodes) => nodes[Root] = Parent(nodes[Root]!, node => new(scene.Alice.NewKemKey(), node.ParentHash))
        ),
        Tree(
            Rules.TreeParentHash,
            "a parent with another parent hash",
            (_, nodes) =>
                nodes[LeftParent] = Parent(
                    nodes[LeftParent]!,
                    node => new(node.EncryptionKey, RandomNumberGenerator.GetBytes(32))
                )
        ),
        Tree(
            Rules.TreeParentHash,
            "a parent that nobody set",
            (scene, nodes) =>
            {
                nodes.Add(Encode(new ParentNode(scene.Alice.NewKemKey(), default)));
                nodes.Add(Leaf(scene));
            }
        ),
        Tree(
            Rules.TreeEncryptionKeyDuplicate,
            "a parent with the key of a leaf",
            (scene, nodes) =>
                nodes[Root] = Parent(nodes[Root]!, node => new(scene.LeafOf(scene.Bob).EncryptionKey, node.ParentHash))
        ),
        Tree(
            Rules.TreeEncryptionKeyDuplicate,
            "two parents with one key",
            (_, nodes) => nodes[Root] = Parent(nodes[LeftParent]!, node => node)
        ),
        Tree(
            Rules.TreeSignatureKeyDuplicate,
            "two leaves with one signature key",
            (scene, nodes) => Add(nodes, Leaf(scene, scene.Bob)),
            added: true
        ),
        Tree(
            Rules.TreeEncryptionKey,
            "a parent with a key of low order",
            (_, nodes) => nodes[Root] = Parent(nodes[Root]!, node => new(new byte[32], node.ParentHash))
        ),
        Tree(
            Rules.LeafSignature,
            "a leaf that another key signed",
            (scene, nodes) => Add(nodes, Leaf(scene, signedBy: scene.Alice)),
            added: true
        ),
        Tree(
            Rules.LeafKeys,
            "a leaf with an encryption key of low order",
            (scene, nodes) => Add(nodes, Leaf(scene, encryptionKey: new byte[32])),
            added: true
        ),
        Tree(
            Rules.LeafCredentialSupport,
            "a leaf that does not support the others' credentials",
            (scene, nodes) =>
                Add(
                    nodes,
                    Leaf(
                        scene,
                        credential: Certificates.Of(scene.Mallory),
                        capabilities: TestClient.DefaultCapabilities with
                        {
                            Credentials = new(CredentialType.X509),
                        }
                    )
                ),
            added: true
        ),
    ];

    private static Broken Tree(Rule rule, string name, Action<PublicScene, List<byte[]?>> spoil, bool added = false) =>
        new(
            rule,
            name,
            () =>
            {
                var scene = new PublicScene();
                List<byte[]?> broken = Nodes(scene.Group.RatchetTree),
                    control = Nodes(scene.Group.RatchetTree);
                spoil(scene, broken);
                if (added)
                    Add(control, Leaf(scene));
                UnverifiedGroupInfo wrong = GroupInfo(scene, Encode(broken)),
                    right = GroupInfo(scene, Encode(control));
                return new(() => PublicGroup.FromGroupInfo(wrong, null), () => PublicGroup.FromGroupInfo(right, null));
            }
        );

    private static UnverifiedGroupInfo GroupInfo(PublicScene scene, byte[] tree)
    {
        var now = scene.Group.Group;
        byte[] hash;
        try
        {
            hash = RatchetTree.Decode(scene.Alice.Suite, tree).Hash.ToArray();
        }
        catch (MlsException)
        {
            hash = new byte[32]; // what does not decode has no hash
        }
        var context = new GroupContext(
            1,
            now.GroupId,
            now.Epoch,
            hash,
            now.Context.ConfirmedTranscriptHash,
            Extensions.None
        );
        return TestGroup.SignGroupInfo(
            scene.Alice,
            context,
            now.ConfirmationTag.Span,
            scene.Group.LeafOf(scene.Alice),
            tree
        );
    }

    /// <summary>The nodes of an encoded tree with their type, null for blank ones.</summary>
    private static List<byte[]?> Nodes(byte[] tree)
    {
        var nodes = new List<byte[]?>();
        var reader = new TlsReader(tree).ReadVector();
        while (!reader.AtEnd)
        {
            if (!reader.ReadPresence())
            {
                nodes.Add(null);
                continue;
            }
            int start = reader.Position;
            if (reader.ReadUInt8() == 1)
                LeafNode.Read(ref reader);
            else
                ParentNode.Read(ref reader);
            nodes.Add(reader.Since(start).ToArray());
        }
        return nodes;
    }

    private static byte[] Encode(List<byte[]?> nodes)
    {
        var writer = new TlsWriter();
        int start = writer.BeginVector();
        foreach (var node in nodes)
        {
            writer.WritePresence(node is not null);
            writer.WriteRaw(node);
        }
        return writer.EndVector(start).ToArray();
    }

    private static byte[] Encode(ParentNode node)
    {
        var writer = new TlsWriter().WriteUInt8(2);
        node.Write(writer);
        return writer.ToArray();
    }

    private static byte[] Parent(byte[] encoded, Func<ParentNode, ParentNode> change)
    {
        var reader = new TlsReader(encoded.AsMemory(1));
        return Encode(change(ParentNode.Read(ref reader)));
    }

    private static byte[] Unmerged(byte[] encoded, params uint[] leaves) =>
        Parent(
            encoded,
            node => new(node.EncryptionKey, node.ParentHash, [.. leaves.Select(leaf => new LeafIndex(leaf))])
        );

    /// <summary>Puts a leaf at the fourth place as an Add does: unmerged at the root.</summary>
    private static void Add(List<byte[]?> nodes, byte[] leaf)
    {
        nodes[Root] = Unmerged(nodes[Root]!, 3);
        nodes.Add(null);
        nodes.Add(leaf);
    }

    /// <summary>A leaf as an Add would bring it.</summary>
    private static byte[] Leaf(
        PublicScene scene,
        TestClient? client = null,
        TestClient? signedBy = null,
        byte[]? encryptionKey = null,
        Credential? credential = null,
        Capabilities? capabilities = null
    )
    {
        client ??= scene.Mallory;
        var leaf = LeafNode.Create(
            client.Suite,
            (signedBy ?? client).SignatureKey.PrivateKey,
            encryptionKey ?? client.NewKemKey(),
            client.SignatureKey.PublicKey,
            credential ?? client.Credential,
            capabilities ?? TestClient.DefaultCapabilities,
            LeafNodeSource.KeyPackage,
            TestClient.CurrentLifetime()
        );
        return new TlsWriter().WriteUInt8(1).WriteRaw(leaf.Encoded.Span).ToArray();
    }
}
