using System.Security.Cryptography;

namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>The membership tag is not the right MAC.</summary>
    public static readonly Rule MembershipTag = new(
        "framing.membership-tag-mac",
        "§6.2",
        "The membership tag of a member's PublicMessage is the MAC over AuthenticatedContentTBM."
    );

    /// <summary>The padding of a PrivateMessage is not zero.</summary>
    public static readonly Rule FramingPadding = new(
        "framing.padding",
        "§6.3.1",
        "The padding of a PrivateMessage is all zero."
    );
}

/// <summary>Protects and opens the messages of an epoch with its secrets, RFC 9420 §6.2 and §6.3.</summary>
internal static class MessageProtection
{
    /// <summary>membership_tag = MAC(membership_key, AuthenticatedContentTBM), RFC 9420 §6.2.</summary>
    public static byte[] MembershipTag(
        CipherSuite suite,
        ReadOnlySpan<byte> membershipKey,
        FramedContent content,
        FramedContentAuthData auth,
        GroupContext context
    )
    {
        var tbm = content.ToBeSigned(WireFormat.PublicMessage, context);
        auth.Write(tbm, content.ContentType);
        return suite.Mac(membershipKey, tbm.WrittenSpan);
    }

    /// <exception cref="MlsException"><see cref="Rules.MembershipTag"/></exception>
    public static void VerifyMembershipTag(
        CipherSuite suite,
        ReadOnlySpan<byte> membershipKey,
        PublicMessage message,
        GroupContext context
    )
    {
        if (message.MembershipTag is not { } tag)
            return;
        var expected = MembershipTag(suite, membershipKey, message.Content, message.Auth, context);
        MlsException.Require(CryptographicOperations.FixedTimeEquals(expected, tag.Span), Rules.MembershipTag);
    }

    /// <summary>Encrypts the signed content of a member as a PrivateMessage (RFC 9420 §6.3).</summary>
    public static PrivateMessage Encrypt(
        CipherSuite suite,
        ReadOnlySpan<byte> senderDataSecret,
        SecretTree tree,
        FramedContent content,
        FramedContentAuthData auth,
        int paddingTo = 0
    )
    {
        var leaf = new LeafIndex(content.Sender.Index);
        bool handshake = content.ContentType != ContentType.Application;
        var (generation, key, nonce) = tree.Next(leaf, handshake);
        var reuseGuard = RandomNumberGenerator.GetBytes(4);
        ApplyReuseGuard(nonce, reuseGuard);

        var plaintext = new TlsWriter(content.Encoded.Length + 160);
        content.WriteBody(plaintext);
        auth.Write(plaintext, content.ContentType);
        if (paddingTo > 0 && plaintext.Length % paddingTo != 0)
            plaintext.WriteRaw(new byte[paddingTo - plaintext.Length % paddingTo]);
        var ciphertext = suite.AeadSeal(
            key,
            nonce,
            ContentAad(content.GroupId.Span, content.Epoch, content.ContentType, content.AuthenticatedData.Span),
            plaintext.WrittenSpan
        );
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(nonce);

        var senderData = new TlsWriter(16).WriteUInt32(leaf).WriteUInt32(generation).WriteRaw(reuseGuard);
        var (senderKey, senderNonce) = SenderDataKey(suite, senderDataSecret, ciphertext);
        var encryptedSenderData = suite.AeadSeal(
            senderKey,
            senderNonce,
            SenderDataAad(content.GroupId.Span, content.Epoch, content.ContentType),
            senderData.WrittenSpan
        );
        CryptographicOperations.ZeroMemory(senderKey);
        return new(
            content.GroupId,
            content.Epoch,
            content.ContentType,
            content.AuthenticatedData,
            encryptedSenderData,
            ciphertext
        );
    }

