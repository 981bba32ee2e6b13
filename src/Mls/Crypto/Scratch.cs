using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// Joins bytes that are the input of one call of a primitive. The bytes are on the caller's stack while they fit there,
/// otherwise in a pooled buffer. Since they may be secret, both are zeroed on dispose.
/// </summary>
internal ref struct Scratch
{
    /// <summary>A size of the stack buffer, in bytes, that holds nearly every labelled input.</summary>
    public const int StackSize = 512;

    private Span<byte> _buffer;
    private byte[]? _rented;
    private int _length;

    public Scratch(Span<byte> initial) => _buffer = initial;

    public readonly ReadOnlySpan<byte> Written => _buffer[.._length];

    public void Append(byte value) => Grow(1)[0] = value;

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Grow(bytes.Length));

    public void AppendUInt16(int value) => BinaryPrimitives.WriteUInt16BigEndian(Grow(2), (ushort)value);

    public void AppendUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Grow(4), value);

    /// <summary>Appends <c>opaque data&lt;V&gt;</c>, RFC 9420 §2.1.2.</summary>
    public void AppendOpaque(ReadOnlySpan<byte> bytes)
    {
        TlsWriter.WriteVarInt(Grow(TlsWriter.VarIntSize(bytes.Length)), bytes.Length);
        Append(bytes);
    }

    /// <summary>Appends <paramref name="count"/> bytes, which the caller fills.</summary>
    public Span<byte> Grow(int count)
    {
        int needed = checked(_length + count);
        if (needed > _buffer.Length)
            Rent(needed);
        var span = _buffer.Slice(_length, count);
        _length = needed;
        return span;
    }

    private void Rent(int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(needed);
        Written.CopyTo(larger);
        Dispose();
        _buffer = larger;
        _rented = larger;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_buffer[.._length]);
        if (_rented is { } rented)
            ArrayPool<byte>.Shared.Return(rented);
        _rented = null;
    }
}
