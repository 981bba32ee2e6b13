using MlsConsole.Host.Identity;
using SimpleBase;

namespace MlsConsole.Host.Tests;

public sealed class Multikey_reading
{
    public static TheoryData<int> Curves => new((int)EcdsaCurve.P256, (int)EcdsaCurve.Secp256k1);

    [Theory, MemberData(nameof(Curves))]
    public void Compressed_and_uncompressed_points_are_the_same_key(int curve)
    {
        for (int i = 0; i < 20; i++)
        {
            using TestSigner signer = new((EcdsaCurve)curve);
            byte[] signature = signer.Sign([7]);
            Assert.True(EcdsaPublicKey.FromPoint(signer.Curve, signer.CompressedPoint)!.Verify([7], signature));
            Assert.True(EcdsaPublicKey.FromPoint(signer.Curve, signer.UncompressedPoint)!.Verify([7], signature));
            Assert.True(
                Multikey
                    .FromLegacy(signer.Curve, "z" + Base58.Bitcoin.Encode(signer.UncompressedPoint))!
                    .Verify([7], signature)
            );
        }
    }

    [Theory, MemberData(nameof(Curves))]
    public void Numbers_out_of_range_are_no_signature(int curve)
    {
        using TestSigner signer = new((EcdsaCurve)curve);
        EcdsaPublicKey key = EcdsaPublicKey.FromPoint(signer.Curve, signer.CompressedPoint)!;
        byte[] good = signer.Sign([7]),
            zero = new byte[32],
            order = signer.OrderBytes,
            most = [.. Enumerable.Repeat((byte)0xff, 32)];
        Assert.True(key.Verify([7], good, allowHighS: true));
        foreach (byte[] number in (byte[][])[zero, order, most])
        {
            Assert.False(key.Verify([7], [.. number, .. good.AsSpan(32)], allowHighS: true));
            Assert.False(key.Verify([7], [.. good.AsSpan(0, 32), .. number], allowHighS: true));
            Assert.False(key.Verify([7], [.. number, .. number], allowHighS: true));
        }
    }

    [Theory, MemberData(nameof(Curves))]
    public async Task One_key_verifies_for_many_at_the_same_time(int curve)
    {
        using TestSigner signer = new((EcdsaCurve)curve);
        EcdsaPublicKey key = EcdsaPublicKey.FromPoint(signer.Curve, signer.CompressedPoint)!;
        byte[] good = signer.Sign([7]);
        bool[] valid = await Task.WhenAll(
            Enumerable.Range(0, 64).Select(i => Task.Run(() => key.Verify([(byte)(i % 2 == 0 ? 7 : 8)], good)))
        );
        Assert.Equal(Enumerable.Range(0, 64).Select(static i => i % 2 == 0), valid);
    }

    [Theory, MemberData(nameof(Curves))]
    public void Bytes_that_are_no_point_of_the_curve_are_no_key(int curve)
    {
        using TestSigner signer = new((EcdsaCurve)curve);
        byte[] good = signer.UncompressedPoint;
        byte[] offCurve = (byte[])good.Clone();
        offCurve[^1] ^= 1;
        Assert.NotNull(EcdsaPublicKey.FromPoint(signer.Curve, good));
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, offCurve));
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, good.AsSpan(..^1)));
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, [.. good, 0]));
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, []));
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, [0]));
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, [5, .. good.AsSpan(1, 32)]));
        // x is not reduced: the prime itself is no coordinate.
        Assert.Null(EcdsaPublicKey.FromPoint(signer.Curve, [2, .. Enumerable.Repeat((byte)0xff, 32)]));
    }

    [Fact]
    public void About_half_of_all_x_have_no_point()
    {
        int points = 0;
        for (byte x = 0; x < 200; x++)
            if (EcdsaPublicKey.FromPoint(EcdsaCurve.P256, [2, .. new byte[31], x]) is not null)
                points++;
        Assert.InRange(points, 60, 140);
    }

    [Fact]
    public void Text_that_is_no_multikey_is_no_key()
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        string good = signer.Multikey;
        Assert.NotNull(Multikey.FromMultikey(good));
        Assert.Null(Multikey.FromMultikey(""));
        Assert.Null(Multikey.FromMultikey("z"));
        Assert.Null(Multikey.FromMultikey(good[1..]));
        Assert.Null(Multikey.FromMultikey("m" + good[1..]));
        Assert.Null(Multikey.FromMultikey(good[..^1]));
        Assert.Null(Multikey.FromMultikey(good[..^1] + "0"));
        Assert.Null(Multikey.FromMultikey("z" + new string('1', 100_000)));
        // Ed25519 (0xed) is a multikey of another kind; a bare point has no prefix.
        Assert.Null(Multikey.FromMultikey("z" + Base58.Bitcoin.Encode((byte[])[0xed, 0x01, .. new byte[32]])));
        Assert.Null(Multikey.FromMultikey("z" + Base58.Bitcoin.Encode(signer.CompressedPoint)));
        Assert.Null(Multikey.FromDidKey("did:web:" + good));
    }
}
