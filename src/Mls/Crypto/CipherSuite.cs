using System.Buffers.Binary;
using System.Text;

namespace MlsConsole.Mls;

/// <summary>A cipher suite of RFC 9420 §5.1 and §17.1 with the labelled operations of §5 and §8.</summary>
public sealed class CipherSuite
{
    private readonly Kem _kem;
    private readonly Kdf _kdf;
    private readonly Aead _aead;
    private readonly SignatureAlgorithm _signature;
    private readonly Hpke _hpke;

    private CipherSuite(ushort id, string name, Kem kem, Kdf kdf, Aead aead, SignatureAlgorithm signature)
    {
        (Id, Name, _kem, _kdf, _aead, _signature) = (id, name, kem, kdf, aead, signature);
        _hpke = new(kem, kdf, aead);
    }

    /// <summary>The name of the switch (<see cref="AppContext.SetSwitch"/> before first use, or <c>runtimeconfig.json</c>) that adds <see cref="XWing"/>; it is off unless set.</summary>
    public const string XWingSwitch = "MlsConsole.Mls.XWing";

    /// <summary>MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519, a code point of the drafts that deployments use: ML-KEM-768 and X25519 together.</summary>
    public const ushort XWing = 0x004D;

    private static readonly CipherSuite[] s_all = Table(AppContext.TryGetSwitch(XWingSwitch, out bool xWing) && xWing);

    internal static CipherSuite[] Table(bool withXWing) =>
        [
            new(
                1,
                "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
                Kem.X25519,
                Kdf.Sha256,
                Aead.Aes128Gcm,
                SignatureAlgorithm.Ed25519
            ),
            new(
                2,
                "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
                Kem.P256,
                Kdf.Sha256,
                Aead.Aes128Gcm,
                SignatureAlgorithm.P256
            ),
            new(
                3,
                "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
                Kem.X25519,
                Kdf.Sha256,
                Aead.ChaCha20Poly1305,
                SignatureAlgorithm.Ed25519
            ),
            new(
                4,
                "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448",
                Kem.X448,
                Kdf.Sha512,
                Aead.Aes256Gcm,
                SignatureAlgorithm.Ed448
            ),
            new(
                5,
                "MLS_256_DHKEMP521_AES256GCM_SHA512_P521",
                Kem.P521,
                Kdf.Sha512,
                Aead.Aes256Gcm,
                SignatureAlgorithm.P521
            ),
            new(
                6,
                "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448",
                Kem.X448,
                Kdf.Sha512,
                Aead.ChaCha20Poly1305,
                SignatureAlgorithm.Ed448
            ),
            new(
                7,
                "MLS_256_DHKEMP384_AES256GCM_SHA384_P384",
                Kem.P384,
                Kdf.Sha384,
                Aead.Aes256Gcm,
                SignatureAlgorithm.P384
            ),
            .. withXWing
                ?
                [
                    new CipherSuite(
                        XWing,
                        "MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519",
                        Kem.XWing,
                        Kdf.Sha256,
                        Aead.ChaCha20Poly1305,
                        SignatureAlgorithm.Ed25519
                    ),
                ]
                : Array.Empty<CipherSuite>(),
        ];

    /// <summary>The suites that this library supports.</summary>
    public static IReadOnlyList<CipherSuite> All { get; } = Array.AsReadOnly(s_all);

    /// <summary>The suite of a number.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CipherSuiteUnsupported"/></exception>
    public static CipherSuite Get(ushort id) =>
        Find(id) ?? throw new MlsException(Rules.CipherSuiteUnsupported, $"0x{id:x4}");

    /// <summary>Whether this library supports the suite of a number.</summary>
    public static bool IsSupported(ushort id) => Find(id) is not null;

    private static CipherSuite? Find(ushort id)
    {
        foreach (var suite in s_all)
            if (suite.Id == id)
                return suite;
        return null;
    }

    /// <summary>The suite's number.</summary>
    public ushort Id { get; }

