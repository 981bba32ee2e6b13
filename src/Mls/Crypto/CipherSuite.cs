using System.Buffers.Binary;
using System.Text;

namespace MlsConsole.Mls;

/// <summary>A cipher suite of RFC 9420 §5.1 and §17.1 with the labelled operations of §5 and §8.</summary>
public sealed partial class CipherSuite
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

    private static readonly CipherSuite[] s_all = Table(AppContext.TryGetSwitch(XWingSwitch, out bool xWing) && xWing);

    /// <summary>The cipher suites that this library supports.</summary>
    public static IReadOnlyList<CipherSuite> All { get; } = Array.AsReadOnly(s_all);

    /// <summary>The cipher suite with the given number.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CipherSuiteUnsupported"/></exception>
    public static CipherSuite Get(ushort id) =>
        Find(id) ?? throw new MlsException(Rules.CipherSuiteUnsupported, $"0x{id:x4}");

    /// <summary>Whether this library supports the cipher suite with the given number.</summary>
    public static bool IsSupported(ushort id) => Find(id) is not null;

    private static CipherSuite? Find(ushort id)
    {
        foreach (var suite in s_all)
            if (suite.Id == id)
                return suite;
        return null;
    }

    /// <summary>The number of the cipher suite (RFC 9420 §17.1).</summary>
    public ushort Id { get; }

    /// <summary>The registered name of the cipher suite.</summary>
    public string Name { get; }

    /// <summary>KDF.Nh: length in bytes of a hash and of most secrets.</summary>
    public int HashLength => _kdf.Length;

    /// <summary>The number of the suite's signature scheme in TLS (RFC 9420 §5.1).</summary>
    public ushort SignatureScheme => _signature.Scheme;

    /// <summary>Length of an HPKE public key in bytes.</summary>
    internal int KemPublicKeyLength => _kem.PublicKeyLength;

    /// <summary>Nenc: length of a KEM output in bytes.</summary>
    internal int KemOutputLength => _kem.OutputLength;

    /// <summary>AEAD.Nk: length of an AEAD key in bytes.</summary>
    internal int AeadKeyLength => _aead.KeyLength;

    /// <summary>AEAD.Nn: length of an AEAD nonce in bytes.</summary>
    internal int AeadNonceLength { get; } = Aead.NonceLength;

    /// <summary>How many bytes longer a ciphertext is than its plaintext.</summary>
    internal int AeadTagLength { get; } = Aead.TagLength;

    /// <summary>Hashes with the hash function of the suite.</summary>
    internal byte[] Hash(ReadOnlySpan<byte> data)
    {
        CryptoOperations.Count(CryptoOperations.Hash);
        var hash = new byte[HashLength];
        _kdf.Hash(data, hash);
        return hash;
    }

    /// <summary>
    /// Hashes into <paramref name="destination"/>, which has at least <see cref="HashLength"/> bytes.
    /// </summary>
    internal void Hash(ReadOnlySpan<byte> data, Span<byte> destination)
    {
        CryptoOperations.Count(CryptoOperations.Hash);
        _kdf.Hash(data, destination);
    }

    /// <summary>
    /// RefHash, RFC 9420 §5.2: <c>Hash(struct { opaque label&lt;V&gt;; opaque value&lt;V&gt;; })</c>.
    /// </summary>
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

    /// <summary>
    /// Whether an HPKE public key has the right length and is a point with which the KEM can be used safely.
    /// </summary>
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
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is above 255 * <see cref="HashLength"/>.
    /// </exception>
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

    /// <summary>SetupBaseR and Export with empty info, for the external init secret (RFC 9420 §8.3).</summary>
    /// <exception cref="MlsException"><see cref="Rules.HpkeOpen"/></exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is above 255 * <see cref="HashLength"/>.
    /// </exception>
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
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is above 255 * <see cref="HashLength"/>.
    /// </exception>
    internal byte[] Expand(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> info, int length)
    {
        CryptoOperations.Count(CryptoOperations.Derive);
        CheckExpandLength(length);
        var output = new byte[length];
        _kdf.Expand(prk, info, output);
        return output;
    }

    /// <summary>
    /// ExpandWithLabel, RFC 9420 §8, whose info is <c>struct { uint16 length; opaque label&lt;V&gt;; opaque
    /// context&lt;V&gt;; } KDFLabel</c>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is above 255 * <see cref="HashLength"/>.
    /// </exception>
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

    /// <summary>AEAD.Seal. Returns the ciphertext with the tag behind it.</summary>
    /// <exception cref="ArgumentException">The key or the nonce does not have the suite's length.</exception>
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
    /// <exception cref="ArgumentException">The key or the nonce does not have the suite's length.</exception>
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

    /// <summary>Generates a signature key pair.</summary>
    public SecretKeyPair GenerateSignatureKeyPair()
    {
        CryptoOperations.Count(CryptoOperations.GenerateKey);
        return _signature.Generate();
    }

    /// <summary>Generates an HPKE key pair.</summary>
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
