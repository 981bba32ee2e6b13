using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// X-Wing in HPKE against values that hpke-js has made (by make.mjs beside this file, with @hpke/hybridkem-x-wing
/// 0.7.0).
/// </summary>
public sealed class XWing_with_another_library
{
    // The suite is behind a switch; the tests of this project run with it on.
    [ModuleInitializer]
    internal static void SwitchOn() => AppContext.SetSwitch(CipherSuite.XWingSwitch, true);

    private static JsonElement Vectors([CallerFilePath] string file = "") =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(file)!, "hpke-js.json"))).RootElement;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Keys_are_derived_and_messages_opened(int index)
    {
        var vector = Vectors()[index];
        byte[] Hex(string name) => Convert.FromHexString(vector.GetProperty(name).GetString()!);
        using var pair = Kem.XWing.Derive(Hex("ikm"));
        Assert.Equal(Hex("public_key"), pair.PublicKey);
        var hpke = new Hpke(Kem.XWing, Kdf.Sha256, Aead.ChaCha20Poly1305);
        Assert.Equal(
            $"plaintext {index + 1}",
            Encoding.UTF8.GetString(hpke.Open(pair.PrivateKey, Hex("info"), Hex("kem_output"), Hex("ciphertext"))!)
        );
    }

    [Fact]
    public void The_suite_is_there_only_with_its_switch()
    {
        Assert.DoesNotContain(CipherSuite.Table(withXWing: false), suite => suite.Id == CipherSuite.XWing);
        Assert.True(CipherSuite.IsSupported(CipherSuite.XWing));
        Assert.Equal(
            (1216, 1120),
            (CipherSuite.Get(CipherSuite.XWing).KemPublicKeyLength, CipherSuite.Get(CipherSuite.XWing).KemOutputLength)
        );
    }

    [Fact]
    public void Malformed_keys_and_outputs_are_refused()
    {
        using var pair = Kem.XWing.Generate();
        var secret = new byte[32];
        Assert.True(Kem.XWing.IsWellFormed(pair.PublicKey));
        var notReduced = (byte[])pair.PublicKey.Clone();
        notReduced.AsSpan(0, 3).Fill(0xff);
        var lowOrder = (byte[])pair.PublicKey.Clone();
        lowOrder.AsSpan(^32).Clear();
        foreach (var key in (byte[][])[notReduced, lowOrder, pair.PublicKey[1..], []])
        {
            Assert.False(Kem.XWing.IsWellFormed(key));
            Assert.Null(Kem.XWing.Encapsulate(key, secret));
        }
        var output = Kem.XWing.Encapsulate(pair.PublicKey, secret)!;
        var opened = new byte[32];
        Assert.True(Kem.XWing.Decapsulate(pair.PrivateKey, output, opened));
        Assert.Equal(secret, opened);
        Assert.False(Kem.XWing.Decapsulate(pair.PrivateKey, output[1..], opened));
        output[5] ^= 1; // ML-KEM rejects implicitly: another secret
        Assert.True(Kem.XWing.Decapsulate(pair.PrivateKey, output, opened));
        Assert.NotEqual(secret, opened);
    }
}
