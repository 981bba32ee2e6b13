namespace MlsConsole.Mls;

/// <summary>A key encapsulation mechanism of HPKE, RFC 9180 §4. Lengths in bytes are fixed per mechanism.</summary>
/// <param name="id">HPKE's number, RFC 9180 §7.1.</param>
/// <param name="secretLength">Nsecret.</param>
/// <param name="publicKeyLength">Npk.</param>
/// <param name="outputLength">Nenc.</param>
internal abstract class Kem(ushort id, int secretLength, int publicKeyLength, int outputLength)
{
    /// <summary>The longest shared secret of any mechanism.</summary>
    public const int MaximumSecretLength = 64;

    public ushort Id => id;
    public int SecretLength => secretLength;
    public int PublicKeyLength => publicKeyLength;
    public int OutputLength => outputLength;

    /// <summary>Encap: fills <paramref name="secret"/> and returns what lets the private key find it, or null for a malformed public key.</summary>
    public abstract byte[]? Encapsulate(ReadOnlySpan<byte> publicKey, Span<byte> secret);

    /// <summary>Decap: false if a key or the output is malformed.</summary>
    public abstract bool Decapsulate(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> output, Span<byte> secret);

    /// <summary>Whether the key has the right length and gives a secret that nobody can guess.</summary>
    public abstract bool IsWellFormed(ReadOnlySpan<byte> publicKey);

    /// <summary>GenerateKeyPair.</summary>
    public abstract SecretKeyPair Generate();

    /// <summary>DeriveKeyPair, RFC 9180 §7.1.3.</summary>
    public abstract SecretKeyPair Derive(ReadOnlySpan<byte> inputKeyingMaterial);

    public static Kem X25519 { get; } = new X25519Kem();
    public static Kem X448 { get; } = new X448Kem();
    public static Kem XWing { get; } = new XWingKem();
    public static Kem P256 { get; } = new NistKem(0x0010, NistCurve.P256, Kdf.Sha256, 0xff);
    public static Kem P384 { get; } = new NistKem(0x0011, NistCurve.P384, Kdf.Sha384, 0xff);
    public static Kem P521 { get; } = new NistKem(0x0012, NistCurve.P521, Kdf.Sha512, 0x01);
}
