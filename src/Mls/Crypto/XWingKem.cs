using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Kems;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace MlsConsole.Mls;

/// <summary>
/// The KEM X-Wing, which combines ML-KEM-768 (FIPS 203) and X25519 and is secure while one of the two is
/// (draft-connolly-cfrg-xwing-kem-06; number 0x647A in HPKE).
/// </summary>
/// <remarks>
/// A private key is a seed of 32 bytes. A public key is the ML-KEM public key (1184 bytes) and the X25519 public key
/// (32 bytes). A KEM output is the ML-KEM ciphertext (1088 bytes) and the ephemeral X25519 public key (32 bytes).
/// </remarks>
internal sealed class XWingKem() : Kem(0x647A, 32, MlKemKeyLength + 32, MlKemCiphertextLength + 32)
{
    private const int MlKemKeyLength = 1184,
        MlKemCiphertextLength = 1088,
        SeedLength = 32;

    // XWingLabel of draft-connolly-cfrg-xwing-kem-06 §5.3: the characters "\./" and "/^\".
    private static ReadOnlySpan<byte> Label => [0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c];

    public override byte[]? Encapsulate(ReadOnlySpan<byte> publicKey, Span<byte> secret)
    {
        if (publicKey.Length != PublicKeyLength || TryDecode(publicKey[..MlKemKeyLength]) is not { } mlKemKey)
            return null;
        var output = new byte[OutputLength];
        Span<byte> ephemeral = stackalloc byte[32],
            shared = stackalloc byte[64];
        RandomNumberGenerator.Fill(ephemeral);
        var encapsulator = new MLKemEncapsulator(MLKemParameters.ml_kem_768);
        encapsulator.Init(new ParametersWithRandom(mlKemKey, new SecureRandom()));
        encapsulator.Encapsulate(output.AsSpan(0, MlKemCiphertextLength), shared[..32]);
        Sodium.X25519Base(ephemeral, output.AsSpan(MlKemCiphertextLength));
        bool agreed = Sodium.X25519(ephemeral, publicKey[MlKemKeyLength..], shared[32..]);
        Combine(shared, output.AsSpan(MlKemCiphertextLength), publicKey[MlKemKeyLength..], secret);
        CryptographicOperations.ZeroMemory(ephemeral);
        return agreed ? output : null;
    }

    public override bool Decapsulate(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> output, Span<byte> secret)
    {
        if (privateKey.Length != SeedLength || output.Length != OutputLength)
            return false;
        Span<byte> x25519 = stackalloc byte[32],
            publicKey = stackalloc byte[32],
            shared = stackalloc byte[64];
        var mlKem = Expand(privateKey, x25519);
        var decapsulator = new MLKemDecapsulator(MLKemParameters.ml_kem_768);
        decapsulator.Init(mlKem);
        decapsulator.Decapsulate(output[..MlKemCiphertextLength], shared[..32]);
        bool agreed = Sodium.X25519(x25519, output[MlKemCiphertextLength..], shared[32..]);
        Sodium.X25519Base(x25519, publicKey);
        Combine(shared, output[MlKemCiphertextLength..], publicKey, secret);
        CryptographicOperations.ZeroMemory(x25519);
        return agreed;
    }

    public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) =>
        publicKey.Length == PublicKeyLength
        && X25519.IsWellFormed(publicKey[MlKemKeyLength..])
        && TryDecode(publicKey[..MlKemKeyLength]) is not null;

    public override SecretKeyPair Generate() => PairOf(RandomNumberGenerator.GetBytes(SeedLength));

    // draft-connolly-cfrg-xwing-kem-06 §5.7: the seed is SHAKE256(ikm, 32).
    public override SecretKeyPair Derive(ReadOnlySpan<byte> inputKeyingMaterial)
    {
        var seed = new byte[SeedLength];
        Shake256(inputKeyingMaterial, seed);
        return PairOf(seed);
    }

    private SecretKeyPair PairOf(byte[] seed)
    {
        Span<byte> x25519 = stackalloc byte[32];
        var publicKey = new byte[PublicKeyLength];
        Expand(seed, x25519).GetPublicKeyEncoded().CopyTo(publicKey, 0);
        Sodium.X25519Base(x25519, publicKey.AsSpan(MlKemKeyLength));
        CryptographicOperations.ZeroMemory(x25519);
        return new(publicKey, seed);
    }

    // draft-connolly-cfrg-xwing-kem-06 §5.2, expandDecapsulationKey: SHAKE256(seed, 96) is d || z of ML-KEM and the
    // X25519 private key.
    private static MLKemPrivateKeyParameters Expand(ReadOnlySpan<byte> seed, Span<byte> x25519)
    {
        Span<byte> expanded = stackalloc byte[96];
        Shake256(seed, expanded);
        expanded[64..].CopyTo(x25519);
        var mlKemSeed = expanded[..64].ToArray();
        var key = MLKemPrivateKeyParameters.FromSeed(MLKemParameters.ml_kem_768, mlKemSeed);
        CryptographicOperations.ZeroMemory(mlKemSeed);
        CryptographicOperations.ZeroMemory(expanded);
        return key;
    }

    // draft-connolly-cfrg-xwing-kem-06 §5.3: SHA3-256(ss_M || ss_X || ct_X || pk_X || label).
    private static void Combine(
        Span<byte> shared,
        ReadOnlySpan<byte> ephemeral,
        ReadOnlySpan<byte> publicKey,
        Span<byte> secret
    )
    {
        var sha3 = new Sha3Digest(256);
        sha3.BlockUpdate(shared);
        sha3.BlockUpdate(ephemeral);
        sha3.BlockUpdate(publicKey);
        sha3.BlockUpdate(Label);
        sha3.DoFinal(secret);
        CryptographicOperations.ZeroMemory(shared);
    }

    private static void Shake256(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var shake = new ShakeDigest(256);
        shake.BlockUpdate(input);
        shake.OutputFinal(output);
    }

    // FIPS 203 §7.2: the check that a sender makes of an ML-KEM public key.
    private static MLKemPublicKeyParameters? TryDecode(ReadOnlySpan<byte> encoded)
    {
        try
        {
            return MLKemPublicKeyParameters.FromEncoding(MLKemParameters.ml_kem_768, encoded.ToArray());
        }
        catch (ArgumentException)
        {
            // A coefficient of the public key is not reduced.
            return null;
        }
    }
}
