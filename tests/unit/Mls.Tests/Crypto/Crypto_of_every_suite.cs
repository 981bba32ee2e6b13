using System.Text;

namespace MlsConsole.Mls.Tests;

public class Crypto_of_every_suite
{
    public static TheoryData<ushort> Suites => [.. CipherSuite.All.Select(suite => suite.Id)];

    [Theory, MemberData(nameof(Suites))]
    public void A_changed_byte_opens_nothing_and_verifies_nothing(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var kem = suite.GenerateKemKeyPair();
        var (kemOutput, ciphertext) = suite.EncryptWithLabel(kem.PublicKey, "test", "context"u8, "plaintext"u8);
        ciphertext[0] ^= 1;
        Assert.Equal(
            Rules.HpkeOpen,
            Assert
                .Throws<MlsException>(() =>
                    suite.DecryptWithLabel(kem.PrivateKey, "test", "context"u8, kemOutput, ciphertext)
                )
                .Rule
        );

        using var signer = suite.GenerateSignatureKeyPair();
        var signature = suite.SignWithLabel(signer.PrivateKey, "test", "content"u8);
        Assert.True(suite.VerifyWithLabel(signer.PublicKey, "test", "content"u8, signature));
        signature[^1] ^= 1;
        Assert.False(suite.VerifyWithLabel(signer.PublicKey, "test", "content"u8, signature));
        Assert.False(suite.VerifyWithLabel(signer.PublicKey, "test", "content"u8, []));
        Assert.False(suite.VerifyWithLabel([], "test", "content"u8, signature));
        Assert.False(suite.VerifyWithLabel(new byte[signer.PublicKey.Length], "test", "content"u8, signature));
    }

    [Theory, MemberData(nameof(Suites))]
    public void Malformed_public_keys_are_refused(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var kem = suite.GenerateKemKeyPair();
        Assert.True(suite.IsWellFormedKemPublicKey(kem.PublicKey));
        Assert.False(suite.IsWellFormedKemPublicKey(kem.PublicKey[1..]));
        Assert.False(suite.IsWellFormedKemPublicKey([.. kem.PublicKey, 0]));
        Assert.False(suite.IsWellFormedKemPublicKey(new byte[kem.PublicKey.Length])); // of low order, or not a point
        Assert.Equal(
            Rules.PublicKeyMalformed,
            Assert
                .Throws<MlsException>(() => suite.EncryptWithLabel(new byte[kem.PublicKey.Length], "test", [], []))
                .Rule
        );
        using var signer = suite.GenerateSignatureKeyPair();
        Assert.True(suite.IsWellFormedSignaturePublicKey(signer.PublicKey));
        Assert.False(suite.IsWellFormedSignaturePublicKey(signer.PublicKey[1..]));
    }

    [Theory, MemberData(nameof(Suites))]
    public void Both_ends_of_an_external_init_export_the_same_secret(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var kem = suite.DeriveKemKeyPair(
            Encoding.ASCII.GetBytes("a secret of sufficient length for any of the suites, 64 or more bytes")
        );
        var (kemOutput, sent) = suite.ExportSend(kem.PublicKey, "MLS 1.0 external init secret", suite.HashLength);
        Assert.Equal(
            sent,
            suite.ExportReceive(kem.PrivateKey, kemOutput, "MLS 1.0 external init secret", suite.HashLength)
        );
    }

    [Fact]
    public void An_unknown_suite_is_refused()
    {
        foreach (ushort id in (ushort[])[0, 8, 0xffff])
            Assert.Equal(Rules.CipherSuiteUnsupported, Assert.Throws<MlsException>(() => CipherSuite.Get(id)).Rule);
    }
}
