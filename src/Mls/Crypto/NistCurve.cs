using System.Numerics;
using System.Security.Cryptography;
using Org.BouncyCastle.Asn1.X9;

namespace MlsConsole.Mls;

/// <summary>
/// A NIST curve, over the classes of .NET. Public keys are uncompressed points (RFC 9420 §5.1.1), private keys are
/// big-endian scalars.
/// </summary>
internal sealed class NistCurve
{
    private readonly ECCurve _curve;
    private readonly BigInteger _prime,
        _b;
    private readonly byte[] _order;

    private NistCurve(ECCurve curve, string name)
    {
        _curve = curve;
        var parameters = ECNamedCurveTable.GetByName(name);
        FieldLength = (parameters.Curve.FieldSize + 7) / 8;
        _prime = Number(parameters.Curve.Field.Characteristic.ToByteArrayUnsigned());
        _b = Number(parameters.Curve.B.GetEncoded());
        _order = parameters.N.ToByteArrayUnsigned();
    }

    public int FieldLength { get; }

    public static NistCurve P256 { get; } = new(ECCurve.NamedCurves.nistP256, "P-256");
    public static NistCurve P384 { get; } = new(ECCurve.NamedCurves.nistP384, "P-384");
    public static NistCurve P521 { get; } = new(ECCurve.NamedCurves.nistP521, "P-521");

    public bool IsUncompressed(ReadOnlySpan<byte> key) => key.Length == 1 + 2 * FieldLength && key[0] == 4;

    /// <summary>
    /// Whether the bytes are a point of the curve, y^2 = x^3 - 3x + b. The curves have cofactor 1, so that each of
    /// their points is a valid public key.
    /// </summary>
    public bool IsPoint(ReadOnlySpan<byte> key)
    {
        if (!IsUncompressed(key))
            return false;
        BigInteger x = Number(key.Slice(1, FieldLength)),
            y = Number(key[(1 + FieldLength)..]);
        if (x >= _prime || y >= _prime)
            return false;
        return (y * y - (x * x * x - 3 * x + _b)) % _prime == 0;
    }

    /// <summary>
    /// Whether the bytes are a private key: a number from 1 to the order of the curve less 1. The time that this takes
    /// depends on the length of the key alone.
    /// </summary>
    public bool IsScalar(ReadOnlySpan<byte> scalar)
    {
        // Some implementations write private keys without their leading zeros. The order of each of these curves has as
        // many bytes as its field.
        if (scalar.IsEmpty || scalar.Length > _order.Length)
            return false;
        int borrow = 0,
            any = 0;
        for (int i = 1; i <= _order.Length; i++)
        {
            int digit = i <= scalar.Length ? scalar[^i] : 0;
            any |= digit;
            borrow = (digit - _order[^i] - borrow) >> 31 & 1;
        }
        return borrow == 1 && any != 0;
    }

    public ECParameters Point(ReadOnlySpan<byte> key) =>
        new()
        {
            Curve = _curve,
            Q = new() { X = key.Slice(1, FieldLength).ToArray(), Y = key[(1 + FieldLength)..].ToArray() },
        };

    public static byte[] Encode(ECPoint point) => [4, .. point.X!, .. point.Y!];

    public ECDiffieHellman ImportEcdh(ReadOnlySpan<byte> privateKey) => WithPrivate(privateKey, ECDiffieHellman.Create);

    public ECDiffieHellman CreateEcdh() => ECDiffieHellman.Create(_curve);

    public ECDsa ImportEcdsa(ReadOnlySpan<byte> privateKey) => WithPrivate(privateKey, ECDsa.Create);

    public ECDsa CreateEcdsa() => ECDsa.Create(_curve);

    private T WithPrivate<T>(ReadOnlySpan<byte> privateKey, Func<ECParameters, T> create)
    {
        if (!IsScalar(privateKey))
            throw new ArgumentException("The private key is not a scalar of the curve.", nameof(privateKey));
        var d = new byte[FieldLength];
        privateKey.CopyTo(d.AsSpan(FieldLength - privateKey.Length));
        try
        {
            return create(new() { Curve = _curve, D = d });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(d);
        }
    }

    private static BigInteger Number(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);
}
