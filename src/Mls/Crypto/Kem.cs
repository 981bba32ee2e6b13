using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace MlsConsole.Mls;

/// <summary>A Diffie-Hellman KEM of HPKE (RFC 9180 §4.1, §7.1): the curve's own operations. What is built on them is <see cref="Hpke"/>.</summary>
internal abstract class Kem(ushort id, HashAlgorithmName hash, int hashLength, int publicKeyLength, int privateKeyLength)
{
    public ushort Id => id;
    public HashAlgorithmName Hash => hash;
    public int HashLength => hashLength;
    public int PublicKeyLength => publicKeyLength;
    public int PrivateKeyLength => privateKeyLength;

    /// <summary>The shared secret, or null for a public key that is malformed or of low order.</summary>
    public abstract byte[]? Agree(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey);
    public abstract byte[] PublicKeyOf(ReadOnlySpan<byte> privateKey);
    public abstract bool IsWellFormed(ReadOnlySpan<byte> publicKey);
    /// <summary>DeriveKeyPair, RFC 9180 §7.1.3.</summary>
    public abstract byte[] DerivePrivateKey(ReadOnlySpan<byte> inputKeyingMaterial);

    public static Kem X25519 { get; } = new X25519Kem();
    public static Kem X448 { get; } = new X448Kem();
    public static Kem P256 { get; } = new NistKem(0x0010, NistCurve.P256, HashAlgorithmName.SHA256, 32, 0xff);
    public static Kem P384 { get; } = new NistKem(0x0011, NistCurve.P384, HashAlgorithmName.SHA384, 48, 0xff);
    public static Kem P521 { get; } = new NistKem(0x0012, NistCurve.P521, HashAlgorithmName.SHA512, 64, 0x01);

    private sealed class X25519Kem() : Kem(0x0020, HashAlgorithmName.SHA256, 32, 32, 32)
    {
        public override byte[]? Agree(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey)
        {
            if (publicKey.Length != 32 || privateKey.Length != 32) return null;
            var shared = new byte[32];
            return Sodium.X25519(privateKey, publicKey, shared) ? shared : null;
        }

        public override byte[] PublicKeyOf(ReadOnlySpan<byte> privateKey)
        {
            var publicKey = new byte[32];
            Sodium.X25519Base(privateKey, publicKey);
            return publicKey;
        }

        // RFC 7748 takes any 32 bytes; the twelve encodings of low order give the zero secret that HPKE refuses (RFC 9180 §7.1.4).
        public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => publicKey.Length == 32 && !LowOrderPoints.Contains25519(publicKey);

        public override byte[] DerivePrivateKey(ReadOnlySpan<byte> inputKeyingMaterial)
        {
            var prk = Hpke.LabeledExtract(this, default, "dkp_prk", inputKeyingMaterial);
            return Hpke.LabeledExpand(this, prk, "sk", [], 32);
        }
    }

    private sealed class X448Kem() : Kem(0x0021, HashAlgorithmName.SHA512, 64, 56, 56)
    {
        public override byte[]? Agree(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey)
        {
            if (publicKey.Length != 56 || privateKey.Length != 56) return null;
            var shared = new byte[56];
            return Org.BouncyCastle.Math.EC.Rfc7748.X448.CalculateAgreement(privateKey.ToArray(), 0, publicKey.ToArray(), 0, shared, 0) ? shared : null;
        }

        public override byte[] PublicKeyOf(ReadOnlySpan<byte> privateKey)
        {
            var publicKey = new byte[56];
            Org.BouncyCastle.Math.EC.Rfc7748.X448.ScalarMultBase(privateKey.ToArray(), 0, publicKey, 0);
            return publicKey;
        }

        public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => publicKey.Length == 56 && !LowOrderPoints.Contains448(publicKey);

        public override byte[] DerivePrivateKey(ReadOnlySpan<byte> inputKeyingMaterial)
        {
            var prk = Hpke.LabeledExtract(this, default, "dkp_prk", inputKeyingMaterial);
            return Hpke.LabeledExpand(this, prk, "sk", [], 56);
        }
    }

    private sealed class NistKem(ushort id, NistCurve curve, HashAlgorithmName hash, int hashLength, byte mask)
        : Kem(id, hash, hashLength, 1 + 2 * curve.FieldLength, curve.FieldLength)
    {
        public override byte[]? Agree(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey)
        {
            if (privateKey.Length > PrivateKeyLength || !curve.IsUncompressed(publicKey)) return null;
            try
            {
                using var ours = curve.ImportEcdh(privateKey);
                using var theirs = ECDiffieHellman.Create(curve.Point(publicKey));
                return ours.DeriveRawSecretAgreement(theirs.PublicKey);
            }
            catch (CryptographicException)
            {
                return null; // not a point of the curve
            }
        }

        public override byte[] PublicKeyOf(ReadOnlySpan<byte> privateKey)
        {
            using var key = curve.ImportEcdh(privateKey);
            return NistCurve.Encode(key.ExportParameters(false).Q);
        }

        public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => curve.IsPoint(publicKey);

        public override byte[] DerivePrivateKey(ReadOnlySpan<byte> inputKeyingMaterial)
        {
            var prk = Hpke.LabeledExtract(this, default, "dkp_prk", inputKeyingMaterial);
            for (int counter = 0; counter < 256; counter++)
            {
                var candidate = Hpke.LabeledExpand(this, prk, "candidate", [(byte)counter], PrivateKeyLength);
                candidate[0] &= mask;
                if (curve.IsScalar(candidate)) return candidate;
            }
            throw new CryptographicException("No scalar was derived in 256 attempts (RFC 9180 §7.1.3).");
        }
    }
}

/// <summary>Encodings that every private key maps to zero.</summary>
internal static class LowOrderPoints
{
    // One agreement with a fixed scalar tells: it is a multiple of the cofactor like every other.
    private static readonly byte[] s_scalar = [.. Enumerable.Repeat((byte)0x42, 56)];

    public static bool Contains25519(ReadOnlySpan<byte> publicKey)
    {
        // The seven values of order 1, 2, 4 and 8 (RFC 7748 §6.1) with or without the ignored top bit.
        Span<byte> masked = stackalloc byte[32];
        publicKey.CopyTo(masked);
        masked[31] &= 0x7f;
        foreach (var value in s_curve25519)
            if (masked.SequenceEqual(value)) return true;
        return false;
    }

    public static bool Contains448(ReadOnlySpan<byte> publicKey)
    {
        var shared = new byte[56];
        return !X448.CalculateAgreement(s_scalar, 0, publicKey.ToArray(), 0, shared, 0);
    }

    private static readonly byte[][] s_curve25519 =
    [
        Convert.FromHexString("0000000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("0100000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        Convert.FromHexString("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        Convert.FromHexString("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];
}
