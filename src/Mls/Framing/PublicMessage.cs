namespace MlsConsole.Mls;

/// <summary>A signed message in the clear, not yet authenticated (RFC 9420 §6.2).</summary>
/// <remarks>
/// <code>
/// struct {
///     FramedContent content; FramedContentAuthData auth;
///     select (content.sender.sender_type) { case member: MAC membership_tag; };
/// } PublicMessage;
/// </code>
/// </remarks>
public sealed class PublicMessage
{
    internal PublicMessage(FramedContent content, FramedContentAuthData auth, ReadOnlyMemory<byte>? membershipTag)
    {
        Content = content;
        Auth = auth;
        MembershipTag = membershipTag;
    }

    /// <summary>The signed content of the message.</summary>
    public FramedContent Content { get; }

    /// <summary>The signature, and the confirmation tag of a commit.</summary>
    public FramedContentAuthData Auth { get; }

    /// <summary>The membership tag; set if the sender is a member.</summary>
    public ReadOnlyMemory<byte>? MembershipTag { get; }

    internal static PublicMessage Read(ref TlsReader reader)
    {
        var content = FramedContent.Read(ref reader);
        var auth = FramedContentAuthData.Read(ref reader, content.ContentType);
        return new(
            content,
            auth,
            content.Sender.Type == SenderType.Member ? (ReadOnlyMemory<byte>?)reader.ReadOpaque() : null
        );
    }

    internal void Write(TlsWriter writer)
    {
        Auth.Write(writer.WriteRaw(Content.Encoded.Span), Content.ContentType);
        if (MembershipTag is { } tag)
            writer.WriteOpaque(tag.Span);
    }
}

/// <summary>An encrypted message, RFC 9420 §6.3. Its group id, epoch and content type are in the clear.</summary>
/// <remarks>
/// <code>
/// struct {
///     opaque group_id&lt;V&gt;; uint64 epoch; ContentType content_type; opaque authenticated_data&lt;V&gt;;
///     opaque encrypted_sender_data&lt;V&gt;; opaque ciphertext&lt;V&gt;;
/// } PrivateMessage;
/// </code>
/// </remarks>
public sealed class PrivateMessage
{
    internal PrivateMessage(
        ReadOnlyMemory<byte> groupId,
        ulong epoch,
        ContentType type,
        ReadOnlyMemory<byte> authenticatedData,
        ReadOnlyMemory<byte> encryptedSenderData,
        ReadOnlyMemory<byte> ciphertext
    ) =>
        (GroupId, Epoch, ContentType, AuthenticatedData, EncryptedSenderData, Ciphertext) = (
            groupId,
            epoch,
            type,
            authenticatedData,
            encryptedSenderData,
            ciphertext
        );

    private PrivateMessage(ref TlsReader reader)
    {
        GroupId = reader.ReadOpaque();
        Epoch = reader.ReadUInt64();
        ContentType = (ContentType)reader.ReadUInt8();
        if (ContentType is < ContentType.Application or > ContentType.Commit)
            MlsException.Throw(Rules.CodecEnum);
        AuthenticatedData = reader.ReadOpaque();
        EncryptedSenderData = reader.ReadOpaque();
        Ciphertext = reader.ReadOpaque();
    }

    /// <summary>The id of the group.</summary>
    public ReadOnlyMemory<byte> GroupId { get; }

    /// <summary>The epoch in which the message was sent.</summary>
    public ulong Epoch { get; }

    /// <summary>What kind of content the ciphertext holds.</summary>
    public ContentType ContentType { get; }

    /// <summary>Bytes that are authenticated but not encrypted.</summary>
    public ReadOnlyMemory<byte> AuthenticatedData { get; }

    /// <summary>The encrypted SenderData, which says who sent the message.</summary>
    public ReadOnlyMemory<byte> EncryptedSenderData { get; }

    /// <summary>The encrypted PrivateMessageContent.</summary>
    public ReadOnlyMemory<byte> Ciphertext { get; }

    internal static PrivateMessage Read(ref TlsReader reader) => new(ref reader);

    internal void Write(TlsWriter writer) =>
        writer
            .WriteOpaque(GroupId.Span)
            .WriteUInt64(Epoch)
            .WriteUInt8((byte)ContentType)
            .WriteOpaque(AuthenticatedData.Span)
            .WriteOpaque(EncryptedSenderData.Span)
            .WriteOpaque(Ciphertext.Span);
}
