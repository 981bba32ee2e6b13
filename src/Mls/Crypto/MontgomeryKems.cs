using System.Security.Cryptography;
using Curve448 = Org.BouncyCastle.Math.EC.Rfc7748.X448;

namespace MlsConsole.Mls;

/// <summary>
/// DHKEM over the functions X25519 and X448 of RFC 7748. Any bytes of the right length are a public key, but points of
/// low order are refused (RFC 9180 §7.1.4).
/// </summary>
internal abstract class MontgomeryKem(ushort id, Kdf kdf, int keyLength)
    : DiffieHellmanKem(id, kdf, keyLength, keyLength)
{
    /// <summary>Multiplies a point by a private key; false if the result is zero.</summary>
    protected abstract bool Multiply(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> point, Span<byte> result);
    protected abstract void MultiplyBase(ReadOnlySpan<byte> privateKey, Span<byte> result);

    protected sealed override bool Agree(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> peer,
        Span<byte> shared,
        Span<byte> ownPublicKey
    )
    {
        if (privateKey.Length != PublicKeyLength || !Multiply(privateKey, peer, shared))
            return false;
        MultiplyBase(privateKey, ownPublicKey);
        return true;
    }

    protected sealed override bool AgreeOnce(ReadOnlySpan<byte> peer, Span<byte> shared, Span<byte> ownPublicKey)
    {
        Span<byte> privateKey = stackalloc byte[PublicKeyLength];
        RandomNumberGenerator.Fill(privateKey);
        bool agreed = Agree(privateKey, peer, shared, ownPublicKey);
        CryptographicOperations.ZeroMemory(privateKey);
        return agreed;
    }

    public sealed override SecretKeyPair Generate() => PairOf(RandomNumberGenerator.GetBytes(PublicKeyLength));

    protected sealed override SecretKeyPair DeriveFrom(ReadOnlySpan<byte> prk)
    {
        var privateKey = new byte[PublicKeyLength];
        LabeledExpand(prk, "sk"u8, [], privateKey);
        return PairOf(privateKey);
    }

    private SecretKeyPair PairOf(byte[] privateKey)
    {
        var publicKey = new byte[PublicKeyLength];
        MultiplyBase(privateKey, publicKey);
        return new(publicKey, privateKey);
    }

    protected static bool IsOneOf(ReadOnlySpan<byte> value, byte[][] values)
    {
        foreach (var candidate in values)
            if (value.SequenceEqual(candidate))
                return true;
        return false;
    }
}

internal sealed class X25519Kem() : MontgomeryKem(0x0020, Kdf.Sha256, 32)
{
    // The points of low order, little-endian, with the ignored top bit cleared: 0, 1, the two of order 8, p - 1, p and
    // p + 1 for p = 2^255 - 19.
    private static readonly byte[][] s_lowOrder =
    [
        Convert.FromHexString("0000000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("0100000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        Convert.FromHexString("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        Convert.FromHexString("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];

    protected override bool Multiply(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> point, Span<byte> result) =>
        Sodium.X25519(privateKey, point, result);

    protected override void MultiplyBase(ReadOnlySpan<byte> privateKey, Span<byte> result) =>
        Sodium.X25519Base(privateKey, result);

    public override bool IsWellFormed(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != 32)
            return false;
        Span<byte> number = stackalloc byte[32];
        publicKey.CopyTo(number);
        number[31] &= 0x7f;
        return !IsOneOf(number, s_lowOrder);
    }
}

internal sealed class X448Kem() : MontgomeryKem(0x0021, Kdf.Sha512, 56)
{
    // The points of low order, little-endian: 0, 1, p - 1, p and p + 1 for p = 2^448 - 2^224 - 1.
    private static readonly byte[][] s_lowOrder =
    [
        [.. new byte[56]],
        [1, .. new byte[55]],
        [0xfe, .. Ones(27), 0xfe, .. Ones(27)],
        [0xff, .. Ones(27), 0xfe, .. Ones(27)],
        [.. new byte[28], .. Ones(28)],
    ];

    protected override bool Multiply(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> point, Span<byte> result) =>
        Curve448.CalculateAgreement(privateKey, point, result);

    protected override void MultiplyBase(ReadOnlySpan<byte> privateKey, Span<byte> result) =>
        Curve448.ScalarMultBase(privateKey, result);

    public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) =>
        publicKey.Length == 56 && !IsOneOf(publicKey, s_lowOrder);

    private static IEnumerable<byte> Ones(int count) => Enumerable.Repeat((byte)0xff, count);
}
