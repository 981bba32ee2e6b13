namespace MlsConsole.Mls;

/// <summary>
/// A handshake message whose framing and signature were verified (RFC 9420 §6.1). Only
/// <see cref="PublicGroup.Authenticate"/> and <see cref="Group"/> create objects of this class.
/// </summary>
public sealed class AuthenticatedContent
{
    internal AuthenticatedContent(WireFormat format, FramedContent content, FramedContentAuthData auth)
    {
        WireFormat = format;
        Content = content;
        Auth = auth;
    }

    /// <summary>Whether the message came as a PublicMessage or as a PrivateMessage.</summary>
    public WireFormat WireFormat { get; }

    /// <summary>The signed content of the message.</summary>
    public FramedContent Content { get; }
    internal FramedContentAuthData Auth { get; }

    /// <summary>Whether the content is an external commit, by which its sender joins.</summary>
    public bool IsExternalCommit =>
        Content is { ContentType: ContentType.Commit, Sender.Type: SenderType.NewMemberCommit };

    /// <summary>The leaf with which the sender of an external commit joins; null for any other content.</summary>
    public LeafNode? JoinerLeaf => IsExternalCommit ? Content.Commit!.Path!.LeafNode : null;

    /// <summary>
    /// Encodes <c>struct { WireFormat wire_format; FramedContent content; FramedContentAuthData auth; }
    /// AuthenticatedContent</c>.
    /// </summary>
    internal byte[] Encode()
    {
        var writer = new TlsWriter(Content.Encoded.Length + 160)
            .WriteUInt16((ushort)WireFormat)
            .WriteRaw(Content.Encoded.Span);
        Auth.Write(writer, Content.ContentType);
        return writer.ToArray();
    }

    internal static AuthenticatedContent Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        var format = (WireFormat)reader.ReadUInt16();
        var content = FramedContent.Read(ref reader);
        var auth = FramedContentAuthData.Read(ref reader, content.ContentType);
        reader.RequireEnd();
        return new(format, content, auth);
    }

    /// <summary>The ProposalRef of the proposal in the content (RFC 9420 §5.2).</summary>
    internal byte[] ProposalReference(CipherSuite suite) => suite.ProposalReference(Encode());
}
