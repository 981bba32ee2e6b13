using System.Security.Cryptography;

namespace MlsConsole.Mls.Tests;

public class Key_derivation
{
    public static TheoryData<ushort> All => Suites.All;

    private static HashAlgorithmName HashOf(CipherSuite suite) =>
        suite.HashLength switch
        {
            32 => HashAlgorithmName.SHA256,
            48 => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };

    [Theory, MemberData(nameof(All))]
    public void Expand_and_Extract_are_HKDF(ushort id)
    {
        var suite = CipherSuite.Get(id);
        var prk = RandomNumberGenerator.GetBytes(suite.HashLength);
        foreach (int infoLength in (int[])[0, 1, 447, 448, 479, 512, 20_000])
        foreach (
            int length in (int[])
                [
                    1,
                    12,
                    suite.HashLength - 1,
                    suite.HashLength,
                    suite.HashLength + 1,
                    3 * suite.HashLength,
                    255 * suite.HashLength,
                ]
        )
        {
            var info = RandomNumberGenerator.GetBytes(infoLength);
            Assert.Equal(HKDF.Expand(HashOf(suite), prk, length, info), suite.Expand(prk, info, length));
        }
        // The platform's HKDF takes at most 32 KiB of info, and a GroupContext may be longer. RFC 5869 §2.3: T(1) =
        // HMAC(prk, info || 1).
        var context = RandomNumberGenerator.GetBytes(70_000);
        Assert.Equal(
            CryptographicOperations.HmacData(HashOf(suite), prk, (byte[])[.. context, 1]),
            suite.Expand(prk, context, suite.HashLength)
        );
        var salt = RandomNumberGenerator.GetBytes(20);
        Assert.Equal(HKDF.Extract(HashOf(suite), prk, salt), suite.Extract(salt, prk));
        Assert.Equal(HKDF.Extract(HashOf(suite), prk, []), suite.Extract([], prk));
    }

    [Theory, MemberData(nameof(All))]
    public void A_secret_of_any_length_leads_somewhere(ushort id)
    {
        // A path secret out of a Welcome has the length that its sender gave it.
        var suite = CipherSuite.Get(id);
        foreach (int length in (int[])[0, 1, suite.HashLength - 1, 200, 5_000])
            Assert.Equal(suite.HashLength, suite.DeriveSecret(new byte[length], "path").Length);
    }

    [Theory, MemberData(nameof(All))]
    public void Lengths_that_HKDF_has_not_are_refused(ushort id)
    {
        var suite = CipherSuite.Get(id);
        var secret = new byte[suite.HashLength];
        Assert.Empty(suite.Expand(secret, [], 0));
        Assert.Empty(suite.ExpandWithLabel(secret, "key", [], 0));
        foreach (int length in (int[])[-1, 255 * suite.HashLength + 1, int.MaxValue])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => suite.Expand(secret, [], length));
            Assert.Throws<ArgumentOutOfRangeException>(() => suite.ExpandWithLabel(secret, "key", [], length));
            Assert.Throws<ArgumentOutOfRangeException>(() => suite.ExportSend([], "context", length));
            Assert.Throws<ArgumentOutOfRangeException>(() => suite.ExportReceive([], [], "context", length));
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Kept_labels_are_the_labels(ushort id)
    {
        // Those of the RFC are kept encoded, others are encoded each time.
        var suite = CipherSuite.Get(id);
        var secret = RandomNumberGenerator.GetBytes(suite.HashLength);
        foreach (string label in (string[])["init", "sender data", "no such label", "ä", new string('x', 1_000)])
        {
            var encoded = System.Text.Encoding.UTF8.GetBytes("MLS 1.0 " + label);
            var info = new TlsWriter()
                .WriteUInt16((ushort)suite.HashLength)
                .WriteOpaque(encoded)
                .WriteOpaque([1, 2, 3])
                .ToArray();
            Assert.Equal(
                HKDF.Expand(HashOf(suite), secret, suite.HashLength, info),
                suite.ExpandWithLabel(secret, label, [1, 2, 3], suite.HashLength)
            );
        }
        Assert.NotEqual(suite.DeriveSecret(secret, "ä"), suite.DeriveSecret(secret, "ö"));
    }
}
