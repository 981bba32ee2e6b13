namespace MlsConsole.Mls;

public sealed partial class PublicGroup
{
    /// <summary>
    /// Checks the group id, epoch, sender, tags and signature of a handshake message (RFC 9420 §6.1, §6.2).
    /// </summary>
    /// <remarks>
    /// To verify the membership tag takes a group secret; here only its presence and length are checked.
    /// </remarks>
    /// <exception cref="MlsException">The rule that the message breaks.</exception>
    public AuthenticatedContent Authenticate(PublicMessage message)
    {
        var content = message.Content;
        // RFC 9420 §6.2: "applications MUST use PrivateMessage to encrypt application messages"
        MlsException.Require(content.ContentType != ContentType.Application, Rules.FramingApplicationInClear);
        MlsException.Require(content.GroupId.Span.SequenceEqual(GroupId.Span), Rules.FramingGroupId);
        MlsException.Require(content.Epoch == Epoch, Rules.FramingEpoch);
        MlsException.Require(ReInit is null, Rules.GroupReInitialized);
        MlsException.Require(
            message.MembershipTag is not { } tag || tag.Length == Suite.HashLength,
            Rules.FramingMembershipTag
        );
        var authenticated = new AuthenticatedContent(WireFormat.PublicMessage, content, message.Auth);
        VerifySignature(authenticated);
        return authenticated;
    }

    /// <summary>Verifies the signature with the key that RFC 9420 §6.1 prescribes for the kind of sender.</summary>
    internal void VerifySignature(AuthenticatedContent message)
    {
        var content = message.Content;
        if (content.ContentType == ContentType.Commit)
            MlsException.Require(message.Auth.ConfirmationTag.Length == Suite.HashLength, Rules.FramingConfirmationTag);
        var key = SenderKey(content);
        var tbs = content.ToBeSigned(message.WireFormat, Context);
        MlsException.Require(
            Suite.VerifyWithLabel(key.Span, "FramedContentTBS", tbs.WrittenSpan, message.Auth.Signature.Span),
            Rules.FramingSignature
        );
    }

    private ReadOnlyMemory<byte> SenderKey(FramedContent content)
    {
        switch (content.Sender.Type)
        {
            case SenderType.Member:
                var leaf = Tree.Leaf(new(content.Sender.Index));
                MlsException.Require(leaf is not null, Rules.FramingSender);
                return leaf.SignatureKey;
            case SenderType.External:
                MlsException.Require(content.ContentType == ContentType.Proposal, Rules.FramingSenderType);
                // RFC 9420 §12.1.8: "proposal types other than the above MUST be rejected as malformed"
                MlsException.Require(
                    content.Proposal
                        is AddProposal
                            or RemoveProposal
                            or PreSharedKeyProposal
                            or ReInitProposal
                            or GroupContextExtensionsProposal,
                    Rules.ProposalSender
                );
                var senders = ExternalSender.Of(Context.Extensions);
                MlsException.Require(content.Sender.Index < senders.Count, Rules.FramingSender);
                return senders[(int)content.Sender.Index].SignatureKey;
            case SenderType.NewMemberProposal:
                // RFC 9420 §12.1.8: the signature key is that of the KeyPackage in the Add.
                MlsException.Require(content.Proposal is AddProposal, Rules.FramingSenderType);
                return ((AddProposal)content.Proposal).KeyPackage.LeafNode.SignatureKey;
            default:
                // RFC 9420 §12.4.3.2: "MUST verify using the public key for the credential in the leaf_node of the
                // path"
                MlsException.Require(content.ContentType == ContentType.Commit, Rules.FramingSenderType);
                MlsException.Require(content.Commit!.Path is not null, Rules.ExternalCommitPathMissing);
                return content.Commit.Path.LeafNode.SignatureKey;
        }
    }
}
