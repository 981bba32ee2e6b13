using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>Writes the TLS presentation language of RFC 9420 §2.1 into one growing buffer.</summary>
/// <param name="capacity">Size of the first buffer in bytes.</param>
/// <param name="holdsSecrets">Whether the writer zeroes a buffer when it replaces it by a larger one.</param>
internal sealed class TlsWriter(int capacity = 256, bool holdsSecrets = false)
{
    private byte[] _buffer = new byte[capacity];
    private int _length;

    public int Length => _length;
    public ReadOnlySpan<byte> WrittenSpan => _buffer.AsSpan(0, _length);

    public byte[] ToArray() => WrittenSpan.ToArray();

    /// <summary>
    /// Returns what was written, without a copy if the capacity was exactly its length. The writer cannot be used after
    /// it.
    /// </summary>
    public byte[] TakeArray()
    {
        var taken = _length == _buffer.Length ? _buffer : ToArray();
        (_buffer, _length) = ([], 0);
        return taken;
    }

    /// <summary>Forgets what was written, so that the same buffer can be filled again.</summary>
    public void Reset() => _length = 0;

    /// <summary>Zeroes what was written, and forgets it.</summary>
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

    /// <summary>Writes bytes as they are, without a length before them.</summary>
    public TlsWriter WriteRaw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Grow(bytes.Length));
        return this;
    }

    /// <summary>Writes <c>opaque data&lt;V&gt;</c>.</summary>
    public TlsWriter WriteOpaque(ReadOnlySpan<byte> bytes) => WriteVectorHeader(bytes.Length).WriteRaw(bytes);

    /// <summary>
    /// Starts a vector <c>&lt;V&gt;</c> whose elements together have <paramref name="contentLength"/> bytes.
    /// </summary>
    public TlsWriter WriteVectorHeader(int contentLength)
    {
        WriteVarInt(Grow(VarIntSize(contentLength)), contentLength);
        return this;
    }

    /// <summary>
    /// Starts a vector <c>&lt;V&gt;</c> of unknown length. <see cref="EndVector"/> takes the returned position and puts
    /// the length before the elements.
    /// </summary>
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

    /// <summary>How many bytes the variable-length integer of RFC 9420 §2.1.2 takes for a value: 1, 2 or 4.</summary>
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

    /// <summary>How many bytes <c>opaque data&lt;V&gt;</c> takes together with its length.</summary>
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
