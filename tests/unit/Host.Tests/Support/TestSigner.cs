using System.Buffers.Text;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MlsConsole.Host.Identity;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Utilities;
using SimpleBase;

namespace MlsConsole.Host.Tests;

/// <summary>Somebody with a signing key of one of the two curves, who mints service tokens.</summary>
internal sealed class TestSigner : IDisposable
{
    // Of another library than the one that verifies; the class library has no secp256k1 on macOS.
    private static readonly ECDomainParameters s_secp256k1 = ECDomainParameters.LookupName("secp256k1");
    private readonly ECDsa? _p256;
    private readonly ECPrivateKeyParameters? _k256;

    public TestSigner(EcdsaCurve curve, byte[]? privateKey = null)
    {
        Curve = curve;
        if (curve == EcdsaCurve.P256)
        {
            _p256 = privateKey is null
                ? ECDsa.Create(ECCurve.NamedCurves.nistP256)
                : ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = privateKey });
            ECPoint q = _p256.ExportParameters(false).Q;
            UncompressedPoint = [4, .. q.X!, .. q.Y!];
        }
        else
        {
            // A random number of 32 bytes is a private key but for one in 2^127.
            _k256 = new(new(1, privateKey ?? RandomNumberGenerator.GetBytes(32)), s_secp256k1);
            UncompressedPoint = s_secp256k1.G.Multiply(_k256.D).Normalize().GetEncoded(compressed: false);
        }
    }

    public EcdsaCurve Curve { get; }

    public string Algorithm => Curve == EcdsaCurve.P256 ? "ES256" : "ES256K";

    public string Did => "did:key:" + Multikey;

    public string Multikey =>
        "z"
        + Base58.Bitcoin.Encode(
            (byte[])[.. Curve == EcdsaCurve.P256 ? [0x80, 0x24] : (byte[])[0xe7, 0x01], .. CompressedPoint]
        );

    public byte[] CompressedPoint => [(byte)(2 + (UncompressedPoint[^1] & 1)), .. UncompressedPoint[1..33]];

    public byte[] UncompressedPoint { get; }

    /// <summary>r || s with the low form of s.</summary>
    public byte[] Sign(byte[] data)
    {
        byte[] signature =
            _p256?.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
            ?? SignK256(data);
        return S(signature) > Order / 2 ? Twin(signature) : signature;
    }

    private byte[] SignK256(byte[] data)
    {
        ECDsaSigner signer = new();
        signer.Init(true, new ParametersWithRandom(_k256!));
        return
        [
            .. signer
                .GenerateSignature(SHA256.HashData(data))
                .SelectMany(static number => BigIntegers.AsUnsignedByteArray(32, number)),
        ];
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
    public JsonObject Claims(string audience, string method, DateTimeOffset now) =>
        new()
        {
            ["iss"] = Did,
            ["aud"] = audience,
            ["lxm"] = method,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.ToUnixTimeSeconds() + 60,
            ["jti"] = Convert.ToHexString(RandomNumberGenerator.GetBytes(16)),
        };

    public void Dispose() => _p256?.Dispose();

    private static string Part(JsonObject json) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(json));

    private static BigInteger S(byte[] signature) => new(signature.AsSpan(32), isUnsigned: true, isBigEndian: true);

    public byte[] OrderBytes =>
        Convert.FromHexString(
            Curve == EcdsaCurve.P256
                ? "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
                : "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        );

    private BigInteger Order => new(OrderBytes, isUnsigned: true, isBigEndian: true);
}
