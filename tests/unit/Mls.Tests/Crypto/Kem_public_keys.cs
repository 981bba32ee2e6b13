using System.Numerics;
using System.Security.Cryptography;

namespace MlsConsole.Mls.Tests;

public class Kem_public_keys
{
    public static TheoryData<ushort> Nist => Suites.Nist;

    // RFC 7748: the u-coordinates of points whose order divides the cofactor, and the encodings of the same numbers
    // that are at least the prime.
    private static readonly BigInteger s_p25519 = BigInteger.Pow(2, 255) - 19,
        s_p448 = BigInteger.Pow(2, 448) - BigInteger.Pow(2, 224) - 1;

    private static readonly BigInteger[] s_orderEight =
    [
        BigInteger.Parse("325606250916557431795983626356110631294008115727848805560023387167927233504"),
        BigInteger.Parse("39382357235489614581723060781553021112529911719440698176882885853963445705823"),
    ];

    [Fact]
    public void X25519_keys_of_low_order_are_refused_with_and_without_the_ignored_bit()
    {
        var suite = CipherSuite.Get(1);
        BigInteger[] numbers = [0, 1, .. s_orderEight, s_p25519 - 1, s_p25519, s_p25519 + 1];
        foreach (var number in numbers)
        foreach (byte top in (byte[])[0, 0x80])
        {
            var key = LittleEndian(number, 32);
            key[31] |= top;
            RefusedEverywhere(suite, key);
        }
    }

    [Fact]
    public void X448_keys_of_low_order_are_refused()
    {
        var suite = CipherSuite.Get(4);
        foreach (var number in (BigInteger[])[0, 1, s_p448 - 1, s_p448, s_p448 + 1])
            RefusedEverywhere(suite, LittleEndian(number, 56));
    }

    [Fact]
    public void Other_numbers_are_keys()
    {
        // 9 and 5 are the base points; any other number may be used, also on the twist.
        foreach (int number in (int[])[2, 3, 4, 5, 9])
        {
            AcceptedEverywhere(CipherSuite.Get(1), LittleEndian(number, 32));
            AcceptedEverywhere(CipherSuite.Get(4), LittleEndian(number, 56));
        }
        AcceptedEverywhere(CipherSuite.Get(1), LittleEndian(s_p25519 - 2, 32));
        AcceptedEverywhere(CipherSuite.Get(4), LittleEndian(s_p448 - 2, 56));
    }

    [Theory, MemberData(nameof(Nist))]
    public void What_is_no_uncompressed_point_is_refused(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var pair = suite.GenerateKemKeyPair();
        var key = pair.PublicKey;
        int field = (key.Length - 1) / 2;
        AcceptedEverywhere(suite, key);
        for (int i = 0; i < key.Length; i++)
            RefusedEverywhere(suite, Suites.Flipped(key, i)); // off the curve, or not 0x04
        RefusedEverywhere(suite, [0]); // the point at infinity
        RefusedEverywhere(suite, new byte[key.Length]);
        RefusedEverywhere(suite, [4, .. new byte[2 * field]]);
        RefusedEverywhere(suite, [4, .. Enumerable.Repeat((byte)0xff, 2 * field)]);
        RefusedEverywhere(suite, [(byte)(2 + (key[^1] & 1)), .. key[1..(1 + field)]]); // compressed
        RefusedEverywhere(suite, [(byte)(6 + (key[^1] & 1)), .. key[1..]]); // hybrid
        RefusedEverywhere(suite, [4, .. key[(1 + field)..], .. key[1..(1 + field)]]); // x and y swapped
        RefusedEverywhere(suite, key[..^1]);
        RefusedEverywhere(suite, [.. key, 0]);
    }

    [Fact]
    public void A_coordinate_is_below_the_prime()
    {
        // P-521's coordinates have seven bits to spare, so that the same point could be written with x + p.
        var suite = CipherSuite.Get(5);
        using var pair = suite.GenerateKemKeyPair();
        var x =
            new BigInteger(pair.PublicKey.AsSpan(1, 66), isUnsigned: true, isBigEndian: true)
            + BigInteger.Pow(2, 521)
            - 1;
        RefusedEverywhere(suite, [4, .. BigEndian(x, 66), .. pair.PublicKey[67..]]);
    }