    /// <summary>The suite's registered name.</summary>
    public string Name { get; }

    /// <summary>KDF.Nh: bytes of a hash and of most secrets.</summary>
    public int HashLength => _kdf.Length;

    /// <summary>The number of the suite's signature scheme in TLS (RFC 9420 §5.1).</summary>
    public ushort SignatureScheme => _signature.Scheme;

    /// <summary>Bytes of an HPKE public key.</summary>
    internal int KemPublicKeyLength => _kem.PublicKeyLength;

    /// <summary>Nenc: bytes of a KEM output.</summary>
    internal int KemOutputLength => _kem.OutputLength;

    /// <summary>AEAD.Nk.</summary>
    internal int AeadKeyLength => _aead.KeyLength;

    /// <summary>AEAD.Nn.</summary>
    internal int AeadNonceLength { get; } = Aead.NonceLength;

    /// <summary>Bytes that encryption adds.</summary>
    internal int AeadTagLength { get; } = Aead.TagLength;

    /// <summary>The suite's hash.</summary>
    internal byte[] Hash(ReadOnlySpan<byte> data)
    {
        CryptoOperations.Count(CryptoOperations.Hash);
        var hash = new byte[HashLength];
        _kdf.Hash(data, hash);
        return hash;
    }

    /// <summary>The suite's hash into <paramref name="destination"/>, which has at least <see cref="HashLength"/> bytes.</summary>
    internal void Hash(ReadOnlySpan<byte> data, Span<byte> destination)
    {
        CryptoOperations.Count(CryptoOperations.Hash);
        _kdf.Hash(data, destination);
    }

    /// <summary>RefHash, RFC 9420 §5.2: <c>Hash(struct { opaque label&lt;V&gt;; opaque value&lt;V&gt;; })</c>.</summary>
    internal byte[] RefHash(string label, ReadOnlySpan<byte> value) => RefHash(Encoding.UTF8.GetBytes(label), value);

    /// <summary>KeyPackageRef, RFC 9420 §5.2, of an encoded KeyPackage.</summary>
    internal byte[] KeyPackageReference(ReadOnlySpan<byte> encodedKeyPackage) =>
        RefHash("MLS 1.0 KeyPackage Reference"u8, encodedKeyPackage);

    /// <summary>ProposalRef, RFC 9420 §5.2, of the encoded AuthenticatedContent that holds the proposal.</summary>
    internal byte[] ProposalReference(ReadOnlySpan<byte> encodedAuthenticatedContent) =>
        RefHash("MLS 1.0 Proposal Reference"u8, encodedAuthenticatedContent);

    private byte[] RefHash(ReadOnlySpan<byte> label, ReadOnlySpan<byte> value)
    {
        using var input = new Scratch(stackalloc byte[Scratch.StackSize]);
        input.AppendOpaque(label);
        input.AppendOpaque(value);
        return Hash(input.Written);
    }

    /// <summary>VerifyWithLabel, RFC 9420 §5.1.2. False for anything malformed.</summary>
    public bool VerifyWithLabel(
        ReadOnlySpan<byte> publicKey,
        string label,
        ReadOnlySpan<byte> content,
        ReadOnlySpan<byte> signature
    )
    {
        CryptoOperations.Count(CryptoOperations.Verify);
        using var input = new Scratch(stackalloc byte[Scratch.StackSize]);
        input.AppendOpaque(Labels.Prefixed(label));
        input.AppendOpaque(content);
        return _signature.Verify(publicKey, input.Written, signature);
    }

    /// <summary>SignWithLabel, RFC 9420 §5.1.2.</summary>
    /// <exception cref="ArgumentException">The private key is malformed.</exception>
    public byte[] SignWithLabel(ReadOnlySpan<byte> privateKey, string label, ReadOnlySpan<byte> content)
    {
        CryptoOperations.Count(CryptoOperations.Sign);
        using var input = new Scratch(stackalloc byte[Scratch.StackSize]);
        input.AppendOpaque(Labels.Prefixed(label));
        input.AppendOpaque(content);
        return _signature.Sign(privateKey, input.Written);
    }

