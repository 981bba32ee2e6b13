namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>The input ends inside a field.</summary>
    public static readonly Rule CodecTruncated = new(
        "codec.truncated",
        "§2.1",
        "A field does not end before its declared length."
    );

    /// <summary>Bytes follow a complete object.</summary>
    public static readonly Rule CodecTrailingBytes = new(
        "codec.trailing-bytes",
        "§2.1",
        "Nothing follows a complete object or a complete vector element."
    );

    /// <summary>A length prefix is not minimal, or has the reserved prefix 11.</summary>
    public static readonly Rule CodecVarInt = new(
        "codec.varint",
        "§2.1.2",
        "A variable-length integer uses the minimum number of bytes and not the prefix 11."
    );

    /// <summary>The presence byte of an optional value is neither 0 nor 1.</summary>
    public static readonly Rule CodecOptional = new(
        "codec.optional",
        "§2.1.1",
        "The presence octet of an optional value is 0 or 1."
    );

    /// <summary>An enumerated field has a value outside its definition.</summary>
    public static readonly Rule CodecEnum = new(
        "codec.enum",
        "§2.1",
        "An enumerated field has one of the values that the RFC defines for it."
    );

    /// <summary>The protocol version is not mls10.</summary>
    public static readonly Rule CodecVersion = new("codec.version", "§6", "The protocol version is mls10.");

    /// <summary>An object of this wire format was not expected here.</summary>
    public static readonly Rule CodecWireFormat = new(
        "codec.wire-format",
        "§6",
        "The wire format is the one that the operation takes."
    );
}
