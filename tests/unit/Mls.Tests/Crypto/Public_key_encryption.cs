namespace MlsConsole.Mls.Tests;

public class Public_key_encryption
{
    public static TheoryData<ushort> All => Suites.All;

    [Theory, MemberData(nameof(All))]
    public void A_private_key_opens_what_its_public_key_sealed(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var generated = suite.GenerateKemKeyPair();
        using var derived = suite.DeriveKemKeyPair(new byte[suite.HashLength]);
        foreach (var pair in (SecretKeyPair[])[generated, derived])
        // Contexts on the stack and in a pooled buffer.
        foreach (int contextLength in (int[])[0, 1, 63, 64, 500, 100_000])
        foreach (int length in (int[])[0, 1, 32, 5_000])
        {
            var plaintext = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
            var context = new byte[contextLength];
            var (output, ciphertext) = suite.EncryptWithLabel(pair.PublicKey, "UpdatePathNode", context, plaintext);
            Assert.Equal(suite.KemOutputLength, output.Length);
            Assert.Equal(length + suite.AeadTagLength, ciphertext.Length);
            Assert.Equal(
                plaintext,
                suite.DecryptWithLabel(pair.PrivateKey, "UpdatePathNode", context, output, ciphertext)
            );
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Two_sealings_of_the_same_share_nothing(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var pair = suite.GenerateKemKeyPair();
        var first = suite.EncryptWithLabel(pair.PublicKey, "Welcome", [], "plaintext"u8);
        var second = suite.EncryptWithLabel(pair.PublicKey, "Welcome", [], "plaintext"u8);
        Assert.NotEqual(first.KemOutput, second.KemOutput);
        Assert.NotEqual(first.Ciphertext, second.Ciphertext);
    }

    [Theory, MemberData(nameof(All))]
    public void Nothing_opens_after_one_change(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using SecretKeyPair pair = suite.GenerateKemKeyPair(),
            other = suite.GenerateKemKeyPair();
        var (output, ciphertext) = suite.EncryptWithLabel(pair.PublicKey, "Welcome", "context"u8, "plaintext"u8);
        Assert.Equal(
            "plaintext"u8,
            suite.DecryptWithLabel(pair.PrivateKey, "Welcome", "context"u8, output, ciphertext)
        );

        void Refused(byte[] key, string label, string context, byte[] kemOutput, byte[] sealedBytes) =>
            Suites.Refused(
                Rules.HpkeOpen,
                () =>
                    suite.DecryptWithLabel(
                        key,
                        label,
                        System.Text.Encoding.ASCII.GetBytes(context),
                        kemOutput,
                        sealedBytes
                    )
            );
        Refused(other.PrivateKey, "Welcome", "context", output, ciphertext);
        Refused(pair.PrivateKey, "welcome", "context", output, ciphertext);
        Refused(pair.PrivateKey, "Welcome", "Context", output, ciphertext);
        for (int i = 0; i < ciphertext.Length; i++)
            Refused(pair.PrivateKey, "Welcome", "context", output, Suites.Flipped(ciphertext, i));
        foreach (int i in (int[])[0, 1, output.Length / 2, output.Length - 2])
            Refused(pair.PrivateKey, "Welcome", "context", Suites.Flipped(output, i), ciphertext);
        Refused(pair.PrivateKey, "Welcome", "context", other.PublicKey, ciphertext);
    }

    [Theory, MemberData(nameof(All))]
    public void Wrong_lengths_are_refused_and_never_read_beyond(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using var pair = suite.GenerateKemKeyPair();
        var (output, ciphertext) = suite.EncryptWithLabel(pair.PublicKey, "Welcome", [], "plaintext"u8);
        for (int length = 0; length < ciphertext.Length; length++)
            Suites.Refused(
                Rules.HpkeOpen,
                () => suite.DecryptWithLabel(pair.PrivateKey, "Welcome", [], output, ciphertext.AsSpan(0, length))
            );
        for (int length = 0; length < output.Length; length++)
            Suites.Refused(
                Rules.HpkeOpen,
                () => suite.DecryptWithLabel(pair.PrivateKey, "Welcome", [], output.AsSpan(0, length), ciphertext)
            );
        byte[] longer = [.. output, 0],
            longerKey = [.. pair.PrivateKey, 0];
        Suites.Refused(
            Rules.HpkeOpen,
            () => suite.DecryptWithLabel(pair.PrivateKey, "Welcome", [], longer, ciphertext)
        );
        Suites.Refused(Rules.HpkeOpen, () => suite.DecryptWithLabel([], "Welcome", [], output, ciphertext));
        Suites.Refused(Rules.HpkeOpen, () => suite.DecryptWithLabel(longerKey, "Welcome", [], output, ciphertext));
        Suites.Refused(
            Rules.HpkeOpen,
            () => suite.DecryptWithLabel(pair.PrivateKey.AsSpan(0, 16), "Welcome", [], output, ciphertext)
        );
        foreach (int length in (int[])[0, 1, 31, output.Length - 1, output.Length + 1, 5_000])
            Suites.Refused(Rules.PublicKeyMalformed, () => suite.EncryptWithLabel(new byte[length], "Welcome", [], []));
    }

    [Theory, MemberData(nameof(All))]
    public void Both_ends_export_the_same_and_others_something_else(ushort id)
    {
        var suite = CipherSuite.Get(id);
        using SecretKeyPair pair = suite.GenerateKemKeyPair(),
            other = suite.GenerateKemKeyPair();
        var (output, sent) = suite.ExportSend(pair.PublicKey, "MLS 1.0 external init secret", suite.HashLength);
        Assert.Equal(suite.HashLength, sent.Length);
        Assert.Equal(
            sent,
            suite.ExportReceive(pair.PrivateKey, output, "MLS 1.0 external init secret", suite.HashLength)
        );
        Assert.NotEqual(
            sent,
            suite.ExportReceive(pair.PrivateKey, output, "MLS 1.0 External init secret", suite.HashLength)
        );
        Assert.NotEqual(
            sent,
            suite.ExportReceive(other.PrivateKey, output, "MLS 1.0 external init secret", suite.HashLength)
        );
        Suites.Refused(
            Rules.HpkeOpen,
            () =>
                suite.ExportReceive(pair.PrivateKey, output.AsSpan(1), "MLS 1.0 external init secret", suite.HashLength)
        );
        Suites.Refused(
            Rules.PublicKeyMalformed,
            () => suite.ExportSend(new byte[suite.KemPublicKeyLength], "MLS 1.0 external init secret", suite.HashLength)
        );
    }

    [Fact]
    public void Private_keys_are_zeroed()
    {
        var pair = CipherSuite.Get(1).GenerateKemKeyPair();
        Assert.NotEqual(new byte[32], pair.PrivateKey);
        pair.Dispose();
        Assert.Equal(new byte[32], pair.PrivateKey);
    }
}
