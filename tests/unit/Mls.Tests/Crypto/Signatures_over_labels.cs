using System.Numerics;

namespace MlsConsole.Mls.Tests;

public class Signatures_over_labels
{
    public static TheoryData<ushort> All => Suites.All;

    [Theory, MemberData(nameof(All))]
    public void A_signature_holds_for_its_key_label_and_content_alone(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using SecretKeyPair signer = suite.GenerateSignatureKeyPair(),
            other = suite.GenerateSignatureKeyPair();
        foreach (int length in (int[])[0, 1, 480, 70_000])
        {
            var content = new byte[length];
            var signature = suite.SignWithLabel(signer.PrivateKey, "LeafNodeTBS", content);
            Assert.True(suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", content, signature));
            Assert.False(suite.VerifyWithLabel(signer.PublicKey, "KeyPackageTBS", content, signature));
            Assert.False(suite.VerifyWithLabel(other.PublicKey, "LeafNodeTBS", content, signature));
            Assert.False(suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", [.. content, 0], signature));
            for (int i = 0; i < signature.Length && length == 1; i++)
                Assert.False(
                    suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", content, Suites.Flipped(signature, i)),
                    $"byte {i}"
                );
        }
    }

    [Theory, MemberData(nameof(All))]
    public void A_label_that_the_RFC_does_not_know_works_as_well(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var signer = suite.GenerateSignatureKeyPair();
        var signature = suite.SignWithLabel(signer.PrivateKey, "ä", "content"u8);
        Assert.True(suite.VerifyWithLabel(signer.PublicKey, "ä", "content"u8, signature));
        Assert.False(suite.VerifyWithLabel(signer.PublicKey, "ö", "content"u8, signature));
    }

    [Theory, MemberData(nameof(All))]
    public void Any_bytes_are_refused_without_an_exception(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var signer = suite.GenerateSignatureKeyPair();
        var signature = suite.SignWithLabel(signer.PrivateKey, "LeafNodeTBS", "content"u8);
        var random = new Random(id);
        for (int length = 0; length <= 200; length++)
        {
            byte[] bytes = new byte[length],
                zeros = new byte[length],
                ones = [.. Enumerable.Repeat((byte)0xff, length)];
            random.NextBytes(bytes);
            foreach (var malformed in (byte[][])[bytes, zeros, ones])
            {
                Assert.False(suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", "content"u8, malformed));
                Assert.False(suite.VerifyWithLabel(malformed, "LeafNodeTBS", "content"u8, signature));
            }
            if (length != signer.PublicKey.Length)
                Assert.False(suite.IsWellFormedSignaturePublicKey(bytes));
        }
        for (int length = 0; length < signature.Length; length++)
            Assert.False(
                suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", "content"u8, signature.AsSpan(0, length))
            );
        Assert.False(suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", "content"u8, [.. signature, 0]));
        for (int i = 0; i < signer.PublicKey.Length; i++)
            Assert.False(
                suite.VerifyWithLabel(Suites.Flipped(signer.PublicKey, i), "LeafNodeTBS", "content"u8, signature)
            );
    }

    [Theory, InlineData(1), InlineData(4)]
    public void An_EdDSA_private_key_may_have_its_public_key_behind_it(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var signer = suite.GenerateSignatureKeyPair();
        var expected = suite.SignWithLabel(signer.PrivateKey, "LeafNodeTBS", "content"u8);
        Assert.Equal(
            expected,
            suite.SignWithLabel([.. signer.PrivateKey, .. signer.PublicKey], "LeafNodeTBS", "content"u8)
        );
        // The public key there is not believed: signing under a wrong one gives the private key away.
        Assert.Equal(
            expected,
            suite.SignWithLabel(
                [.. signer.PrivateKey, .. new byte[signer.PublicKey.Length]],
                "LeafNodeTBS",
                "content"u8
            )
        );
    }

    [Theory, MemberData(nameof(All))]
    public void Signing_with_a_malformed_private_key_is_a_mistake_of_the_program(ushort id)
    {
        var suite = CipherSuite.Get(id);
        foreach (int length in (int[])[0, 31, 67, 200])
            if (length != 31 || id is not (2 or 5 or 7)) // a scalar may lack its leading zeros
                Assert.Throws<ArgumentException>(() => suite.SignWithLabel(new byte[length], "LeafNodeTBS", []));
    }

    [Fact]
    public void An_Ed25519_signature_has_one_form()
    {
        var suite = CipherSuite.Get(1);
        using var signer = suite.GenerateSignatureKeyPair();
        var signature = suite.SignWithLabel(signer.PrivateKey, "LeafNodeTBS", "content"u8);
        // RFC 8032 §5.1.7: S + L satisfies the same equation and is refused for being out of range.
        var order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
        var s = new BigInteger(signature.AsSpan(32), isUnsigned: true) + order;
        Assert.True(s.TryWriteBytes(signature.AsSpan(32), out _, isUnsigned: true));
        Assert.False(suite.VerifyWithLabel(signer.PublicKey, "LeafNodeTBS", "content"u8, signature));
    }

    [Fact]
    public void A_P521_signature_key_is_written_with_coordinates_below_the_prime()
    {
        var suite = CipherSuite.Get(5);
        using var signer = suite.GenerateSignatureKeyPair();
        var signature = suite.SignWithLabel(signer.PrivateKey, "LeafNodeTBS", "content"u8);
        var x =
            new BigInteger(signer.PublicKey.AsSpan(1, 66), isUnsigned: true, isBigEndian: true)
            + BigInteger.Pow(2, 521)
            - 1;
        byte[] key = [4, .. x.ToByteArray(isUnsigned: true, isBigEndian: true), .. signer.PublicKey[67..]];
        Assert.Equal(signer.PublicKey.Length, key.Length);
        Assert.False(suite.IsWellFormedSignaturePublicKey(key));
        Assert.False(suite.VerifyWithLabel(key, "LeafNodeTBS", "content"u8, signature));
    }
}
