using System.Buffers.Binary;

namespace MlsConsole.Mls;

/// <summary>
/// Reads the TLS presentation language of RFC 9420 §2.1 from a buffer without copying: every field of bytes that it
/// returns is a slice of the buffer.
/// </summary>
/// <remarks>Each declared length is compared with the bytes that remain before anything is read or allocated.</remarks>
internal ref struct TlsReader
{
    private readonly ReadOnlyMemory<byte> _input;
    private readonly ReadOnlySpan<byte> _span;
    private int _position;

    public TlsReader(ReadOnlyMemory<byte> input)
    {
        _input = input;
        _span = input.Span;
    }

    public readonly int Position => _position;
    public readonly int Remaining => _span.Length - _position;
    public readonly bool AtEnd => _position == _span.Length;

    /// <summary>
    /// The bytes that were read since the position <paramref name="start"/>, as a slice of the input.
    /// </summary>
    public readonly ReadOnlyMemory<byte> Since(int start) => _input[start.._position];

    public byte ReadUInt8()
    {
        Need(1);
        return _span[_position++];
    }

    public ushort ReadUInt16()
    {
        Need(2);
        ushort value = BinaryPrimitives.ReadUInt16BigEndian(_span[_position..]);
        _position += 2;
        return value;
    }

    /// <summary>
    /// The uint16 that stands <paramref name="offset"/> bytes ahead; the position of the reader stays where it is.
    /// </summary>
    public readonly ushort PeekUInt16(int offset = 0) =>
        Remaining - offset >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(_span[(_position + offset)..]) : (ushort)0;

    public uint ReadUInt32()
    {
        Need(4);
        uint value = BinaryPrimitives.ReadUInt32BigEndian(_span[_position..]);
        _position += 4;
        return value;
    }

    public ulong ReadUInt64()
    {
        Need(8);
        ulong value = BinaryPrimitives.ReadUInt64BigEndian(_span[_position..]);
        _position += 8;
        return value;
    }

    /// <summary>
    /// Reads a variable-length integer of RFC 9420 §2.1.2: the two high bits of the first byte say whether it has 1, 2
    /// or 4 bytes.
    /// </summary>
    public int ReadVarInt()
    {
        Need(1);
        byte first = _span[_position];
        int size = first >> 6;
        if (size == 3)
            MlsException.Throw(Rules.CodecVarInt);
        int length = 1 << size;
        Need(length);
        int value = first & 0x3f;
        for (int i = 1; i < length; i++)
            value = (value << 8) | _span[_position + i];
        // RFC 9420 §2.1.2: "vectors that start with a prefix [that is not the minimum number of bits] MUST be
        // rejected"
        if (size != 0 && value < (size == 1 ? 1 << 6 : 1 << 14))
            MlsException.Throw(Rules.CodecVarInt);
        _position += length;
        return value;
    }

    /// <summary>Reads <c>opaque data&lt;V&gt;</c>.</summary>
    public ReadOnlyMemory<byte> ReadOpaque()
    {
        int length = ReadVarInt();
        Need(length);
        var slice = _input.Slice(_position, length);
        _position += length;
        return slice;
    }

    /// <summary>Reads a vector <c>&lt;V&gt;</c> and returns a reader of its elements.</summary>
    public TlsReader ReadVector() => new(ReadOpaque());

    /// <summary>Reads the presence byte of <c>optional&lt;T&gt;</c>: true if a value follows.</summary>
    public bool ReadPresence()
    {
        byte presence = ReadUInt8();
        if (presence > 1)
            MlsException.Throw(Rules.CodecOptional);
        return presence == 1;
    }

    public ushort ReadVersion()
    {
        ushort version = ReadUInt16();
        if (version != ProtocolVersion.Mls10)
            MlsException.Throw(Rules.CodecVersion);
        return version;
    }

    public readonly void RequireEnd()
    {
        if (!AtEnd)
            MlsException.Throw(Rules.CodecTrailingBytes);
    }

    private readonly void Need(int count)
    {
        if (Remaining < count)
            MlsException.Throw(Rules.CodecTruncated);
    }
}

/// <summary>The protocol versions of RFC 9420 §6, <c>ProtocolVersion</c>.</summary>
internal static class ProtocolVersion
{
    public const ushort Mls10 = 1;
}
