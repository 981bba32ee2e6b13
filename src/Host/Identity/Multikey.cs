using SimpleBase;

namespace MlsConsole.Host.Identity;

/// <summary>Public keys as text: <c>did:key</c> and the <c>publicKeyMultibase</c> forms of DID documents.</summary>
internal static class Multikey
{
    private const string DidKeyPrefix = "did:key:";

    // A base58 decoder works in quadratic time, so the length is checked first. The longest accepted form
    // (an uncompressed point, 65 bytes) has 90 characters.
    private const int MaxMultibaseLength = 100;

    // Multicodec table: 0x1200 p256-pub and 0xe7 secp256k1-pub, as unsigned varints.
    private static ReadOnlySpan<byte> P256Prefix => [0x80, 0x24];
    private static ReadOnlySpan<byte> Secp256k1Prefix => [0xe7, 0x01];

    /// <summary>Reads a <c>did:key</c> of one of the two curves; <see langword="null"/> for anything else.</summary>
    public static EcdsaPublicKey? FromDidKey(string did) =>
        did.StartsWith(DidKeyPrefix, StringComparison.Ordinal) ? FromMultikey(did[DidKeyPrefix.Length..]) : null;

    /// <summary>Reads a <c>Multikey</c>: base58btc of the multicodec prefix and the compressed point.</summary>
    public static EcdsaPublicKey? FromMultikey(string multibase)
    {
        byte[]? bytes = DecodeMultibase(multibase);
        if (bytes is null)
            return null;
        // The prefix names the curve. The point of a Multikey is always compressed.
        if (bytes.Length != 2 + 33)
            return null;
        if (bytes.AsSpan().StartsWith(P256Prefix))
            return EcdsaPublicKey.FromPoint(EcdsaCurve.P256, bytes.AsSpan(2));
        if (bytes.AsSpan().StartsWith(Secp256k1Prefix))
            return EcdsaPublicKey.FromPoint(EcdsaCurve.Secp256k1, bytes.AsSpan(2));
        return null;
    }

    /// <summary>
    /// Reads the legacy form: base58btc of a bare point (uncompressed as AT Protocol wrote it, or compressed),
    /// whose curve follows from the verification method's <c>type</c>.
    /// </summary>
    public static EcdsaPublicKey? FromLegacy(EcdsaCurve curve, string multibase)
    {
        byte[]? bytes = DecodeMultibase(multibase);
        return bytes is null ? null : EcdsaPublicKey.FromPoint(curve, bytes);
    }

    private static byte[]? DecodeMultibase(string multibase)
    {
        if (multibase.Length is < 2 or > MaxMultibaseLength || multibase[0] != 'z')
            return null;
        byte[] buffer = new byte[multibase.Length];
        return Base58.Bitcoin.TryDecode(multibase.AsSpan(1), buffer, out int written) ? buffer[..written] : null;
    }
}