    [Theory, MemberData(nameof(Nist))]
    public void A_private_key_is_a_scalar_of_the_curve_with_or_without_leading_zeros(ushort id)
    {
        var suite = CipherSuite.Get(id);
        var curve = id switch
        {
            2 => NistCurve.P256,
            5 => NistCurve.P521,
            _ => NistCurve.P384,
        };
        var order = new BigInteger(
            Org.BouncyCastle.Asn1.X9.ECNamedCurveTable.GetByName(
                    id switch
                    {
                        2 => "P-256",
                        5 => "P-521",
                        _ => "P-384",
                    }
                )
                .N.ToByteArrayUnsigned(),
            true,
            true
        );
        foreach (
            var (number, isScalar) in ((BigInteger, bool)[])
                [(0, false), (1, true), (255, true), (256, true), (order - 1, true), (order, false), (order + 1, false)]
        )
            Assert.Equal(isScalar, curve.IsScalar(BigEndian(number, curve.FieldLength)));
        Assert.False(curve.IsScalar([]));
        Assert.False(curve.IsScalar(new byte[curve.FieldLength + 1]));

        using var one = ECDiffieHellman.Create(
            new ECParameters { Curve = Suites.Curve(id), D = BigEndian(1, curve.FieldLength) }
        );
        var publicKey = NistCurve.Encode(one.ExportParameters(false).Q);
        var (output, ciphertext) = suite.EncryptWithLabel(publicKey, "Welcome", [], "plaintext"u8);
        Assert.Equal(
            "plaintext"u8,
            suite.DecryptWithLabel(BigEndian(1, curve.FieldLength), "Welcome", [], output, ciphertext)
        );
        Assert.Equal("plaintext"u8, suite.DecryptWithLabel([1], "Welcome", [], output, ciphertext));
        Suites.Refused(Rules.HpkeOpen, () => suite.DecryptWithLabel([0], "Welcome", [], output, ciphertext));
        Suites.Refused(
            Rules.HpkeOpen,
            () => suite.DecryptWithLabel(BigEndian(order, curve.FieldLength), "Welcome", [], output, ciphertext)
        );
        Assert.Throws<ArgumentException>(() =>
            suite.SignWithLabel(BigEndian(order, curve.FieldLength), "LeafNodeTBS", [])
        );
    }

    private static void RefusedEverywhere(CipherSuite suite, byte[] key)
    {
        using var pair = suite.GenerateKemKeyPair();
        Assert.False(suite.IsWellFormedKemPublicKey(key));
        Suites.Refused(Rules.PublicKeyMalformed, () => suite.EncryptWithLabel(key, "Welcome", [], []));
        Suites.Refused(Rules.PublicKeyMalformed, () => suite.ExportSend(key, "context", 32));
        Suites.Refused(Rules.HpkeOpen, () => suite.DecryptWithLabel(pair.PrivateKey, "Welcome", [], key, new byte[16]));
        Suites.Refused(Rules.HpkeOpen, () => suite.ExportReceive(pair.PrivateKey, key, "context", 32));
    }

    private static void AcceptedEverywhere(CipherSuite suite, byte[] key)
    {
        using var pair = suite.GenerateKemKeyPair();
        Assert.True(suite.IsWellFormedKemPublicKey(key));
        Assert.Equal(suite.KemOutputLength, suite.EncryptWithLabel(key, "Welcome", [], []).KemOutput.Length);
        Assert.Equal(32, suite.ExportReceive(pair.PrivateKey, key, "context", 32).Length);
    }

    private static byte[] LittleEndian(BigInteger number, int length)
    {
        var bytes = new byte[length];
        Assert.True(number.TryWriteBytes(bytes, out _, isUnsigned: true));
        return bytes;
    }

    private static byte[] BigEndian(BigInteger number, int length)
    {
        var bytes = LittleEndian(number, length);
        Array.Reverse(bytes);
        return bytes;
    }
}
