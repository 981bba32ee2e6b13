using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>Writes the TLS presentation language of RFC 9420 §2.1 into one growing buffer.</summary>
/// <param name="capacity">Bytes to begin with.</param>
/// <param name="holdsSecrets">Whether a buffer that is outgrown is zeroed.</param>
internal sealed class TlsWriter(int capacity = 256, bool holdsSecrets = false)
{
    private byte[] _buffer = new byte[capacity];
    private int _length;

    public int Length => _length;
    public ReadOnlySpan<byte> WrittenSpan => _buffer.AsSpan(0, _length);

    public byte[] ToArray() => WrittenSpan.ToArray();

    /// <summary>What was written, without a copy if the capacity was exactly its length. The writer is used up.</summary>
    public byte[] TakeArray()
    {
        var taken = _length == _buffer.Length ? _buffer : ToArray();
        (_buffer, _length) = ([], 0);
        return taken;
    }

    /// <summary>Forgets what was written, so that the buffer can serve again.</summary>
    public void Reset() => _length = 0;

    /// <summary>Zeroes and forgets what was written.</summary>
    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_buffer);
        _length = 0;
    }

    public TlsWriter WriteUInt8(byte value)
    {
        Grow(1)[0] = value;
        return this;
    }

    public TlsWriter WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Grow(2), value);
        return this;
    }

    public TlsWriter WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Grow(4), value);
        return this;
    }

    public TlsWriter WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Grow(8), value);
        return this;
    }

    /// <summary>Bytes as they are, without a length.</summary>
    public TlsWriter WriteRaw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Grow(bytes.Length));
        return this;
    }

    /// <summary><c>opaque data&lt;V&gt;</c></summary>
    public TlsWriter WriteOpaque(ReadOnlySpan<byte> bytes) => WriteVectorHeader(bytes.Length).WriteRaw(bytes);

    /// <summary>Starts a vector <c>&lt;V&gt;</c> whose content is known to have so many bytes.</summary>
    public TlsWriter WriteVectorHeader(int contentLength)
    {
        WriteVarInt(Grow(VarIntSize(contentLength)), contentLength);
        return this;
    }

    /// <summary>Starts a vector <c>&lt;V&gt;</c>; <see cref="EndVector"/> puts the length before its elements.</summary>
    public int BeginVector() => _length;

    public TlsWriter EndVector(int start)
    {
        int content = _length - start;
        int size = VarIntSize(content);
        Grow(size);
        _buffer.AsSpan(start, content).CopyTo(_buffer.AsSpan(start + size));
        WriteVarInt(_buffer.AsSpan(start, size), content);
        return this;
    }

    public TlsWriter WritePresence(bool present) => WriteUInt8(present ? (byte)1 : (byte)0);

    private Span<byte> Grow(int count)
    {
        int needed = checked(_length + count);
        if (needed > _buffer.Length)
        {
            var outgrown = _buffer;
            Array.Resize(ref _buffer, Math.Max(needed, _buffer.Length * 2));
            if (holdsSecrets)
                CryptographicOperations.ZeroMemory(outgrown);
        }
        var span = _buffer.AsSpan(_length, count);
        _length = needed;
        return span;
    }

    /// <summary>Bytes that the variable-length integer of RFC 9420 §2.1.2 takes: 1, 2 or 4.</summary>
    internal static int VarIntSize(int value) =>
        value switch
        {
            < 0 or >= 1 << 30 => throw new ArgumentOutOfRangeException(
                nameof(value),
                "A vector holds at most 2^30 - 1 bytes."
            ),
            < 1 << 6 => 1,
            < 1 << 14 => 2,
            _ => 4,
        };

    /// <summary>Bytes that <c>opaque data&lt;V&gt;</c> takes with its length.</summary>
    internal static int OpaqueSize(int length) => VarIntSize(length) + length;

    internal static void WriteVarInt(Span<byte> destination, int value)
    {
        switch (destination.Length)
        {
            case 1:
                destination[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                break;
            default:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)value | 0x8000_0000);
                break;
        }
    }
}
