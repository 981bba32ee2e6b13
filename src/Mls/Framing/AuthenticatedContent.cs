namespace MlsConsole.Mls;

/// <summary>A handshake message whose framing and signature hold (RFC 9420 §6.1). Only <see cref="PublicGroup.Authenticate"/> and the member's group make one.</summary>
public sealed class AuthenticatedContent
{
    internal AuthenticatedContent(WireFormat format, FramedContent content, FramedContentAuthData auth)
    {
        WireFormat = format;
        Content = content;
        Auth = auth;
    }

    /// <summary>How the message came.</summary>
    public WireFormat WireFormat { get; }

    /// <summary>What the message says.</summary>
    public FramedContent Content { get; }
    internal FramedContentAuthData Auth { get; }

    /// <summary>Whether the content is a commit by a client that adds itself.</summary>
    public bool IsExternalCommit =>
        Content is { ContentType: ContentType.Commit, Sender.Type: SenderType.NewMemberCommit };

    /// <summary>The leaf with which an external commit's sender joins.</summary>
    public LeafNode? JoinerLeaf => IsExternalCommit ? Content.Commit!.Path!.LeafNode : null;

    /// <summary>AuthenticatedContent on the wire: <c>struct { WireFormat wire_format; FramedContent content; FramedContentAuthData auth; }</c></summary>
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

    /// <summary>ProposalRef of a proposal (RFC 9420 §5.2).</summary>
    internal byte[] ProposalReference(CipherSuite suite) => suite.ProposalReference(Encode());
}
