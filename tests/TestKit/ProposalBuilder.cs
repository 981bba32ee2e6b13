using System.Security.Cryptography;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>Proposals as signed PublicMessages.</summary>
public static class ProposalBuilder
{
    /// <summary>A member's proposal.</summary>
    public static byte[] Propose(this TestGroup group, TestClient member, Proposal proposal) =>
        Sign(group, member, new(SenderType.Member, group.LeafOf(member)), proposal);

    /// <summary>A proposal of any sender, signed by the client.</summary>
    public static byte[] Sign(
        TestGroup group,
        TestClient signer,
        Sender sender,
        Proposal proposal,
        int membershipTagLength = 0
    )
    {
        var suite = group.Suite;
        var content = FramedContent.Create(
            group.Group.GroupId.Span,
            group.Group.Epoch,
            sender,
            [],
            ContentType.Proposal,
            proposal.Write
        );
        var signature = suite.SignWithLabel(
            signer.SignatureKey.PrivateKey,
            "FramedContentTBS",
            content.ToBeSigned(WireFormat.PublicMessage, group.Group.Context).WrittenSpan
        );
        var tag =
            sender.Type == SenderType.Member
                ? RandomNumberGenerator.GetBytes(suite.HashLength + membershipTagLength)
                : default(ReadOnlyMemory<byte>?);
        return MlsMessage.Of(new PublicMessage(content, new(signature, default), tag)).Encode();
    }

    /// <summary>An Update of the member's own leaf.</summary>
    public static UpdateProposal UpdateOf(this TestGroup group, TestClient member, byte[]? encryptionKey = null) =>
        new(
            LeafNode.Create(
                group.Suite,
                member.SignatureKey.PrivateKey,
                encryptionKey ?? member.NewKemKey(),
                member.SignatureKey.PublicKey,
                member.Credential,
                TestClient.DefaultCapabilities,
                LeafNodeSource.Update,
                place: (group.Group.GroupId, group.LeafOf(member))
            )
        );

    /// <summary>A Welcome with one random entry for each key package: only its members can tell.</summary>
    public static byte[] RandomWelcome(CipherSuite suite, params byte[][] keyPackages)
    {
        var secrets = keyPackages
            .Select(bytes => new EncryptedGroupSecrets(
                suite.KeyPackageReference(UnverifiedKeyPackage.Decode(bytes).Encoded.Span),
                new(RandomNumberGenerator.GetBytes(suite.KemOutputLength), RandomNumberGenerator.GetBytes(100))
            ))
            .ToList();
        return MlsMessage.Of(new Welcome(suite.Id, secrets, RandomNumberGenerator.GetBytes(500))).Encode();
    }

    /// <summary>A PrivateMessage of random content.</summary>
    public static byte[] RandomPrivateMessage(
        TestGroup group,
        ulong? epoch = null,
        ContentType type = ContentType.Application,
        int length = 120
    )
    {
        var writer = new TlsWriter()
            .WriteUInt16(1)
            .WriteUInt16((ushort)WireFormat.PrivateMessage)
            .WriteOpaque(group.Group.GroupId.Span)
            .WriteUInt64(epoch ?? group.Group.Epoch)
            .WriteUInt8((byte)type)
            .WriteOpaque([])
            .WriteOpaque(RandomNumberGenerator.GetBytes(40))
            .WriteOpaque(RandomNumberGenerator.GetBytes(length));
        return writer.ToArray();
    }
}
