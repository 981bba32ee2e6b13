namespace MlsConsole.Mls;

/// <summary>What a message contains, RFC 9420 §6: <c>ContentType</c>.</summary>
public enum ContentType : byte
{
    /// <summary>Application data.</summary>
    Application = 1,

    /// <summary>A proposal.</summary>
    Proposal = 2,

    /// <summary>A commit.</summary>
    Commit = 3,
}

/// <summary>What kind of party sent a message, RFC 9420 §6: <c>SenderType</c>.</summary>
public enum SenderType : byte
{
    /// <summary>A member, identified by its leaf index.</summary>
    Member = 1,

    /// <summary>An external sender, identified by its place in the extension external_senders.</summary>
    External = 2,

    /// <summary>A client that proposes to add itself.</summary>
    NewMemberProposal = 3,

    /// <summary>A client that adds itself by external commit.</summary>
    NewMemberCommit = 4,
}

/// <summary>The party that claims to have sent a message, RFC 9420 §6: <c>Sender</c>.</summary>
/// <param name="Type">The kind of sender.</param>
/// <param name="Index">
/// The leaf index of a member, or the place of an external sender in external_senders; otherwise 0.
/// </param>
public readonly record struct Sender(SenderType Type, uint Index)
{
    internal static Sender Read(ref TlsReader reader)
    {
        var type = (SenderType)reader.ReadUInt8();
        if (type is < SenderType.Member or > SenderType.NewMemberCommit)
            MlsException.Throw(Rules.CodecEnum);
        return new(type, type is SenderType.Member or SenderType.External ? reader.ReadUInt32() : 0);
    }

    internal void Write(TlsWriter writer)
    {
        writer.WriteUInt8((byte)Type);
        if (Type is SenderType.Member or SenderType.External)
            writer.WriteUInt32(Index);
    }
}

/// <summary>The content of a message, with the group and epoch that it belongs to, RFC 9420 §6.</summary>
/// <remarks>
/// <code>
/// struct {
///     opaque group_id&lt;V&gt;; uint64 epoch; Sender sender; opaque authenticated_data&lt;V&gt;;
///     ContentType content_type;
///     select (content_type) {
///         case application: opaque application_data&lt;V&gt;;
///         case proposal:    Proposal;
///         case commit:      Commit;
///     };
/// } FramedContent;
/// </code>
/// </remarks>
public sealed class FramedContent
{
    private FramedContent(ref TlsReader reader)
    {
        int start = reader.Position;
        GroupId = reader.ReadOpaque();
        Epoch = reader.ReadUInt64();
        Sender = Sender.Read(ref reader);
        AuthenticatedData = reader.ReadOpaque();
        ContentType = (ContentType)reader.ReadUInt8();
        switch (ContentType)
        {
            case ContentType.Application:
                ApplicationData = reader.ReadOpaque();
                break;
            case ContentType.Proposal:
                Proposal = Proposal.Read(ref reader);
                break;
            case ContentType.Commit:
                Commit = Commit.Read(ref reader);
                break;
            default:
                MlsException.Throw(Rules.CodecEnum);
                break;
        }
        Encoded = reader.Since(start);
    }

    /// <summary>The id of the group.</summary>
    public ReadOnlyMemory<byte> GroupId { get; }

    /// <summary>The epoch in which the message was sent.</summary>
    public ulong Epoch { get; }

    /// <summary>The party that claims to have sent the message.</summary>
    public Sender Sender { get; }

    /// <summary>Bytes that are signed with the content but not interpreted.</summary>
    public ReadOnlyMemory<byte> AuthenticatedData { get; }

    /// <summary>
    /// Says which of <see cref="ApplicationData"/>, <see cref="Proposal"/> and <see cref="Commit"/> is set.
    /// </summary>
    public ContentType ContentType { get; }

    /// <summary>Set for <see cref="ContentType.Application"/>.</summary>
    public ReadOnlyMemory<byte> ApplicationData { get; }

