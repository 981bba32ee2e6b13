using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>Signs, hashes and encrypts anew what a fuzzer has changed, with the keys of the scene.</summary>
internal sealed class FuzzMending(FuzzScene scene)
{
    private readonly CipherSuite _suite = scene.Suite;

    /// <summary>Leaf and key package signed by the reader, whose signature key is put in.</summary>
    public UnverifiedKeyPackage Sign(UnverifiedKeyPackage package)
    {
        if (package.CipherSuite != _suite.Id)
            return package;
        var (leaf, key) = (package.LeafNode, scene.ReaderClient.SignatureKey);
        var signed = LeafNode.Create(
            _suite,
            key.PrivateKey,
            leaf.EncryptionKey.Span,
            key.PublicKey,
            leaf.Credential,
            leaf.Capabilities,
            leaf.Source,
            leaf.Lifetime,
            leaf.ParentHash,
            (scene.Group.GroupId, new(0)),
            leaf.Extensions
        );
        return UnverifiedKeyPackage.Create(_suite, key.PrivateKey, package.InitKey.Span, signed, package.Extensions);
    }

    /// <summary>
    /// Puts the hash of the tree inside the GroupInfo, whatever the tree is now, into its GroupContext, and signs the
    /// GroupInfo with the key of the signer that it names.
    /// </summary>
    public UnverifiedGroupInfo Sign(UnverifiedGroupInfo info)
    {
        if (info.GroupContext.CipherSuite != _suite.Id || !scene.SignatureKeys.TryGetValue(info.Signer, out var key))
            return info;
        var context = info.GroupContext;
        var hash = info.RatchetTree is { } tree ? RatchetTree.Decode(_suite, tree).Hash : context.TreeHash;
        return UnverifiedGroupInfo.Create(
            _suite,
            key,
            new(_suite.Id, context.GroupId, context.Epoch, hash, context.ConfirmedTranscriptHash, context.Extensions),
            info.Extensions,
            info.ConfirmationTag.Span,
            info.Signer
        );
    }

    /// <summary>A Welcome to the reader around <c>opaque group_secrets&lt;V&gt;; GroupInfo group_info;</c>.</summary>
    public Welcome EncryptWelcome(byte[] bytes)
    {
        var reader = new TlsReader(bytes);
        var encoded = reader.ReadOpaque();
        ReadOnlyMemory<byte> info = bytes.AsMemory(reader.Position);
        var secrets = GroupSecrets.Decode(encoded);
        try
        {
            info = Sign(UnverifiedGroupInfo.Decode(info)).Encoded;
        }
        catch (MlsException)
        {
            // Not a GroupInfo any more: encrypted as it is, for the decoder behind the decryption.
        }
        var (key, nonce) = WelcomeSecrets.KeyAndNonce(
            _suite,
            secrets.JoinerSecret.Span,
            scene.PreSharedKeySecretOf(secrets.PreSharedKeys)
        );
        var encrypted = _suite.AeadSeal(key, nonce, [], info.Span);
        var (kemOutput, ciphertext) = _suite.EncryptWithLabel(
            scene.KeyPackage.InitKey.Span,
            "Welcome",
            encrypted,
            encoded.Span
        );
        return new(_suite.Id, [new(scene.KeyPackage.Reference, new(kemOutput, ciphertext))], encrypted);
    }

    /// <summary>
    /// Makes a PublicMessage for the scene's group and epoch, in which the leaf of the path, the content and the
    /// membership tag are made anew. The confirmation tag stays.
    /// </summary>
    public byte[] Sign(MlsMessage message)
    {
        if (message.PublicMessage is not { } given)
            return message.Encode();
        var (content, sender) = (given.Content, given.Content.Sender);
        var key =
            sender.Type == SenderType.NewMemberCommit
                ? scene.Joiner.SignatureKey.PrivateKey
                : scene.SignatureKeys.GetValueOrDefault(new(sender.Index));
        if (key is null)
            return message.Encode();
        Action<TlsWriter> write = content.ContentType switch
        {
            ContentType.Commit => WithSignedLeaf(content, key).Write,
            ContentType.Proposal => content.Proposal!.Write,
            _ => writer => writer.WriteOpaque(content.ApplicationData.Span),
        };
        content = FramedContent.Create(
            scene.Group.GroupId.Span,
            scene.Group.Epoch,
            sender,
            content.AuthenticatedData.Span,
            content.ContentType,
            write
        );
        var auth = given.Auth with
        {
            Signature = _suite.SignWithLabel(
                key,
                "FramedContentTBS",
                content.ToBeSigned(WireFormat.PublicMessage, scene.Group.Context).WrittenSpan
            ),
        };
        var tag =
            sender.Type == SenderType.Member
                ? MessageProtection.MembershipTag(
                    _suite,
                    scene.Secrets.MembershipKey,
                    content,
                    auth,
                    scene.Group.Context
                )
                : default(ReadOnlyMemory<byte>?);
        return MlsMessage.Of(new PublicMessage(content, auth, tag)).Encode();
    }

    private Commit WithSignedLeaf(FramedContent content, byte[] key)
    {
        var commit = content.Commit!;
        if (commit.Path is not { LeafNode: { Source: LeafNodeSource.Commit } leaf } path)
            return commit;
        var place =
            content.Sender.Type == SenderType.Member ? new LeafIndex(content.Sender.Index) : JoinersPlace(commit);
        var signed = LeafNode.Create(
            _suite,
            key,
            leaf.EncryptionKey.Span,
            leaf.SignatureKey.Span,
            leaf.Credential,
            leaf.Capabilities,
            LeafNodeSource.Commit,
            null,
            leaf.ParentHash,
            (scene.Group.GroupId, place),
            leaf.Extensions
        );
        return new(commit.Proposals, path with { LeafNode = signed });
    }

    private LeafIndex JoinersPlace(Commit commit)
    {
        var removed = commit
            .Proposals.Select(item => item.Proposal)
            .OfType<RemoveProposal>()
            .Select(remove => remove.Removed)
            .ToHashSet();
        uint place = 0;
        while (scene.Group.Leaf(new(place)) is not null && !removed.Contains(new(place)))
            place++;
        return new(place);
    }

    /// <summary>
    /// Encrypts a PrivateMessage of the first member with the content <c>uint8 content_type;</c> and the body of a
    /// FramedContent, whatever the body is.
    /// </summary>
    public byte[] EncryptMessage(byte[] bytes)
    {
        var reader = new TlsReader(bytes);
        var type = (ContentType)reader.ReadUInt8();
        var body = bytes.AsMemory(reader.Position);
        if (type is < ContentType.Application or > ContentType.Commit)
            type = ContentType.Application;
        var sender = new Sender(SenderType.Member, 0);
        var content = FramedContent.Create(
            scene.Group.GroupId.Span,
            scene.Group.Epoch,
            sender,
            [],
            type,
            writer => writer.WriteRaw(body.Span)
        );
        var signature = _suite.SignWithLabel(
            scene.SignatureKeys[new(0)],
            "FramedContentTBS",
            content.ToBeSigned(WireFormat.PrivateMessage, scene.Group.Context).WrittenSpan
        );
        using var tree = new SecretTree(_suite, scene.Group.Tree.LeafCount, scene.Secrets.Encryption);
        var auth = new FramedContentAuthData(
            signature,
            type == ContentType.Commit ? new byte[_suite.HashLength] : default
        );
        return MlsMessage.Of(MessageProtection.Encrypt(_suite, scene.Secrets.SenderData, tree, content, auth)).Encode();
    }
}
