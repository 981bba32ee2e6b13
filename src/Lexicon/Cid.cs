using SimpleBase;

namespace MlsConsole.Lexicon;

/// <summary>Content identifiers as the data model links by them: version 1, SHA-256, in lower-case base32.</summary>
internal static class Cid
{
    public const byte DagCbor = 0x71;
    private const byte Raw = 0x55;

    /// <summary>The multihash's prefix: the function and 32 bytes.</summary>
    public static ReadOnlySpan<byte> Sha256 => [0x12, 32];

    /// <exception cref="LexiconException">It is no such identifier.</exception>
    public static byte[] Bytes(string text)
    {
        // 36 bytes are 58 digits; the last one has bits to spare, so only what is written back the same is one.
        byte[] bytes = new byte[40];
        bool decoded =
            text.Length == 59
            && text[0] == 'b'
            && Base32.Rfc4648.TryDecode(text.AsSpan(1), bytes, out int length)
            && length == 36;
        return decoded && IsLink(bytes.AsSpan(0, 36)) && Encoded(bytes.AsSpan(0, 36)) == text
            ? bytes[..36]
            : throw new LexiconException("$link", "must be a CID.");
    }

    /// <exception cref="LexiconException">They are no such identifier.</exception>
    public static string Text(ReadOnlySpan<byte> bytes) =>
        IsLink(bytes) ? Encoded(bytes) : throw new LexiconException("$link", "must be a CID.");

    private static bool IsLink(ReadOnlySpan<byte> bytes) =>
        bytes.Length == 36 && bytes[0] == 1 && (bytes[1] is DagCbor or Raw) && bytes.Slice(2, 2).SequenceEqual(Sha256);

    private static string Encoded(ReadOnlySpan<byte> bytes) =>
        "b" + Base32.Rfc4648.Encode(bytes, padding: false).ToLowerInvariant();
}