    /// <summary>
    /// Decrypts the sender data of a message (RFC 9420 §6.3.2): who sent the message, and the generation of its key.
    /// </summary>
    /// <exception cref="MlsException">The sender data cannot be decrypted.</exception>
    public static SenderData OpenSenderData(
        CipherSuite suite,
        ReadOnlySpan<byte> senderDataSecret,
        PrivateMessage message
    )
    {
        var (key, nonce) = SenderDataKey(suite, senderDataSecret, message.Ciphertext.Span);
        var reader = new TlsReader(
            suite.AeadOpen(
                key,
                nonce,
                SenderDataAad(message.GroupId.Span, message.Epoch, message.ContentType),
                message.EncryptedSenderData.Span
            )
        );
        var sender = new SenderData(
            new(reader.ReadUInt32()),
            reader.ReadUInt32(),
            [reader.ReadUInt8(), reader.ReadUInt8(), reader.ReadUInt8(), reader.ReadUInt8()]
        );
        reader.RequireEnd();
        return sender;
    }

    /// <summary>
    /// Decrypts a message. The caller verifies its signature, and then calls <see cref="Opened.Consume"/> to delete the
    /// key.
    /// </summary>
    /// <exception cref="MlsException">The message cannot be decrypted.</exception>
    public static Opened Decrypt(CipherSuite suite, SenderData sender, SecretTree tree, PrivateMessage message)
    {
        bool handshake = message.ContentType != ContentType.Application;
        var (key, nonce) = tree.Get(sender.Leaf, handshake, sender.Generation);
        var guarded = (byte[])nonce.Clone();
        ApplyReuseGuard(guarded, sender.ReuseGuard);
        var plaintext = suite.AeadOpen(
            key,
            guarded,
            ContentAad(message.GroupId.Span, message.Epoch, message.ContentType, message.AuthenticatedData.Span),
            message.Ciphertext.Span
        );

        var reader = new TlsReader(plaintext);
        var content = FramedContent.ReadBody(
            ref reader,
            message.GroupId.Span,
            message.Epoch,
            new(SenderType.Member, sender.Leaf),
            message.AuthenticatedData.Span,
            message.ContentType
        );
        var auth = FramedContentAuthData.Read(ref reader, message.ContentType);
        while (!reader.AtEnd)
            MlsException.Require(reader.ReadUInt8() == 0, Rules.FramingPadding);
        return new(
            new(WireFormat.PrivateMessage, content, auth),
            () => tree.Consume(sender.Leaf, handshake, sender.Generation)
        );
    }

    /// <summary>
    /// RFC 9420 §6.3.2: <c>struct { uint32 leaf_index; uint32 generation; opaque reuse_guard[4]; } SenderData;</c>
    /// </summary>
    public sealed record SenderData(LeafIndex Leaf, uint Generation, byte[] ReuseGuard);

    /// <summary>A decrypted message, and the function that deletes the key with which it was decrypted.</summary>
    public sealed record Opened(AuthenticatedContent Content, Action Consume);

    private static void ApplyReuseGuard(byte[] nonce, byte[] reuseGuard)
    {
        for (int i = 0; i < reuseGuard.Length; i++)
            nonce[i] ^= reuseGuard[i];
    }

    // RFC 9420 §6.3.2: the sample is the first Nh bytes of the ciphertext.
    internal static (byte[] Key, byte[] Nonce) SenderDataKey(
        CipherSuite suite,
        ReadOnlySpan<byte> senderDataSecret,
        ReadOnlySpan<byte> ciphertext
    )
    {
        var sample = ciphertext[..Math.Min(ciphertext.Length, suite.HashLength)];
        return (
            suite.ExpandWithLabel(senderDataSecret, "key", sample, suite.AeadKeyLength),
            suite.ExpandWithLabel(senderDataSecret, "nonce", sample, suite.AeadNonceLength)
        );
    }

    private static ReadOnlySpan<byte> ContentAad(
        ReadOnlySpan<byte> groupId,
        ulong epoch,
        ContentType type,
        ReadOnlySpan<byte> authenticatedData
    ) =>
        new TlsWriter(128)
            .WriteOpaque(groupId)
            .WriteUInt64(epoch)
            .WriteUInt8((byte)type)
            .WriteOpaque(authenticatedData)
            .WrittenSpan;

    private static ReadOnlySpan<byte> SenderDataAad(ReadOnlySpan<byte> groupId, ulong epoch, ContentType type) =>
        new TlsWriter(128).WriteOpaque(groupId).WriteUInt64(epoch).WriteUInt8((byte)type).WrittenSpan;
}
