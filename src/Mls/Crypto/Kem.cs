namespace MlsConsole.Mls;

/// <summary>
/// A key encapsulation mechanism (KEM) of HPKE, RFC 9180 §4. All lengths are in bytes and fixed for the mechanism.
/// </summary>
/// <param name="id">The number that RFC 9180 §7.1 gives the KEM.</param>
/// <param name="secretLength">Nsecret: length of a shared secret.</param>
/// <param name="publicKeyLength">Npk: length of a public key.</param>
/// <param name="outputLength">Nenc: length of a KEM output.</param>
internal abstract class Kem(ushort id, int secretLength, int publicKeyLength, int outputLength)
{
    /// <summary>The longest shared secret of any mechanism, in bytes.</summary>
    public const int MaximumSecretLength = 64;

    public ushort Id => id;
    public int SecretLength => secretLength;
    public int PublicKeyLength => publicKeyLength;
    public int OutputLength => outputLength;

    /// <summary>
    /// Encap: fills <paramref name="secret"/> with a new shared secret and returns the KEM output, from which the
    /// holder of the private key gets the same secret. Null if the public key is malformed.
    /// </summary>
    public abstract byte[]? Encapsulate(ReadOnlySpan<byte> publicKey, Span<byte> secret);

    /// <summary>
    /// Decap: fills <paramref name="secret"/> with the shared secret. False if the private key or the KEM output is
    /// malformed.
    /// </summary>
    public abstract bool Decapsulate(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> output, Span<byte> secret);

    /// <summary>Whether the public key has the right length and gives a shared secret that cannot be guessed.</summary>
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
