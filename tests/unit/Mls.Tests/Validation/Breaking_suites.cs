using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §5.1: keys and ciphertexts that no cipher suite takes.</summary>
public sealed class Breaking_suites : Breaking<Breaking_suites>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        .. CipherSuite.All.Select(suite => new Broken(
            Rules.PublicKeyMalformed,
            $"encryption to a key of zeros, suite {suite.Id}",
            () =>
            {
                using var pair = suite.GenerateKemKeyPair();
                var key = pair.PublicKey.ToArray();
                return new(
                    () => suite.EncryptWithLabel(new byte[key.Length], "label", [], [1]),
                    () => suite.EncryptWithLabel(key, "label", [], [1])
                );
            }
        )),
        .. CipherSuite.All.Select(suite => new Broken(
            Rules.HpkeOpen,
            $"ciphertext under another context, suite {suite.Id}",
            () =>
            {
                var pair = suite.GenerateKemKeyPair();
                var (kemOutput, ciphertext) = suite.EncryptWithLabel(pair.PublicKey, "label", [1], [1]);
                return new(
                    () => suite.DecryptWithLabel(pair.PrivateKey, "label", [2], kemOutput, ciphertext),
                    () => suite.DecryptWithLabel(pair.PrivateKey, "label", [1], kemOutput, ciphertext)
                );
            }
        )),
        .. CipherSuite.All.Select(suite => new Broken(
            Rules.AeadOpen,
            $"ciphertext with other additional data, suite {suite.Id}",
            () =>
            {
                byte[] key = new byte[suite.AeadKeyLength],
                    nonce = new byte[suite.AeadNonceLength],
                    ciphertext = suite.AeadSeal(key, nonce, [1], [1]);
                return new(
                    () => suite.AeadOpen(key, nonce, [2], ciphertext),
                    () => suite.AeadOpen(key, nonce, [1], ciphertext)
                );
            }
        )),
        new(
            Rules.CipherSuiteUnsupported,
            "a value of GREASE",
            () => new(() => CipherSuite.Get(0x0A0A), () => CipherSuite.Get(1))
        ),
    ];
}
