using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace MlsConsole.Clients.Native;

/// <summary>
/// What is handed out to the caller: one block of native memory with a structure at its start, and behind the structure
/// everything that it points to. The length of the block stands before the block, so that the block can be zeroed when
/// it is freed.
/// </summary>
internal unsafe ref struct Block
{
    private const int Header = 16,
        Alignment = 8;
    private byte* _next;
    private readonly byte* _end;

    /// <param name="length">The sum of what the methods <c>Room</c> give for everything that is put in.</param>
    public Block(nuint length)
    {
        byte* allocated = (byte*)NativeMemory.AllocZeroed(Header + length);
        *(nuint*)allocated = length;
        Start = _next = allocated + Header;
        _end = Start + length;
    }

    public byte* Start { get; }

    public static nuint Room<T>(int count = 1)
        where T : unmanaged => Aligned((nuint)sizeof(T) * (nuint)count);

    public static nuint Room(ReadOnlySpan<byte> bytes) => Aligned((nuint)bytes.Length);

    public static nuint Room(string? text) => text is null ? 0 : Aligned((nuint)Encoding.UTF8.GetByteCount(text) + 1);

    /// <summary>Puts structures in, all of whose fields are zero.</summary>
    public T* Put<T>(int count = 1)
        where T : unmanaged => (T*)Take(Room<T>(count));

    /// <summary>Puts bytes in.</summary>
    /// <returns>Null where there are no bytes.</returns>
    public byte* Put(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return null;
        byte* to = Take(Room(bytes));
        bytes.CopyTo(new(to, bytes.Length));
        return to;
    }

    /// <summary>Puts a string in, in UTF-8 with a zero byte at its end.</summary>
    public byte* Put(string? text)
    {
        if (text is null)
            return null;
        nuint room = Room(text);
        byte* to = Take(room);
        Encoding.UTF8.GetBytes(text, new Span<byte>(to, (int)room));
        return to;
    }

    private byte* Take(nuint length)
    {
        if (length > (nuint)(_end - _next))
            throw new InvalidOperationException("A block was made too small.");
        byte* taken = _next;
        _next += length;
        return taken;
    }

    /// <summary>Makes a block that has a string and nothing else.</summary>
    public static byte* OfText(string text) => new Block(Room(text)).Put(text);

    /// <summary>Zeroes and frees a block.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Free(void* start)
    {
        if (start is null)
            return;
        byte* allocated = (byte*)start - Header;
        for (nuint left = *(nuint*)allocated, at = 0; at < left; )
        {
            int part = (int)nuint.Min(left - at, int.MaxValue);
            CryptographicOperations.ZeroMemory(new((byte*)start + at, part));
            at += (nuint)part;
        }
        NativeMemory.Free(allocated);
    }

    private static nuint Aligned(nuint length) => (length + (Alignment - 1)) & ~(nuint)(Alignment - 1);
}