    /// <summary>Whether an HPKE public key has the right length and is a point that may be used.</summary>
    public bool IsWellFormedKemPublicKey(ReadOnlySpan<byte> key)
    {
        CryptoOperations.Count(CryptoOperations.CheckKey);
        return _kem.IsWellFormed(key);
    }

    /// <summary>Whether a signature public key has the right length and, on the NIST curves, is a point.</summary>
    public bool IsWellFormedSignaturePublicKey(ReadOnlySpan<byte> key)
    {
        CryptoOperations.Count(CryptoOperations.CheckKey);
        return _signature.IsWellFormed(key);
    }

    /// <summary>EncryptWithLabel, RFC 9420 §5.1.3.</summary>
    /// <exception cref="MlsException"><see cref="Rules.PublicKeyMalformed"/></exception>
    internal (byte[] KemOutput, byte[] Ciphertext) EncryptWithLabel(
        ReadOnlySpan<byte> publicKey,
        string label,
        ReadOnlySpan<byte> context,
        ReadOnlySpan<byte> plaintext
    )
    {
        CryptoOperations.Count(CryptoOperations.Hpke);
        using var info = new Scratch(stackalloc byte[Scratch.StackSize]);
        info.AppendOpaque(Labels.Prefixed(label));
        info.AppendOpaque(context);
        return _hpke.Seal(publicKey, info.Written, plaintext) ?? throw new MlsException(Rules.PublicKeyMalformed);
    }

    /// <summary>DecryptWithLabel, RFC 9420 §5.1.3.</summary>
    /// <exception cref="MlsException"><see cref="Rules.HpkeOpen"/></exception>
    internal byte[] DecryptWithLabel(
        ReadOnlySpan<byte> privateKey,
        string label,
        ReadOnlySpan<byte> context,
        ReadOnlySpan<byte> kemOutput,
        ReadOnlySpan<byte> ciphertext
    )
    {
        CryptoOperations.Count(CryptoOperations.Hpke);
        using var info = new Scratch(stackalloc byte[Scratch.StackSize]);
        info.AppendOpaque(Labels.Prefixed(label));
        info.AppendOpaque(context);
        return _hpke.Open(privateKey, info.Written, kemOutput, ciphertext) ?? throw new MlsException(Rules.HpkeOpen);
    }

    /// <summary>SetupBaseS and Export with empty info, for the external init secret (RFC 9420 §8.3).</summary>
    /// <exception cref="MlsException"><see cref="Rules.PublicKeyMalformed"/></exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is above 255 * <see cref="HashLength"/>.</exception>
    internal (byte[] KemOutput, byte[] Exported) ExportSend(
        ReadOnlySpan<byte> publicKey,
        string exporterContext,
        int length
    )
    {
        CryptoOperations.Count(CryptoOperations.Hpke);
        CheckExpandLength(length);
        return _hpke.ExportSend(publicKey, Encoding.UTF8.GetBytes(exporterContext), length)
            ?? throw new MlsException(Rules.PublicKeyMalformed);
    }

    /// <summary>SetupBaseR and Export with empty info (RFC 9420 §8.3).</summary>
    /// <exception cref="MlsException"><see cref="Rules.HpkeOpen"/></exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is above 255 * <see cref="HashLength"/>.</exception>
    internal byte[] ExportReceive(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> kemOutput,
        string exporterContext,
        int length
    )
    {
        CryptoOperations.Count(CryptoOperations.Hpke);
        CheckExpandLength(length);
        return _hpke.ExportReceive(privateKey, kemOutput, Encoding.UTF8.GetBytes(exporterContext), length)
            ?? throw new MlsException(Rules.HpkeOpen);
    }

    /// <summary>KDF.Extract.</summary>
    internal byte[] Extract(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> inputKeyingMaterial)
    {
        CryptoOperations.Count(CryptoOperations.Derive);
        var prk = new byte[HashLength];
        _kdf.Extract(salt, inputKeyingMaterial, prk);
        return prk;
    }

