namespace MlsConsole.Mls;

/// <summary>Proposals from outside a group (RFC 9420 §12.1.8). They are sent as PublicMessage to the members, who decide whether to commit them.</summary>
public static class ExternalProposals
{
    /// <summary>A client asks to be added (new_member_proposal).</summary>
    /// <param name="client">Who asks.</param>
    /// <param name="keyPackage">Its key package; the Welcome will be for it.</param>
    /// <param name="groupId">The group.</param>
    /// <param name="epoch">The group's current epoch.</param>
    /// <returns>MLSMessage.</returns>
    public static byte[] Join(Client client, OwnKeyPackage keyPackage, ReadOnlyMemory<byte> groupId, ulong epoch) =>
        Message(
            client.Suite,
            client.SignatureKey.PrivateKey,
            new(SenderType.NewMemberProposal, 0),
            groupId,
            epoch,
            new AddProposal(UnverifiedKeyPackage.Decode(keyPackage.KeyPackage.Encoded))
        );

    /// <summary>A party that the group lists in external_senders proposes something.</summary>
    /// <param name="cipherSuite">The group's cipher suite.</param>
    /// <param name="signatureKey">The party's key pair.</param>
    /// <param name="senderIndex">Its place in external_senders.</param>
    /// <param name="groupId">The group.</param>
    /// <param name="epoch">The group's current epoch.</param>
    /// <param name="proposal">Add, Remove, PreSharedKey, ReInit or GroupContextExtensions.</param>
    /// <returns>MLSMessage.</returns>
    /// <exception cref="ArgumentException">Only members may propose it, or the private key is malformed.</exception>
    /// <exception cref="MlsException"><see cref="Rules.CipherSuiteUnsupported"/></exception>
    public static byte[] Send(
        ushort cipherSuite,
        SecretKeyPair signatureKey,
        uint senderIndex,
        ReadOnlyMemory<byte> groupId,
        ulong epoch,
        Proposal proposal
    )
    {
        if (proposal is UpdateProposal or SelfRemoveProposal or ExternalInitProposal)
            throw new ArgumentException("Not a proposal for an external sender.", nameof(proposal));
        return Message(
            CipherSuite.Get(cipherSuite),
            signatureKey.PrivateKey,
            new(SenderType.External, senderIndex),
            groupId,
            epoch,
            proposal
        );
    }

    private static byte[] Message(
        CipherSuite suite,
        byte[] privateKey,
        Sender sender,
        ReadOnlyMemory<byte> groupId,
        ulong epoch,
        Proposal proposal
    )
    {
        var content = FramedContent.Create(groupId.Span, epoch, sender, [], ContentType.Proposal, proposal.Write);
        // §6.1: the GroupContext is not signed by those who may not know it.
        var signature = suite.SignWithLabel(
            privateKey,
            "FramedContentTBS",
            content.ToBeSigned(WireFormat.PublicMessage, null).WrittenSpan
        );
        return MlsMessage.Of(new PublicMessage(content, new(signature, default), null)).Encode();
    }
}
