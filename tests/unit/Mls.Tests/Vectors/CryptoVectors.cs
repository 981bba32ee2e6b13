using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>crypto-basics.json.</summary>
internal static class CryptoVectors
{
    public static void CryptoBasics(CipherSuite suite, JsonElement test)
    {
        var reference = test.GetProperty("ref_hash");
        Assert.Equal(
            reference.Hex("out"),
            suite.RefHash(reference.GetProperty("label").GetString()!, reference.Hex("value"))
        );

        var expand = test.GetProperty("expand_with_label");
        Assert.Equal(
            expand.Hex("out"),
            suite.ExpandWithLabel(
                expand.Hex("secret"),
                expand.GetProperty("label").GetString()!,
                expand.Hex("context"),
                expand.GetProperty("length").GetInt32()
            )
        );

        var derive = test.GetProperty("derive_secret");
        Assert.Equal(
            derive.Hex("out"),
            suite.DeriveSecret(derive.Hex("secret"), derive.GetProperty("label").GetString()!)
        );

        var tree = test.GetProperty("derive_tree_secret");
        Assert.Equal(
            tree.Hex("out"),
            suite.DeriveTreeSecret(
                tree.Hex("secret"),
                tree.GetProperty("label").GetString()!,
                tree.GetProperty("generation").GetUInt32(),
                tree.GetProperty("length").GetInt32()
            )
        );

        var sign = test.GetProperty("sign_with_label");
        string label = sign.GetProperty("label").GetString()!;
        Assert.True(suite.VerifyWithLabel(sign.Hex("pub"), label, sign.Hex("content"), sign.Hex("signature")));
        Assert.True(
            suite.VerifyWithLabel(
                sign.Hex("pub"),
                label,
                sign.Hex("content"),
                suite.SignWithLabel(sign.Hex("priv"), label, sign.Hex("content"))
            )
        );
        Assert.False(suite.VerifyWithLabel(sign.Hex("pub"), label + "x", sign.Hex("content"), sign.Hex("signature")));

        var encrypt = test.GetProperty("encrypt_with_label");
        label = encrypt.GetProperty("label").GetString()!;
        Assert.Equal(
            encrypt.Hex("plaintext"),
            suite.DecryptWithLabel(
                encrypt.Hex("priv"),
                label,
                encrypt.Hex("context"),
                encrypt.Hex("kem_output"),
                encrypt.Hex("ciphertext")
            )
        );
        var (kemOutput, ciphertext) = suite.EncryptWithLabel(
            encrypt.Hex("pub"),
            label,
            encrypt.Hex("context"),
            encrypt.Hex("plaintext")
        );
        Assert.Equal(suite.KemOutputLength, kemOutput.Length);
        Assert.Equal(
            encrypt.Hex("plaintext"),
            suite.DecryptWithLabel(encrypt.Hex("priv"), label, encrypt.Hex("context"), kemOutput, ciphertext)
        );
    }
}