    /// <summary>Set for <see cref="ContentType.Proposal"/>.</summary>
    public Proposal? Proposal { get; }

    /// <summary>Set for <see cref="ContentType.Commit"/>.</summary>
    public Commit? Commit { get; }

    /// <summary>The FramedContent in its encoded form.</summary>
    internal ReadOnlyMemory<byte> Encoded { get; }

    internal static FramedContent Read(ref TlsReader reader) => new(ref reader);

    internal static FramedContent Create(
        ReadOnlySpan<byte> groupId,
        ulong epoch,
        Sender sender,
        ReadOnlySpan<byte> authenticatedData,
        ContentType type,
        Action<TlsWriter> writeBody
    )
    {
        var writer = new TlsWriter(512).WriteOpaque(groupId).WriteUInt64(epoch);
        sender.Write(writer);
        writer.WriteOpaque(authenticatedData).WriteUInt8((byte)type);
        writeBody(writer);
        var reader = new TlsReader(writer.ToArray());
        return Read(ref reader);
    }

    /// <summary>
    /// Reads the content that a PrivateMessage encrypts, and puts it behind the fields that are in the message's clear
    /// part: the result is the FramedContent that was signed.
    /// </summary>
    internal static FramedContent ReadBody(
        ref TlsReader reader,
        ReadOnlySpan<byte> groupId,
        ulong epoch,
        Sender sender,
        ReadOnlySpan<byte> authenticatedData,
        ContentType type
    )
    {
        int start = reader.Position;
        switch (type)
        {
            case ContentType.Application:
                reader.ReadOpaque();
                break;
            case ContentType.Proposal:
                Proposal.Read(ref reader);
                break;
            default:
                Commit.Read(ref reader);
                break;
        }
        var body = reader.Since(start);
        return Create(groupId, epoch, sender, authenticatedData, type, writer => writer.WriteRaw(body.Span));
    }

    /// <summary>Writes the part of the content that a PrivateMessage encrypts.</summary>
    internal void WriteBody(TlsWriter writer)
    {
        switch (ContentType)
        {
            case ContentType.Application:
                writer.WriteOpaque(ApplicationData.Span);
                break;
            case ContentType.Proposal:
                Proposal!.Write(writer);
                break;
            default:
                Commit!.Write(writer);
                break;
        }
    }

    /// <summary>
    /// FramedContentTBS, RFC 9420 §6.1. The GroupContext is part of it if the sender is a member or joins by an
    /// external commit; for other senders <paramref name="context"/> may be null.
    /// </summary>
    internal TlsWriter ToBeSigned(WireFormat format, GroupContext? context)
    {
        var writer = new TlsWriter(Encoded.Length + 256)
            .WriteUInt16(ProtocolVersion.Mls10)
            .WriteUInt16((ushort)format)
            .WriteRaw(Encoded.Span);
        if (Sender.Type is SenderType.Member or SenderType.NewMemberCommit)
            writer.WriteRaw(context!.Encoded.Span);
        return writer;
    }
}

/// <summary>
/// What authenticates a FramedContent, RFC 9420 §6.1: <c>struct { opaque signature&lt;V&gt;; select (content_type) {
/// case commit: MAC confirmation_tag; }; }</c>.
/// </summary>
/// <param name="Signature">The signature over FramedContentTBS.</param>
/// <param name="ConfirmationTag">The confirmation tag of a commit; empty for other contents.</param>
public readonly record struct FramedContentAuthData(
    ReadOnlyMemory<byte> Signature,
    ReadOnlyMemory<byte> ConfirmationTag
)
{
    internal static FramedContentAuthData Read(ref TlsReader reader, ContentType type) =>
        new(reader.ReadOpaque(), type == ContentType.Commit ? reader.ReadOpaque() : default);

    internal void Write(TlsWriter writer, ContentType type)
    {
        writer.WriteOpaque(Signature.Span);
        if (type == ContentType.Commit)
            writer.WriteOpaque(ConfirmationTag.Span);
    }
}
