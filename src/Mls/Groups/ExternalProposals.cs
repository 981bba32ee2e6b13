namespace MlsConsole.Mls;

/// <summary>
/// Proposals from outside a group (RFC 9420 §12.1.8). They are sent to the members as PublicMessage, and the members
/// decide whether to commit them.
/// </summary>
public static class ExternalProposals
{
    /// <summary>Makes an Add by which a client asks to be added to a group (sender type new_member_proposal).</summary>
    /// <param name="client">The client that asks.</param>
    /// <param name="keyPackage">The client's key package, for which the Welcome will be encrypted.</param>
    /// <param name="groupId">The id of the group.</param>
    /// <param name="epoch">The group's current epoch.</param>
    /// <returns>The proposal as an MLSMessage.</returns>
    public static byte[] Join(Client client, OwnKeyPackage keyPackage, ReadOnlyMemory<byte> groupId, ulong epoch) =>
        Message(
            client.Suite,
            client.SignatureKey.PrivateKey,
            new(SenderType.NewMemberProposal, 0),
            groupId,
            epoch,
            new AddProposal(UnverifiedKeyPackage.Decode(keyPackage.KeyPackage.Encoded))
        );

    /// <summary>Makes a proposal by a party that the group lists in external_senders.</summary>
    /// <param name="cipherSuite">The group's cipher suite.</param>
    /// <param name="signatureKey">The party's key pair.</param>
    /// <param name="senderIndex">The party's place in external_senders.</param>
    /// <param name="groupId">The id of the group.</param>
    /// <param name="epoch">The group's current epoch.</param>
    /// <param name="proposal">An Add, Remove, PreSharedKey, ReInit or GroupContextExtensions.</param>
    /// <returns>The proposal as an MLSMessage.</returns>
    /// <exception cref="ArgumentException">
    /// Only members may send a proposal of this type, or the private key is malformed.
    /// </exception>
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
        // RFC 9420 §6.1: the GroupContext is not signed by senders that may not know it.
        var signature = suite.SignWithLabel(
            privateKey,
            "FramedContentTBS",
            content.ToBeSigned(WireFormat.PublicMessage, null).WrittenSpan
        );
        return MlsMessage.Of(new PublicMessage(content, new(signature, default), null)).Encode();
    }
}
