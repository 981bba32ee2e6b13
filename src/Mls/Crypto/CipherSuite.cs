using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MlsConsole.Mls;

/// <summary>A cipher suite of RFC 9420 §5.1 and §17.1 with the labelled operations of §5 and §8.</summary>
public sealed class CipherSuite
{
    private readonly HashAlgorithmName _hash;
    private readonly Kem _kem;
    private readonly Aead _aead;
    private readonly SignatureAlgorithm _signature;
    private readonly Hpke _hpke;

    private CipherSuite(ushort id, string name, Kem kem, HashAlgorithmName hash, ushort kdfId, Aead aead, SignatureAlgorithm signature)
    {
        (Id, Name, _kem, _hash, _aead, _signature) = (id, name, kem, hash, aead, signature);
        HashLength = Hpke.HashLengthOf(hash);
        _hpke = new(kem, kdfId, hash, HashLength, aead);
    }

    private static readonly CipherSuite[] s_all =
    [
        new(1, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519", Kem.X25519, HashAlgorithmName.SHA256, 1, Aead.Aes128Gcm, SignatureAlgorithm.Ed25519),
        new(2, "MLS_128_DHKEMP256_AES128GCM_SHA256_P256", Kem.P256, HashAlgorithmName.SHA256, 1, Aead.Aes128Gcm, SignatureAlgorithm.P256),
        new(3, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519", Kem.X25519, HashAlgorithmName.SHA256, 1, Aead.ChaCha20Poly1305, SignatureAlgorithm.Ed25519),
        new(4, "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448", Kem.X448, HashAlgorithmName.SHA512, 3, Aead.Aes256Gcm, SignatureAlgorithm.Ed448),
        new(5, "MLS_256_DHKEMP521_AES256GCM_SHA512_P521", Kem.P521, HashAlgorithmName.SHA512, 3, Aead.Aes256Gcm, SignatureAlgorithm.P521),
        new(6, "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448", Kem.X448, HashAlgorithmName.SHA512, 3, Aead.ChaCha20Poly1305, SignatureAlgorithm.Ed448),
        new(7, "MLS_256_DHKEMP384_AES256GCM_SHA384_P384", Kem.P384, HashAlgorithmName.SHA384, 2, Aead.Aes256Gcm, SignatureAlgorithm.P384),
    ];

    /// <summary>The suites that this library supports.</summary>
    public static IReadOnlyList<CipherSuite> All => s_all;

    /// <summary>The suite of a number.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CipherSuiteUnsupported"/></exception>
    public static CipherSuite Get(ushort id) => IsSupported(id) ? s_all[id - 1] : throw new MlsException(Rules.CipherSuiteUnsupported, $"0x{id:x4}");

    /// <summary>Whether this library supports the suite of a number.</summary>
    public static bool IsSupported(ushort id) => id >= 1 && id <= s_all.Length;

    /// <summary>The suite's number.</summary>
    public ushort Id { get; }
    /// <summary>The suite's registered name.</summary>
    public string Name { get; }
    /// <summary>KDF.Nh: bytes of a hash and of most secrets.</summary>
    public int HashLength { get; }
    /// <summary>Bytes of an HPKE public key.</summary>
    public int KemPublicKeyLength => _kem.PublicKeyLength;
    /// <summary>Nenc: bytes of a KEM output.</summary>
    public int KemOutputLength => _kem.PublicKeyLength;
    /// <summary>AEAD.Nk.</summary>
    public int AeadKeyLength => _aead.KeyLength;
    /// <summary>AEAD.Nn.</summary>
    public int AeadNonceLength { get; } = Aead.NonceLength;
    /// <summary>Bytes that encryption adds.</summary>
    public int AeadTagLength { get; } = Aead.TagLength;

    /// <summary>The suite's hash.</summary>
    public byte[] Hash(ReadOnlySpan<byte> data)
    {
        var hash = new byte[HashLength];
        Hash(data, hash);
        return hash;
    }

    /// <summary>The suite's hash into <paramref name="destination"/> of <see cref="HashLength"/> bytes.</summary>
    public void Hash(ReadOnlySpan<byte> data, Span<byte> destination) => CryptographicOperations.HashData(_hash, data, destination);

    /// <summary>RefHash, RFC 9420 §5.2: <c>Hash(struct { opaque label&lt;V&gt;; opaque value&lt;V&gt;; })</c>.</summary>
    public byte[] RefHash(string label, ReadOnlySpan<byte> value) =>
        Hash(new TlsWriter(value.Length + 64).WriteOpaque(Encoding.ASCII.GetBytes(label)).WriteOpaque(value).WrittenSpan);

    internal byte[] KeyPackageReference(ReadOnlySpan<byte> keyPackage) => RefHash("MLS 1.0 KeyPackage Reference", keyPackage);
    internal byte[] ProposalReference(ReadOnlySpan<byte> authenticatedContent) => RefHash("MLS 1.0 Proposal Reference", authenticatedContent);

    /// <summary>VerifyWithLabel, RFC 9420 §5.1.2. False for anything malformed.</summary>
    public bool VerifyWithLabel(ReadOnlySpan<byte> publicKey, string label, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature) =>
        _signature.Verify(publicKey, Labelled(label, content), signature);

    /// <summary>SignWithLabel, RFC 9420 §5.1.2.</summary>
    public byte[] SignWithLabel(ReadOnlySpan<byte> privateKey, string label, ReadOnlySpan<byte> content) =>
        _signature.Sign(privateKey, Labelled(label, content));

    /// <summary>Whether an HPKE public key has the right length and is a point that may be used.</summary>
    public bool IsWellFormedKemPublicKey(ReadOnlySpan<byte> key) => _kem.IsWellFormed(key);

    /// <summary>Whether a signature public key has the right length and, on the NIST curves, is a point.</summary>
    public bool IsWellFormedSignaturePublicKey(ReadOnlySpan<byte> key) => _signature.IsWellFormed(key);

    /// <summary>EncryptWithLabel, RFC 9420 §5.1.3.</summary>
    /// <exception cref="MlsException"><see cref="Rules.PublicKeyMalformed"/></exception>
    public (byte[] KemOutput, byte[] Ciphertext) EncryptWithLabel(ReadOnlySpan<byte> publicKey, string label, ReadOnlySpan<byte> context, ReadOnlySpan<byte> plaintext) =>
        _hpke.Seal(publicKey, Labelled(label, context), plaintext);

    /// <summary>DecryptWithLabel, RFC 9420 §5.1.3.</summary>
    /// <exception cref="MlsException"><see cref="Rules.HpkeOpen"/></exception>
    public byte[] DecryptWithLabel(ReadOnlySpan<byte> privateKey, string label, ReadOnlySpan<byte> context, ReadOnlySpan<byte> kemOutput, ReadOnlySpan<byte> ciphertext) =>
        _hpke.Open(privateKey, Labelled(label, context), kemOutput, ciphertext) ?? throw new MlsException(Rules.HpkeOpen);

    /// <summary>SetupBaseS and Export with empty info, for the external init secret (RFC 9420 §8.3).</summary>
    /// <exception cref="MlsException"><see cref="Rules.PublicKeyMalformed"/></exception>
    public (byte[] KemOutput, byte[] Exported) ExportSend(ReadOnlySpan<byte> publicKey, string context, int length) =>
        _hpke.ExportSend(publicKey, Encoding.ASCII.GetBytes(context), length);

    /// <summary>SetupBaseR and Export with empty info (RFC 9420 §8.3).</summary>
    /// <exception cref="MlsException"><see cref="Rules.HpkeOpen"/></exception>
    public byte[] ExportReceive(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> kemOutput, string context, int length) =>
        _hpke.ExportReceive(privateKey, kemOutput, Encoding.ASCII.GetBytes(context), length) ?? throw new MlsException(Rules.HpkeOpen);

    /// <summary>KDF.Extract.</summary>
    public byte[] Extract(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> inputKeyingMaterial)
    {
        var prk = new byte[HashLength];
        HKDF.Extract(_hash, inputKeyingMaterial, salt, prk);
        return prk;
    }

    /// <summary>ExpandWithLabel, RFC 9420 §8: <c>struct { uint16 length; opaque label&lt;V&gt;; opaque context&lt;V&gt;; } KDFLabel</c>.</summary>
    public byte[] ExpandWithLabel(ReadOnlySpan<byte> secret, string label, ReadOnlySpan<byte> context, int length)
    {
        var info = new TlsWriter(context.Length + 64).WriteUInt16(checked((ushort)length)).WriteOpaque(FullLabel(label)).WriteOpaque(context);
        var output = new byte[length];
        HKDF.Expand(_hash, secret, output, info.WrittenSpan);
        return output;
    }

    /// <summary>DeriveSecret, RFC 9420 §8.</summary>
    public byte[] DeriveSecret(ReadOnlySpan<byte> secret, string label) => ExpandWithLabel(secret, label, [], HashLength);

    /// <summary>DeriveTreeSecret, RFC 9420 §9.1.</summary>
    public byte[] DeriveTreeSecret(ReadOnlySpan<byte> secret, string label, uint generation, int length)
    {
        Span<byte> context = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(context, generation);
        return ExpandWithLabel(secret, label, context, length);
    }

    /// <summary>HMAC with the suite's hash.</summary>
    public byte[] Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data) => CryptographicOperations.HmacData(_hash, key, data);

    /// <summary>AEAD.Seal; the tag stands behind the ciphertext.</summary>
    public byte[] AeadSeal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> additionalData, ReadOnlySpan<byte> plaintext) =>
        _aead.Seal(key, nonce, additionalData, plaintext);

