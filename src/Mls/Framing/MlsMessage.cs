namespace MlsConsole.Mls;

/// <summary>The kind of object in an MLSMessage, RFC 9420 §6: <c>WireFormat</c>.</summary>
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

/// <summary>
/// Any object of MLS with the header of an MLSMessage, RFC 9420 §6. Decoding checks nothing but the form.
/// </summary>
/// <remarks>
/// <c>struct { ProtocolVersion version = mls10; WireFormat wire_format; select (wire_format) { ... }; } MLSMessage;</c>
/// </remarks>
public sealed class MlsMessage
{
    private readonly object _body;

    private MlsMessage(WireFormat format, object body)
    {
        WireFormat = format;
        _body = body;
    }

    /// <summary>Says which of the following objects is set.</summary>
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

    /// <summary>Encodes the MLSMessage.</summary>
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

    /// <summary>Makes an MLSMessage of a PublicMessage.</summary>
    public static MlsMessage Of(PublicMessage message) => new(WireFormat.PublicMessage, message);

    /// <summary>Makes an MLSMessage of a PrivateMessage.</summary>
    public static MlsMessage Of(PrivateMessage message) => new(WireFormat.PrivateMessage, message);

    /// <summary>Makes an MLSMessage of a Welcome.</summary>
    public static MlsMessage Of(Welcome welcome) => new(WireFormat.Welcome, welcome);

    /// <summary>Makes an MLSMessage of a GroupInfo.</summary>
    public static MlsMessage Of(UnverifiedGroupInfo groupInfo) => new(WireFormat.GroupInfo, groupInfo);

    /// <summary>Makes an MLSMessage of a KeyPackage.</summary>
    public static MlsMessage Of(UnverifiedKeyPackage keyPackage) => new(WireFormat.KeyPackage, keyPackage);

    /// <summary>
    /// Whether the bytes are an MLSMessage of the given format and not the bare object. A bare GroupInfo or KeyPackage
    /// has its cipher suite where an MLSMessage has its wire format, and is never followed by a protocol version there.
    /// </summary>
    internal static bool StartsWithHeader(TlsReader reader, WireFormat format) =>
        reader.PeekUInt16(2) == (ushort)format && reader.PeekUInt16(4) == ProtocolVersion.Mls10;
}