    /// <summary>KDF.Expand.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is above 255 * <see cref="HashLength"/>.</exception>
    internal byte[] Expand(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> info, int length)
    {
        CryptoOperations.Count(CryptoOperations.Derive);
        CheckExpandLength(length);
        var output = new byte[length];
        _kdf.Expand(prk, info, output);
        return output;
    }

    /// <summary>ExpandWithLabel, RFC 9420 §8: <c>struct { uint16 length; opaque label&lt;V&gt;; opaque context&lt;V&gt;; } KDFLabel</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is above 255 * <see cref="HashLength"/>.</exception>
    internal byte[] ExpandWithLabel(ReadOnlySpan<byte> secret, string label, ReadOnlySpan<byte> context, int length)
    {
        CryptoOperations.Count(CryptoOperations.Derive);
        CheckExpandLength(length);
        using var info = new Scratch(stackalloc byte[Scratch.StackSize]);
        info.AppendUInt16(length);
        info.AppendOpaque(Labels.Prefixed(label));
        info.AppendOpaque(context);
        var output = new byte[length];
        _kdf.Expand(secret, info.Written, output);
        return output;
    }

    private void CheckExpandLength(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 255 * HashLength);
    }

    /// <summary>DeriveSecret, RFC 9420 §8.</summary>
    internal byte[] DeriveSecret(ReadOnlySpan<byte> secret, string label) =>
        ExpandWithLabel(secret, label, [], HashLength);

    /// <summary>DeriveTreeSecret, RFC 9420 §9.1.</summary>
    internal byte[] DeriveTreeSecret(ReadOnlySpan<byte> secret, string label, uint generation, int length)
    {
        Span<byte> context = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(context, generation);
        return ExpandWithLabel(secret, label, context, length);
    }

    /// <summary>HMAC with the suite's hash.</summary>
    internal byte[] Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        CryptoOperations.Count(CryptoOperations.Mac);
        var tag = new byte[HashLength];
        _kdf.Mac(key, data, tag);
        return tag;
    }

    /// <summary>AEAD.Seal; the tag stands behind the ciphertext.</summary>
    /// <exception cref="ArgumentException">The key or the nonce has not the suite's length.</exception>
    internal byte[] AeadSeal(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> additionalData,
        ReadOnlySpan<byte> plaintext
    )
    {
        CryptoOperations.Count(CryptoOperations.Aead);
        return _aead.Seal(key, nonce, additionalData, plaintext);
    }

    /// <summary>AEAD.Open.</summary>
    /// <exception cref="ArgumentException">The key or the nonce has not the suite's length.</exception>
    /// <exception cref="MlsException"><see cref="Rules.AeadOpen"/></exception>
    internal byte[] AeadOpen(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> additionalData,
        ReadOnlySpan<byte> ciphertext
    )
    {
        CryptoOperations.Count(CryptoOperations.Aead);
        return _aead.Open(key, nonce, additionalData, ciphertext) ?? throw new MlsException(Rules.AeadOpen);
    }

    /// <summary>A new signature key pair.</summary>
    public SecretKeyPair GenerateSignatureKeyPair()
    {
        CryptoOperations.Count(CryptoOperations.GenerateKey);
        return _signature.Generate();
    }

    /// <summary>A new HPKE key pair.</summary>
    internal SecretKeyPair GenerateKemKeyPair()
    {
        CryptoOperations.Count(CryptoOperations.GenerateKey);
        return _kem.Generate();
    }

    /// <summary>KEM.DeriveKeyPair, as RFC 9420 §7.4 uses it for node secrets.</summary>
    internal SecretKeyPair DeriveKemKeyPair(ReadOnlySpan<byte> inputKeyingMaterial)
    {
        CryptoOperations.Count(CryptoOperations.GenerateKey);
        return _kem.Derive(inputKeyingMaterial);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
