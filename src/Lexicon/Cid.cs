using SimpleBase;

namespace MlsConsole.Lexicon;

/// <summary>
/// Content identifiers (CIDs) in the only form in which the data model has links: version 1, SHA-256, in lower-case
/// base32.
/// </summary>
internal static class Cid
{
    public const byte DagCbor = 0x71;
    private const byte Raw = 0x55;

    /// <summary>
    /// The prefix of a SHA-256 multihash: the number of the hash function, and the length of 32 bytes.
    /// </summary>
    public static ReadOnlySpan<byte> Sha256 => [0x12, 32];

    /// <summary>The bytes of a CID.</summary>
    /// <exception cref="LexiconException">The text is not a CID of this form.</exception>
    public static byte[] Bytes(string text)
    {
        // 36 bytes are 58 digits, of which the last has unused bits. Encoding the bytes again shows whether these are
        // zero.
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

    /// <summary>The text of a CID.</summary>
    /// <exception cref="LexiconException">The bytes are not a CID of this form.</exception>
    public static string Text(ReadOnlySpan<byte> bytes) =>
        IsLink(bytes) ? Encoded(bytes) : throw new LexiconException("$link", "must be a CID.");

    private static bool IsLink(ReadOnlySpan<byte> bytes) =>
        bytes.Length == 36 && bytes[0] == 1 && (bytes[1] is DagCbor or Raw) && bytes.Slice(2, 2).SequenceEqual(Sha256);

    private static string Encoded(ReadOnlySpan<byte> bytes) =>
        "b" + Base32.Rfc4648.Encode(bytes, padding: false).ToLowerInvariant();
}
