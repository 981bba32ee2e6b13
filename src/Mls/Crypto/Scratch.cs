using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>Joins bytes for one primitive call: on the caller's stack while they fit, else in a pooled buffer. Zeroed on dispose, for it may hold secrets.</summary>
internal ref struct Scratch
{
    /// <summary>A stack size that holds nearly every labelled input.</summary>
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

    /// <summary><c>opaque data&lt;V&gt;</c>, RFC 9420 §2.1.2.</summary>
    public void AppendOpaque(ReadOnlySpan<byte> bytes)
    {
        TlsWriter.WriteVarInt(Grow(TlsWriter.VarIntSize(bytes.Length)), bytes.Length);
        Append(bytes);
    }

    /// <summary>The next <paramref name="count"/> bytes, for the caller to fill.</summary>
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
