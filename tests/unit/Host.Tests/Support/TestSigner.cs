using System.Buffers.Text;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SimpleBase;

namespace MlsConsole.Host.Tests;

/// <summary>Somebody with a signing key of one of the two curves, who mints service tokens.</summary>
internal sealed class TestSigner : IDisposable
{
    private static readonly ECCurve Secp256k1 = ECCurve.CreateFromValue("1.3.132.0.10");
    private readonly ECDsa key;

    public TestSigner(EcdsaCurve curve, byte[]? privateKey = null)
    {
        Curve = curve;
        ECCurve named = curve == EcdsaCurve.P256 ? ECCurve.NamedCurves.nistP256 : Secp256k1;
        key = privateKey is null ? ECDsa.Create(named) : ECDsa.Create(new ECParameters { Curve = named, D = privateKey });
    }

    public EcdsaCurve Curve { get; }

    public string Algorithm => Curve == EcdsaCurve.P256 ? "ES256" : "ES256K";

    public string Did => "did:key:" + Multikey;

    public string Multikey => "z" + Base58.Bitcoin.Encode((byte[])[.. Curve == EcdsaCurve.P256 ? [0x80, 0x24] : (byte[])[0xe7, 0x01], .. CompressedPoint]);

    public byte[] CompressedPoint
    {
        get
        {
            ECPoint q = key.ExportParameters(false).Q;
            return [(byte)(2 + (q.Y![^1] & 1)), .. q.X!];
        }
    }

    public byte[] UncompressedPoint
    {
        get
        {
            ECPoint q = key.ExportParameters(false).Q;
            return [4, .. q.X!, .. q.Y!];
        }
    }

    /// <summary>r || s with the low form of s.</summary>
    public byte[] Sign(byte[] data)
    {
        byte[] signature = key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return S(signature) > Order / 2 ? Twin(signature) : signature;
    }

    /// <summary>The other valid signature: s replaced by n - s.</summary>
    public byte[] Twin(byte[] signature)
    {
        byte[] s = (Order - S(signature)).ToByteArray(isUnsigned: true, isBigEndian: true);
        byte[] twin = new byte[64];
        signature.AsSpan(0, 32).CopyTo(twin);
        s.CopyTo(twin, 64 - s.Length);
        return twin;
    }

    public string Token(JsonObject payload, JsonObject? header = null, Func<byte[], byte[]>? change = null)
    {
        header ??= new JsonObject { ["typ"] = "JWT", ["alg"] = Algorithm };
        string signed = $"{Part(header)}.{Part(payload)}";
        byte[] signature = Sign(Encoding.ASCII.GetBytes(signed));
        return $"{signed}.{Base64Url.EncodeToString(change is null ? signature : change(signature))}";
    }

    /// <summary>The claims of a token that is in order.</summary>
    public JsonObject Claims(string audience, string method, DateTimeOffset now) => new()
    {
        ["iss"] = Did,
        ["aud"] = audience,
        ["lxm"] = method,
        ["iat"] = now.ToUnixTimeSeconds(),
        ["exp"] = now.ToUnixTimeSeconds() + 60,
        ["jti"] = Convert.ToHexString(RandomNumberGenerator.GetBytes(16)),
    };

    public void Dispose() => key.Dispose();

    private static string Part(JsonObject json) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(json));

    private static BigInteger S(byte[] signature) => new(signature.AsSpan(32), isUnsigned: true, isBigEndian: true);

    public byte[] OrderBytes => Convert.FromHexString(Curve == EcdsaCurve.P256
        ? "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        : "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

    private BigInteger Order => new(OrderBytes, isUnsigned: true, isBigEndian: true);
}