    /// <summary>AEAD.Open.</summary>
    /// <exception cref="MlsException"><see cref="Rules.AeadOpen"/></exception>
    public byte[] AeadOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> additionalData, ReadOnlySpan<byte> ciphertext) =>
        _aead.Open(key, nonce, additionalData, ciphertext) ?? throw new MlsException(Rules.AeadOpen);

    /// <summary>A new signature key pair.</summary>
    public SecretKeyPair GenerateSignatureKeyPair() => _signature.Generate();

    /// <summary>A new HPKE key pair.</summary>
    public SecretKeyPair GenerateKemKeyPair() => _hpke.GenerateKeyPair();

    /// <summary>KEM.DeriveKeyPair, as RFC 9420 §7.4 uses it for node secrets.</summary>
    public SecretKeyPair DeriveKemKeyPair(ReadOnlySpan<byte> inputKeyingMaterial) => _hpke.KeyPairOf(_kem.DerivePrivateKey(inputKeyingMaterial));

    // struct { opaque label<V> = "MLS 1.0 " + Label; opaque content<V>; }
    private static ReadOnlySpan<byte> Labelled(string label, ReadOnlySpan<byte> content) =>
        new TlsWriter(content.Length + 64).WriteOpaque(FullLabel(label)).WriteOpaque(content).WrittenSpan;

    private static byte[] FullLabel(string label) => Encoding.ASCII.GetBytes("MLS 1.0 " + label);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
