using System.Text.Json;
using MlsConsole.Host.Identity;
using MlsConsole.Tests;
using SimpleBase;

namespace MlsConsole.Host.Tests;

public sealed class Interop_vectors
{
    [SkippableFact]
    public void Every_signature_fixture_is_judged_as_published()
    {
        int valid = 0,
            invalid = 0;
        foreach (JsonElement fixture in Interop.Read("crypto/signature-fixtures.json").EnumerateArray())
        {
            EcdsaPublicKey key = Multikey.FromDidKey(fixture.GetProperty("publicKeyDid").GetString()!)!;
            Assert.Equal(fixture.GetProperty("algorithm").GetString(), key.JwtAlgorithm);
            byte[] message = Decode(fixture.GetProperty("messageBase64").GetString()!);
            byte[] signature = Decode(fixture.GetProperty("signatureBase64").GetString()!);
            bool expected = fixture.GetProperty("validSignature").GetBoolean();

            Assert.Equal(expected, key.Verify(message, signature));

            // The same key in the legacy form of DID documents.
            EcdsaCurve curve =
                fixture.GetProperty("didDocSuite").GetString() == "EcdsaSecp256r1VerificationKey2019"
                    ? EcdsaCurve.P256
                    : EcdsaCurve.Secp256k1;
            EcdsaPublicKey legacy = Multikey.FromLegacy(curve, fixture.GetProperty("publicKeyMultibase").GetString()!)!;
            Assert.Equal(expected, legacy.Verify(message, signature));

            // Only the form of s divides a high-S signature from a good one; a DER signature stays refused.
            bool highS = fixture.GetProperty("tags").EnumerateArray().Any(static tag => tag.GetString() == "high-s");
            Assert.Equal(expected || highS, key.Verify(message, signature, allowHighS: true));
            _ = expected ? valid++ : invalid++;
        }
        Assert.Equal((2, 4), (valid, invalid));
    }

    [SkippableFact]
    public void Every_did_key_of_secp256k1_belongs_to_its_private_key()
    {
        int followed = 0;
        foreach (JsonElement fixture in Interop.Read("crypto/w3c_didkey_K256.json").EnumerateArray())
        {
            Check(
                EcdsaCurve.Secp256k1,
                Convert.FromHexString(fixture.GetProperty("privateKeyBytesHex").GetString()!),
                fixture
            );
            followed++;
        }
        Assert.Equal(5, followed);
    }

    [SkippableFact]
    public void Every_did_key_of_p256_belongs_to_its_private_key()
    {
        int followed = 0;
        foreach (JsonElement fixture in Interop.Read("crypto/w3c_didkey_P256.json").EnumerateArray())
        {
            Check(
                EcdsaCurve.P256,
                Base58.Bitcoin.Decode(fixture.GetProperty("privateKeyBytesBase58").GetString()!),
                fixture
            );
            followed++;
        }
        Assert.Equal(1, followed);
    }

    [SkippableTheory]
    [InlineData("did_syntax_valid", true)]
    [InlineData("did_syntax_invalid", false)]
    public void Every_did_of_a_caller_is_judged_as_published(string file, bool valid)
    {
        var dids = Interop.Lines($"syntax/{file}.txt");
        Assert.NotEmpty(dids);
        Assert.Equal([], dids.Where(did => Core.Did.TryParse(did, out _) != valid));
    }

    private static void Check(EcdsaCurve curve, byte[] privateKey, JsonElement fixture)
    {
        using TestSigner signer = new(curve, privateKey);
        string did = fixture.GetProperty("publicDidKey").GetString()!;
        Assert.Equal(did, signer.Did);
        EcdsaPublicKey key = Multikey.FromDidKey(did)!;
        Assert.Equal(curve, key.Curve);
        Assert.True(key.Verify([1, 2, 3], signer.Sign([1, 2, 3])));
        Assert.False(key.Verify([1, 2, 4], signer.Sign([1, 2, 3])));
    }

    /// <summary>The fixtures' base64 has no padding.</summary>
    private static byte[] Decode(string base64) =>
        Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='));
}
