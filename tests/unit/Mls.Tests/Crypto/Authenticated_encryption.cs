using System.Security.Cryptography;

namespace MlsConsole.Mls.Tests;

public class Authenticated_encryption
{
    public static TheoryData<ushort> All => Suites.All;

    [Theory, MemberData(nameof(All))]
    public void Only_the_same_key_nonce_and_data_open(ushort id)
    {
        var suite = CipherSuite.Get(id);
        var key = RandomNumberGenerator.GetBytes(suite.AeadKeyLength);
        var nonce = RandomNumberGenerator.GetBytes(suite.AeadNonceLength);
        foreach (int length in (int[])[0, 1, 15, 16, 17, 1_000, 65_536])
        {
            var plaintext = RandomNumberGenerator.GetBytes(length);
            byte[] data = [1, 2, 3];
            var ciphertext = suite.AeadSeal(key, nonce, data, plaintext);
            Assert.Equal(length + suite.AeadTagLength, ciphertext.Length);
            Assert.Equal(plaintext, suite.AeadOpen(key, nonce, data, ciphertext));
            Suites.Refused(Rules.AeadOpen, () => suite.AeadOpen(Suites.Flipped(key, 0), nonce, data, ciphertext));
            Suites.Refused(Rules.AeadOpen, () => suite.AeadOpen(key, Suites.Flipped(nonce, 11), data, ciphertext));
            Suites.Refused(Rules.AeadOpen, () => suite.AeadOpen(key, nonce, Suites.Flipped(data, 2), ciphertext));
            Suites.Refused(Rules.AeadOpen, () => suite.AeadOpen(key, nonce, [], ciphertext));
            Suites.Refused(Rules.AeadOpen, () => suite.AeadOpen(key, nonce, data, Suites.Flipped(ciphertext, 0)));
            Suites.Refused(
                Rules.AeadOpen,
                () => suite.AeadOpen(key, nonce, data, Suites.Flipped(ciphertext, ciphertext.Length - 1))
            );
            Suites.Refused(
                Rules.AeadOpen,
                () => suite.AeadOpen(key, nonce, data, ciphertext.AsSpan(0, ciphertext.Length - 1))
            );
        }
        for (int length = 0; length < suite.AeadTagLength; length++)
            Suites.Refused(Rules.AeadOpen, () => suite.AeadOpen(key, nonce, [], new byte[length]));
    }

    [Theory, MemberData(nameof(All))]
    public void Keys_and_nonces_of_another_length_are_a_mistake_of_the_program(ushort id)
    {
        // AES would take a longer key without a word and be another cipher.
        var suite = CipherSuite.Get(id);
        foreach (int length in (int[])[0, 12, 16, 24, 31, 32, 33])
        {
            if (length != suite.AeadKeyLength)
                Refused(new byte[length], new byte[suite.AeadNonceLength]);
            if (length != suite.AeadNonceLength)
                Refused(new byte[suite.AeadKeyLength], new byte[length]);
        }
        void Refused(byte[] key, byte[] nonce)
        {
            Assert.Throws<ArgumentException>(() => suite.AeadSeal(key, nonce, [], []));
            Assert.Throws<ArgumentException>(() => suite.AeadOpen(key, nonce, [], new byte[16]));
        }
    }

    [SkippableTheory, InlineData(0), InlineData(1), InlineData(1_000)]
    public void ChaCha20_Poly1305_is_the_one_of_the_platform(int length)
    {
        Skip.IfNot(ChaCha20Poly1305.IsSupported, "The platform has no ChaCha20-Poly1305.");
        var suite = CipherSuite.Get(3);
        byte[] key = RandomNumberGenerator.GetBytes(32),
            nonce = RandomNumberGenerator.GetBytes(12),
            data = RandomNumberGenerator.GetBytes(30);
        byte[] plaintext = RandomNumberGenerator.GetBytes(length),
            expected = new byte[length + 16];
        using var platform = new ChaCha20Poly1305(key);
        platform.Encrypt(nonce, plaintext, expected.AsSpan(0, length), expected.AsSpan(length), data);
        Assert.Equal(expected, suite.AeadSeal(key, nonce, data, plaintext));
    }
}
