using System.Security.Cryptography;
using MlsConsole.Host.Identity;
using NBitcoin.Secp256k1;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Utilities;
using SHA256 = System.Security.Cryptography.SHA256;

namespace MlsConsole.Identity.Benchmarks;

/// <summary>
/// Data that is signed with a new key, and verifications of its signature by other libraries. BouncyCastle signs,
/// because .NET has no secp256k1 on macOS.
/// </summary>
internal sealed class Signed
{
    private readonly byte[] _data;
    private readonly ECPublicKeyParameters _publicKey;
    private readonly ECCurve _curve;

    public Signed(EcdsaCurve curve, byte[] data)
    {
        ECDomainParameters domain = ECDomainParameters.LookupName(curve == EcdsaCurve.P256 ? "secp256r1" : "secp256k1");
        // A random number of 32 bytes is a private key of either curve, but for one in 2^32.
        ECPrivateKeyParameters key = new(new(1, RandomNumberGenerator.GetBytes(32)), domain);
        _publicKey = new(domain.G.Multiply(key.D), domain);
        (_data, _curve) = (
            data,
            curve == EcdsaCurve.P256 ? ECCurve.NamedCurves.nistP256 : ECCurve.CreateFromValue("1.3.132.0.10")
        );
        Point = _publicKey.Q.GetEncoded(compressed: false);
        ECDsaSigner signer = new();
        signer.Init(true, new ParametersWithRandom(key));
        BigInteger[] signature = signer.GenerateSignature(SHA256.HashData(data));
        BigInteger s = signature[1],
            other = domain.N.Subtract(s);
        // The signature is the form with the lower s, as AT Protocol's servers sign; its twin is the form with the
        // higher s.
        (Signature, Twin) = (Bytes(signature[0], s.Min(other)), Bytes(signature[0], s.Max(other)));
    }

    public byte[] Point { get; }
    public byte[] Signature { get; }
    public byte[] Twin { get; }

    public bool Imported()
    {
        using ECDsa key = Import();
        return Verify(key);
    }

    public Func<bool> Kept()
    {
        ECDsa key = Import();
        return () => Verify(key);
    }

    public Func<bool> NBitcoin()
    {
        ECPubKey key = ECPubKey.Create(Point);
        return () =>
            SecpECDSASignature.TryCreateFromCompact(Signature, out var signature)
            && key.SigVerify(signature, SHA256.HashData(_data));
    }

    public bool BouncyCastle()
    {
        ECDsaSigner verifier = new();
        verifier.Init(false, _publicKey);
        return verifier.VerifySignature(SHA256.HashData(_data), new(1, Signature[..32]), new(1, Signature[32..]));
    }

    private ECDsa Import() =>
        ECDsa.Create(
            new ECParameters
            {
                Curve = _curve,
                Q = new() { X = Point[1..33], Y = Point[33..] },
            }
        );

    private bool Verify(ECDsa key) =>
        key.VerifyData(_data, Signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    private static byte[] Bytes(BigInteger r, BigInteger s) =>
        [.. BigIntegers.AsUnsignedByteArray(32, r), .. BigIntegers.AsUnsignedByteArray(32, s)];
}
