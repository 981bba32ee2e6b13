using System.Security.Cryptography;
using System.Text;

namespace MlsConsole.Mls;

/// <summary>HPKE in base mode, RFC 9180: single-shot encryption and the exporter, as RFC 9420 uses them.</summary>
internal sealed class Hpke(Kem kem, ushort kdfId, HashAlgorithmName kdfHash, int kdfLength, Aead aead)
{
    private readonly byte[] _suiteId = [.. "HPKE"u8, (byte)(kem.Id >> 8), (byte)kem.Id, (byte)(kdfId >> 8), (byte)kdfId, (byte)(aead.Id >> 8), (byte)aead.Id];

    public (byte[] KemOutput, byte[] Ciphertext) Seal(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> info, ReadOnlySpan<byte> plaintext)
    {
        var (shared, encapsulated) = Encapsulate(publicKey);
        var (key, nonce, _) = Schedule(shared, info);
        return (encapsulated, aead.Seal(key, nonce, [], plaintext));
    }

    /// <summary>The plaintext, or null if anything about the input is wrong.</summary>
    public byte[]? Open(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> info, ReadOnlySpan<byte> kemOutput, ReadOnlySpan<byte> ciphertext)
    {
        if (Decapsulate(privateKey, kemOutput) is not { } shared) return null;
        var (key, nonce, _) = Schedule(shared, info);
        return aead.Open(key, nonce, [], ciphertext);
    }

    public (byte[] KemOutput, byte[] Exported) ExportSend(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> context, int length)
    {
        var (shared, encapsulated) = Encapsulate(publicKey);
        return (encapsulated, Export(shared, context, length));
    }

    public byte[]? ExportReceive(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> kemOutput, ReadOnlySpan<byte> context, int length) =>
        Decapsulate(privateKey, kemOutput) is { } shared ? Export(shared, context, length) : null;

    // RFC 9180 §5.3
    private byte[] Export(byte[] shared, ReadOnlySpan<byte> context, int length)
    {
        var (_, _, exporter) = Schedule(shared, []);
        return LabeledExpand(kdfHash, _suiteId, exporter, "sec", context, length);
    }

    // RFC 9180 §4.1: Encap and Decap of DHKEM
    private (byte[] Shared, byte[] Encapsulated) Encapsulate(ReadOnlySpan<byte> publicKey)
    {
        using var ephemeral = GenerateKeyPair();
        var dh = kem.Agree(ephemeral.PrivateKey, publicKey) ?? throw new MlsException(Rules.PublicKeyMalformed);
        return (ExtractAndExpand(dh, [.. ephemeral.PublicKey, .. publicKey]), ephemeral.PublicKey);
    }

    private byte[]? Decapsulate(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> encapsulated) =>
        kem.Agree(privateKey, encapsulated) is { } dh ? ExtractAndExpand(dh, [.. encapsulated, .. kem.PublicKeyOf(privateKey)]) : null;

    public SecretKeyPair GenerateKeyPair() => KeyPairOf(kem.DerivePrivateKey(RandomNumberGenerator.GetBytes(kem.PrivateKeyLength)));

    public SecretKeyPair KeyPairOf(byte[] privateKey) => new(kem.PublicKeyOf(privateKey), privateKey);

    private byte[] ExtractAndExpand(byte[] dh, ReadOnlySpan<byte> context)
    {
        var prk = LabeledExtract(kem, default, "eae_prk", dh);
        CryptographicOperations.ZeroMemory(dh);
        return LabeledExpand(kem, prk, "shared_secret", context, kem.HashLength);
    }

    // RFC 9180 §5.1, mode_base without a pre-shared key
    private (byte[] Key, byte[] Nonce, byte[] Exporter) Schedule(byte[] shared, ReadOnlySpan<byte> info)
    {
        var pskIdHash = LabeledExtract(kdfHash, _suiteId, default, "psk_id_hash", []);
        var infoHash = LabeledExtract(kdfHash, _suiteId, default, "info_hash", info);
        byte[] context = [0, .. pskIdHash, .. infoHash];
        var secret = LabeledExtract(kdfHash, _suiteId, shared, "secret", []);
        CryptographicOperations.ZeroMemory(shared);
        return (
            LabeledExpand(kdfHash, _suiteId, secret, "key", context, aead.KeyLength),
            LabeledExpand(kdfHash, _suiteId, secret, "base_nonce", context, Aead.NonceLength),
            LabeledExpand(kdfHash, _suiteId, secret, "exp", context, kdfLength));
    }

    public static byte[] LabeledExtract(Kem kem, ReadOnlySpan<byte> salt, string label, ReadOnlySpan<byte> inputKeyingMaterial) =>
        LabeledExtract(kem.Hash, [.. "KEM"u8, (byte)(kem.Id >> 8), (byte)kem.Id], salt, label, inputKeyingMaterial);

    public static byte[] LabeledExpand(Kem kem, ReadOnlySpan<byte> prk, string label, ReadOnlySpan<byte> info, int length) =>
        LabeledExpand(kem.Hash, [.. "KEM"u8, (byte)(kem.Id >> 8), (byte)kem.Id], prk, label, info, length);

    // RFC 9180 §4
    private static byte[] LabeledExtract(HashAlgorithmName hash, ReadOnlySpan<byte> suiteId, ReadOnlySpan<byte> salt, string label, ReadOnlySpan<byte> inputKeyingMaterial)
    {
        byte[] labeled = [.. "HPKE-v1"u8, .. suiteId, .. Encoding.ASCII.GetBytes(label), .. inputKeyingMaterial];
        var prk = new byte[HashLengthOf(hash)];
        HKDF.Extract(hash, labeled, salt, prk);
        CryptographicOperations.ZeroMemory(labeled);
        return prk;
    }

    private static byte[] LabeledExpand(HashAlgorithmName hash, ReadOnlySpan<byte> suiteId, ReadOnlySpan<byte> prk, string label, ReadOnlySpan<byte> info, int length)
    {
        byte[] labeled = [(byte)(length >> 8), (byte)length, .. "HPKE-v1"u8, .. suiteId, .. Encoding.ASCII.GetBytes(label), .. info];
        var output = new byte[length];
        HKDF.Expand(hash, prk, output, labeled);
        return output;
    }

    internal static int HashLengthOf(HashAlgorithmName hash) => hash.Name switch { "SHA256" => 32, "SHA384" => 48, _ => 64 };
}
