using System.Numerics;
using System.Security.Cryptography;
using Secp256k1Net;

namespace MlsConsole.Host.Identity;

/// <summary>The two curves of AT Protocol cryptography.</summary>
internal enum EcdsaCurve
{
    /// <summary>NIST P-256 (secp256r1), JWT algorithm ES256.</summary>
    P256,

    /// <summary>K-256 (secp256k1), JWT algorithm ES256K.</summary>
    Secp256k1,
}

/// <summary>
/// A public key of one of AT Protocol's two curves that verifies SHA-256 signatures in the 64-byte
/// <c>r || s</c> form (<see href="https://atproto.com/specs/cryptography"/>). The point has been checked
/// to lie on its curve; neither curve has a cofactor, so no subgroup check is needed.
/// </summary>
/// <remarks>
/// secp256k1 is verified by libsecp256k1: the class library takes some twenty times as long, half of it to import
/// the key, and has no secp256k1 on macOS. P-256 is the class library's, with the imported key kept for the next call.
/// </remarks>
internal sealed class EcdsaPublicKey
{
    public const int SignatureLength = 64;
    private const int CoordinateLength = 32;

    // SEC 2 v2 §2.4.1 (secp256k1) and §2.4.2 (secp256r1). The parameters serve to decompress a point and to tell low
    // S from high S. All values are public, so BigInteger's variable time gives nothing away.
    private static readonly CurveParameters s_k256 = new(
        Prime: Hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
        A: BigInteger.Zero,
        B: new BigInteger(7),
        Order: Hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
    );

    private static readonly CurveParameters s_p256 = new(
        Prime: Hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
        A: new BigInteger(-3),
        B: Hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
        Order: Hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    );

    private readonly byte[] _point;
    private ECDsa? _imported;

    private EcdsaPublicKey(EcdsaCurve curve, byte[] x, byte[] y) => (Curve, _point) = (curve, [4, .. x, .. y]);

    public EcdsaCurve Curve { get; }

    /// <summary>The JWT algorithm that a token by this key must name (RFC 7518 §3.4, RFC 8812 §3.2).</summary>
    public string JwtAlgorithm => Curve == EcdsaCurve.P256 ? "ES256" : "ES256K";

    /// <summary>Reads a SEC 1 §2.3.4 point: 33 bytes compressed or 65 bytes uncompressed.</summary>
    /// <returns><see langword="null"/> if the bytes are no point of the curve.</returns>
    public static EcdsaPublicKey? FromPoint(EcdsaCurve curve, ReadOnlySpan<byte> point)
    {
        CurveParameters parameters = Parameters(curve);
        if (point.Length == 1 + CoordinateLength && point[0] is 2 or 3)
        {
            BigInteger x = Read(point[1..]);
            if (x >= parameters.Prime)
                return null;
            BigInteger square = parameters.RightSide(x);
            // Both primes are 3 modulo 4, so a square root is a power.
            BigInteger y = BigInteger.ModPow(square, (parameters.Prime + 1) / 4, parameters.Prime);
            if (y * y % parameters.Prime != square)
                return null;
            if (y.IsEven != (point[0] == 2))
                y = parameters.Prime - y;
            return new EcdsaPublicKey(curve, Write(x), Write(y));
        }
        if (point.Length == 1 + 2 * CoordinateLength && point[0] == 4)
        {
            BigInteger x = Read(point.Slice(1, CoordinateLength));
            BigInteger y = Read(point[(1 + CoordinateLength)..]);
            if (x >= parameters.Prime || y >= parameters.Prime)
                return null;
            return y * y % parameters.Prime == parameters.RightSide(x)
                ? new EcdsaPublicKey(curve, Write(x), Write(y))
                : null;
        }
        return null;
    }

    /// <summary>Verifies an ECDSA signature over SHA-256 of <paramref name="data"/>.</summary>
    /// <param name="data">What was signed.</param>
    /// <param name="signature"><c>r || s</c>, exactly 64 bytes; a DER signature is refused.</param>
    /// <param name="allowHighS">
    /// AT Protocol signatures are low-S. Service tokens are the exception: the official server accepts either
    /// form of <c>s</c> there, because general JWT libraries do not normalise it.
    /// </param>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, bool allowHighS = false)
    {
        if (signature.Length != SignatureLength)
            return false;
        BigInteger s = Read(signature[CoordinateLength..]),
            order = Parameters(Curve).Order;
        bool high = s > order / 2;
        if (high && !allowHighS)
            return false;
        if (Curve == EcdsaCurve.P256)
            return VerifyP256(data, signature);
        if (s >= order)
            return false;
        // libsecp256k1 accepts low S alone. The signature with the other form of S signs the same.
        return Secp256k1.Verify(
            high ? [.. signature[..CoordinateLength], .. Write(order - s)] : signature,
            SHA256.HashData(data),
            _point
        );
    }

    private bool VerifyP256(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        // ECDsa is not safe for concurrent use, so a call during another one imports the key anew.
        ECDsa key =
            Interlocked.Exchange(ref _imported, null)
            ?? ECDsa.Create(
                new ECParameters
                {
                    Curve = ECCurve.NamedCurves.nistP256,
                    Q = new ECPoint { X = _point[1..(1 + CoordinateLength)], Y = _point[(1 + CoordinateLength)..] },
                }
            );
        bool valid = key.VerifyData(
            data,
            signature,
            HashAlgorithmName.SHA256,
            DSASignatureFormat.IeeeP1363FixedFieldConcatenation
        );
        Interlocked.Exchange(ref _imported, key)?.Dispose();
        return valid;
    }

    private static CurveParameters Parameters(EcdsaCurve curve) => curve == EcdsaCurve.P256 ? s_p256 : s_k256;

    private static BigInteger Read(ReadOnlySpan<byte> bigEndian) => new(bigEndian, isUnsigned: true, isBigEndian: true);

    private static BigInteger Hex(string hex) => Read(Convert.FromHexString(hex));

    private static byte[] Write(BigInteger value)
    {
        byte[] fixedLength = new byte[CoordinateLength];
        byte[] bytes = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(fixedLength, CoordinateLength - bytes.Length);
        return fixedLength;
    }

    private sealed record CurveParameters(BigInteger Prime, BigInteger A, BigInteger B, BigInteger Order)
    {
        /// <summary>x³ + ax + b mod p, the right side of the curve equation.</summary>
        public BigInteger RightSide(BigInteger x)
        {
            BigInteger value = (x * x * x + A * x + B) % Prime;
            return value.Sign < 0 ? value + Prime : value;
        }
    }
}
