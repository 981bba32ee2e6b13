using System.Numerics;
using System.Security.Cryptography;
using NBitcoin.Secp256k1;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using SHA256 = System.Security.Cryptography.SHA256;

namespace MlsConsole.Identity.Benchmarks;

/// <summary>Something signed with a new key, and other libraries to verify it.</summary>
internal sealed class Signed
{
    private readonly byte[] _data;
    private readonly ECParameters _publicKey;
    private readonly ECDsa _kept;

    public Signed(ECCurve curve, byte[] data)
    {
        using ECDsa key = ECDsa.Create(curve);
        (_data, _publicKey) = (data, key.ExportParameters(false));
        _kept = ECDsa.Create(_publicKey);
        Point = [4, .. _publicKey.Q.X!, .. _publicKey.Q.Y!];
        byte[] signature = key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        BigInteger order = new(Convert.FromHexString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"), true, true), s = new(signature.AsSpan(32), true, true);
        byte[] other = (order - s).ToByteArray(true, true), twin = [.. signature[..32], .. new byte[32 - other.Length], .. other];
        // Of the two forms the low one, as AT Protocol's own servers sign; both hold on secp256k1 alone.
        bool high = curve.Oid.FriendlyName != ECCurve.NamedCurves.nistP256.Oid.FriendlyName && s > order / 2;
        (Signature, Twin) = high ? (twin, signature) : (signature, twin);
    }

    public byte[] Point { get; }
    public byte[] Signature { get; }
    public byte[] Twin { get; }

    public bool Kept() => _kept.VerifyData(_data, Signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    public bool Imported()
    {
        using ECDsa key = ECDsa.Create(_publicKey);
        return key.VerifyData(_data, Signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    public Func<bool> NBitcoin()
    {
        ECPubKey key = ECPubKey.Create(Point);
        return () => SecpECDSASignature.TryCreateFromCompact(Signature, out var signature) && key.SigVerify(signature, SHA256.HashData(_data));
    }

    public Func<bool> BouncyCastle()
    {
        ECPublicKeyParameters key = new(ECNamedCurveTable.GetByName("secp256k1").Curve.DecodePoint(Point), new ECDomainParameters(ECNamedCurveTable.GetByName("secp256k1")));
        return () =>
        {
            ECDsaSigner verifier = new();
            verifier.Init(false, key);
            return verifier.VerifySignature(SHA256.HashData(_data), new(1, Signature[..32]), new(1, Signature[32..]));
        };
    }
}
