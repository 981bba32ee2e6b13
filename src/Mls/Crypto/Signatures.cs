using System.Security.Cryptography;
using Curve448 = Org.BouncyCastle.Math.EC.Rfc8032.Ed448;

namespace MlsConsole.Mls;

/// <summary>
/// A signature scheme of RFC 9420 §5.1. Verification of malformed input returns false and throws nothing.
/// </summary>
internal abstract class SignatureAlgorithm
{
    public abstract bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    /// <exception cref="ArgumentException">The private key is malformed.</exception>
    public abstract byte[] Sign(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> message);
    public abstract bool IsWellFormed(ReadOnlySpan<byte> publicKey);
    public abstract SecretKeyPair Generate();

    /// <summary>The number of the scheme in TLS (SignatureScheme).</summary>
    public abstract ushort Scheme { get; }

    public static SignatureAlgorithm Ed25519 { get; } = new Ed25519Algorithm();
    public static SignatureAlgorithm Ed448 { get; } = new Ed448Algorithm();
    public static SignatureAlgorithm P256 { get; } =
        new EcdsaAlgorithm(0x0403, NistCurve.P256, HashAlgorithmName.SHA256);
    public static SignatureAlgorithm P384 { get; } =
        new EcdsaAlgorithm(0x0503, NistCurve.P384, HashAlgorithmName.SHA384);
    public static SignatureAlgorithm P521 { get; } =
        new EcdsaAlgorithm(0x0603, NistCurve.P521, HashAlgorithmName.SHA512);

    /// <summary>
    /// EdDSA of RFC 8032. A private key is the seed of 32 bytes, with or without the public key behind it.
    /// </summary>
    private sealed class Ed25519Algorithm : SignatureAlgorithm
    {
        public override ushort Scheme => 0x0807;

        public override bool Verify(
            ReadOnlySpan<byte> publicKey,
            ReadOnlySpan<byte> message,
            ReadOnlySpan<byte> signature
        ) => publicKey.Length == 32 && signature.Length == 64 && Sodium.Ed25519Verify(publicKey, message, signature);

        public override byte[] Sign(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> message)
        {
            if (privateKey.Length is not (32 or 64))
                throw new ArgumentException(
                    "An Ed25519 private key has 32 bytes, or 64 with its public key.",
                    nameof(privateKey)
                );
            Span<byte> publicKey = stackalloc byte[32],
                whole = stackalloc byte[64];
            Sodium.Ed25519FromSeed(privateKey[..32], publicKey, whole);
            var signature = new byte[64];
            Sodium.Ed25519Sign(whole, message, signature);
            CryptographicOperations.ZeroMemory(whole);
            return signature;
        }

        public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => publicKey.Length == 32;

        public override SecretKeyPair Generate()
        {
            var seed = RandomNumberGenerator.GetBytes(32);
            var publicKey = new byte[32];
            Span<byte> whole = stackalloc byte[64];
            Sodium.Ed25519FromSeed(seed, publicKey, whole);
            CryptographicOperations.ZeroMemory(whole);
            return new(publicKey, seed);
        }
    }

    /// <summary>
    /// EdDSA of RFC 8032. A private key is the seed of 57 bytes, with or without the public key behind it.
    /// </summary>
    private sealed class Ed448Algorithm : SignatureAlgorithm
    {
        public override ushort Scheme => 0x0808;

        public override bool Verify(
            ReadOnlySpan<byte> publicKey,
            ReadOnlySpan<byte> message,
            ReadOnlySpan<byte> signature
        ) => publicKey.Length == 57 && signature.Length == 114 && Curve448.Verify(signature, publicKey, [], message);

        public override byte[] Sign(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> message)
        {
            if (privateKey.Length is not (57 or 114))
                throw new ArgumentException(
                    "An Ed448 private key has 57 bytes, or 114 with its public key.",
                    nameof(privateKey)
                );
            var signature = new byte[114];
            Curve448.Sign(privateKey[..57], [], message, signature);
            return signature;
        }

        public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => publicKey.Length == 57;

        public override SecretKeyPair Generate()
        {
            var seed = RandomNumberGenerator.GetBytes(57);
            var publicKey = new byte[57];
            Curve448.GeneratePublicKey(seed, publicKey);
            return new(publicKey, seed);
        }
    }

    /// <summary>ECDSA with DER signatures (RFC 9420 §5.1.2, as in TLS 1.3).</summary>
    private sealed class EcdsaAlgorithm(ushort scheme, NistCurve curve, HashAlgorithmName hash) : SignatureAlgorithm
    {
        public override ushort Scheme => scheme;

        public override bool Verify(
            ReadOnlySpan<byte> publicKey,
            ReadOnlySpan<byte> message,
            ReadOnlySpan<byte> signature
        )
        {
            if (!curve.IsUncompressed(publicKey))
                return false;
            try
            {
                using var key = ECDsa.Create(curve.Point(publicKey));
                return key.VerifyData(message, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
            }
            catch (CryptographicException)
            {
                // The public key is not a point of the curve.
                return false;
            }
        }

        public override byte[] Sign(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> message)
        {
            using var key = curve.ImportEcdsa(privateKey);
            return key.SignData(message, hash, DSASignatureFormat.Rfc3279DerSequence);
        }

        public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => curve.IsPoint(publicKey);

        public override SecretKeyPair Generate()
        {
            using var key = curve.CreateEcdsa();
            var parameters = key.ExportParameters(true);
            return new(NistCurve.Encode(parameters.Q), parameters.D!);
        }
    }
}
