namespace MlsConsole.Mls;

/// <summary>RFC 9420 §6: <c>WireFormat</c>.</summary>
public enum WireFormat : ushort
{
    /// <summary>A signed message in the clear.</summary>
    PublicMessage = 1,

    /// <summary>An encrypted message.</summary>
    PrivateMessage = 2,

    /// <summary>An invitation.</summary>
    Welcome = 3,

    /// <summary>The public state of a group.</summary>
    GroupInfo = 4,

    /// <summary>A client's offer to be added.</summary>
    KeyPackage = 5,
}

/// <summary>Any MLS object with its header, RFC 9420 §6. Decoding checks the form alone.</summary>
/// <remarks><code>struct { ProtocolVersion version = mls10; WireFormat wire_format; select (wire_format) { ... }; } MLSMessage;</code></remarks>
public sealed class MlsMessage
{
    private readonly object _body;

    private MlsMessage(WireFormat format, object body)
    {
        WireFormat = format;
        _body = body;
    }

    /// <summary>Which of the bodies is set.</summary>
    public WireFormat WireFormat { get; }

    /// <summary>Set for <see cref="WireFormat.PublicMessage"/>.</summary>
    public PublicMessage? PublicMessage => _body as PublicMessage;

    /// <summary>Set for <see cref="WireFormat.PrivateMessage"/>.</summary>
    public PrivateMessage? PrivateMessage => _body as PrivateMessage;

    /// <summary>Set for <see cref="WireFormat.Welcome"/>.</summary>
    public Welcome? Welcome => _body as Welcome;

    /// <summary>Set for <see cref="WireFormat.GroupInfo"/>.</summary>
    public UnverifiedGroupInfo? GroupInfo => _body as UnverifiedGroupInfo;

    /// <summary>Set for <see cref="WireFormat.KeyPackage"/>.</summary>
    public UnverifiedKeyPackage? KeyPackage => _body as UnverifiedKeyPackage;

    /// <summary>Decodes one message.</summary>
    /// <exception cref="MlsException">The bytes are not exactly one MLSMessage.</exception>
    public static MlsMessage Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        reader.ReadVersion();
        var format = (WireFormat)reader.ReadUInt16();
        object body = format switch
        {
            WireFormat.PublicMessage => PublicMessage.Read(ref reader),
            WireFormat.PrivateMessage => PrivateMessage.Read(ref reader),
            WireFormat.Welcome => Welcome.Read(ref reader),
            WireFormat.GroupInfo => UnverifiedGroupInfo.Read(ref reader),
            WireFormat.KeyPackage => UnverifiedKeyPackage.Read(ref reader),
            _ => throw new MlsException(Rules.CodecEnum),
        };
        reader.RequireEnd();
        return new(format, body);
    }

    /// <summary>The message on the wire.</summary>
    public byte[] Encode()
    {
        var writer = new TlsWriter(512).WriteUInt16(ProtocolVersion.Mls10).WriteUInt16((ushort)WireFormat);
        switch (_body)
        {
            case PublicMessage message:
                message.Write(writer);
                break;
            case PrivateMessage message:
                message.Write(writer);
                break;
            case Welcome welcome:
                welcome.Write(writer);
                break;
            case UnverifiedGroupInfo groupInfo:
                writer.WriteRaw(groupInfo.Encoded.Span);
                break;
            case UnverifiedKeyPackage keyPackage:
                writer.WriteRaw(keyPackage.Encoded.Span);
                break;
        }
        return writer.ToArray();
    }

    /// <summary>A public message with its header.</summary>
    public static MlsMessage Of(PublicMessage message) => new(WireFormat.PublicMessage, message);

    /// <summary>A private message with its header.</summary>
    public static MlsMessage Of(PrivateMessage message) => new(WireFormat.PrivateMessage, message);

    /// <summary>A Welcome with its header.</summary>
    public static MlsMessage Of(Welcome welcome) => new(WireFormat.Welcome, welcome);

    /// <summary>A GroupInfo with its header.</summary>
    public static MlsMessage Of(UnverifiedGroupInfo groupInfo) => new(WireFormat.GroupInfo, groupInfo);

    /// <summary>A key package with its header.</summary>
    public static MlsMessage Of(UnverifiedKeyPackage keyPackage) => new(WireFormat.KeyPackage, keyPackage);

    /// <summary>Whether the bytes are an MLSMessage of the format, and not the bare object: a bare GroupInfo or KeyPackage has its
    /// cipher suite where the header has the wire format, and never a version after it.</summary>
    internal static bool StartsWithHeader(TlsReader reader, WireFormat format) =>
        reader.PeekUInt16(2) == (ushort)format && reader.PeekUInt16(4) == ProtocolVersion.Mls10;
}
