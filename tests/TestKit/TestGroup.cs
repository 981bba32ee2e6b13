using System.Security.Cryptography;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>
/// The public state of a group in one epoch, with a GroupInfo of the epoch. It is immutable, like the
/// <see cref="PublicGroup"/> inside.
/// </summary>
public sealed record TestGroup(PublicGroup Group, byte[] GroupInfo)
{
    public CipherSuite Suite => CipherSuite.Get(Group.CipherSuite);
    public byte[] RatchetTree => Group.EncodeRatchetTree();

    /// <summary>A group of one member in epoch 0, its GroupInfo with the tree inside.</summary>
    public static TestGroup Create(
        TestClient creator,
        byte[]? groupId = null,
        Extensions? extensions = null,
        LeafNodeSource source = LeafNodeSource.KeyPackage
    )
    {
        groupId ??= RandomNumberGenerator.GetBytes(16);
        var leaf = LeafNode.Create(
            creator.Suite,
            creator.SignatureKey.PrivateKey,
            creator.NewKemKey(),
            creator.SignatureKey.PublicKey,
            creator.Credential,
            TestClient.DefaultCapabilities,
            source,
            TestClient.CurrentLifetime(),
            default,
            (groupId, default)
        );
        var tree = new TlsWriter();
        int start = tree.BeginVector();
        tree.WritePresence(true).WriteUInt8(1).WriteRaw(leaf.Encoded.Span);
        var encoded = tree.EndVector(start).ToArray();
        var hash = MlsConsole.Mls.RatchetTree.Decode(creator.Suite, encoded).Hash;
        var context = new GroupContext(creator.Suite.Id, groupId, 0, hash, default, extensions ?? Extensions.None);
        var groupInfo = SignGroupInfo(
            creator,
            context,
            RandomNumberGenerator.GetBytes(creator.Suite.HashLength),
            default,
            encoded
        );
        return new(PublicGroup.FromGroupInfo(groupInfo, null), MlsMessage.Of(groupInfo).Encode());
    }

    /// <summary>Signs a GroupInfo with a random external_pub.</summary>
    public static UnverifiedGroupInfo SignGroupInfo(
        TestClient signer,
        GroupContext context,
        ReadOnlySpan<byte> confirmationTag,
        LeafIndex leaf,
        ReadOnlyMemory<byte>? tree = null,
        byte[]? externalPub = null,
        bool omitExternalPub = false,
        int padding = 0
    )
    {
        var extensions = new List<Extension>();
        if (!omitExternalPub)
            extensions.Add(
                new(ExtensionType.ExternalPub, new TlsWriter().WriteOpaque(externalPub ?? signer.NewKemKey()).ToArray())
            );
        if (tree is { } inside)
            extensions.Add(new(ExtensionType.RatchetTree, inside));
        if (padding > 0)
            // An extension of GREASE (RFC 9420 §13.5), which clients that do not know it must ignore.
            extensions.Add(new(0x7A7A, new byte[padding]));
        return UnverifiedGroupInfo.Create(
            signer.Suite,
            signer.SignatureKey.PrivateKey,
            context,
            new([.. extensions]),
            confirmationTag,
            leaf
        );
    }

    /// <summary>
    /// Makes another GroupInfo of the epoch, as an MLSMessage. It has the same external_pub unless another one is
    /// given.
    /// </summary>
    public byte[] GroupInfoBy(TestClient signer, byte[]? externalPub = null, int padding = 0) =>
        MlsMessage
            .Of(
                SignGroupInfo(
                    signer,
                    Group.Context,
                    Group.ConfirmationTag.Span,
                    LeafOf(signer),
                    RatchetTree,
                    externalPub ?? UnverifiedGroupInfo.Decode(GroupInfo).ExternalPublicKey!.Value.ToArray(),
                    padding: padding
                )
            )
            .Encode();

    /// <summary>The leaf of a client, by its signature key.</summary>
    public LeafIndex LeafOf(TestClient client) =>
        Group.Members.First(member => member.Leaf.SignatureKey.Span.SequenceEqual(client.SignatureKey.PublicKey)).Index;

    public CommitBuilder Commit(TestClient committer) => new(this, committer, external: false);

    public CommitBuilder ExternalCommit(TestClient joiner) => new(this, joiner, external: true);
}
