using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using SimpleBase;

namespace MlsConsole.Clients;

/// <summary>Makes a service token: a JWT with which the account calls one method of one service once.</summary>
/// <param name="audience">The service's DID (<c>aud</c>).</param>
/// <param name="method">The method's NSID (<c>lxm</c>).</param>
/// <param name="cancellation">Ends the waiting.</param>
/// <remarks>
/// An application that is signed in to a PDS asks the PDS for a token: <c>com.atproto.server.getServiceAuth</c>.
/// </remarks>
public delegate ValueTask<string> ServiceTokenSource(string audience, string method, CancellationToken cancellation);

/// <summary>
/// An account's signing key (<c>#atproto</c> in its DID document), for programs that hold that key: P-256 (ES256) or
/// K-256 (ES256K).
/// </summary>
public sealed class AccountKey : IDisposable
{
    private static readonly ECDomainParameters s_k256 = ECDomainParameters.LookupName("secp256k1");
    private readonly byte[] _privateKey;
    private readonly ECDsa? _p256;

    private AccountKey(byte[] privateKey, bool k256)
    {
        _privateKey = privateKey;
        Span<byte> multikey = stackalloc byte[35];
        if (k256)
        {
            var point = s_k256.G.Multiply(new BigInteger(1, privateKey)).Normalize();
            ((ReadOnlySpan<byte>)[0xe7, 0x01]).CopyTo(multikey);
            point.GetEncoded(compressed: true).CopyTo(multikey[2..]);
        }
        else
        {
            _p256 = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = privateKey });
            var point = _p256.ExportParameters(false).Q;
            ((ReadOnlySpan<byte>)[0x80, 0x24, (byte)(2 + (point.Y![^1] & 1))]).CopyTo(multikey);
            point.X.CopyTo(multikey[3..]);
        }
        DidKey = $"did:key:z{Base58.Bitcoin.Encode(multikey)}";
    }

    /// <summary>The public key as a DID (<c>did:key</c>).</summary>
    public string DidKey { get; }

    /// <summary>Makes a new P-256 key.</summary>
    public static AccountKey CreateP256()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new(key.ExportParameters(true).D!, k256: false);
    }

    /// <summary>Makes a new K-256 (secp256k1) key.</summary>
    public static AccountKey CreateK256()
    {
        while (true)
        {
            var scalar = RandomNumberGenerator.GetBytes(32);
            if (new BigInteger(1, scalar) is var number && number.SignValue > 0 && number.CompareTo(s_k256.N) < 0)
                return new(scalar, k256: true);
        }
    }

    /// <summary>Takes a P-256 key from the 32 bytes of the private key.</summary>
    public static AccountKey P256(ReadOnlySpan<byte> privateKey) => new(Checked(privateKey), k256: false);

    /// <summary>Takes a K-256 key from the 32 bytes of the private key.</summary>
    public static AccountKey K256(ReadOnlySpan<byte> privateKey)
    {
        var own = Checked(privateKey);
        return new BigInteger(1, own) is var number && number.SignValue > 0 && number.CompareTo(s_k256.N) < 0
            ? new(own, k256: true)
            : throw new CryptographicException("The number is no private key of the curve.");
    }

    /// <summary>Makes service tokens that this key signs, valid for a minute.</summary>
    /// <param name="did">The account; where null, <see cref="DidKey"/>.</param>
    /// <param name="clock">The clock; where null, the system's.</param>
    public ServiceTokenSource Tokens(string? did = null, TimeProvider? clock = null) =>
        (audience, method, _) =>
            ValueTask.FromResult(Token(did ?? DidKey, audience, method, (clock ?? TimeProvider.System).GetUtcNow()));

    private string Token(string issuer, string audience, string method, DateTimeOffset now)
    {
        string header = Base64Url.EncodeToString(
            _p256 is null ? """{"typ":"JWT","alg":"ES256K"}"""u8 : """{"typ":"JWT","alg":"ES256"}"""u8
        );
        using var claims = new MemoryStream();
        using (var json = new Utf8JsonWriter(claims))
        {
            json.WriteStartObject();
            json.WriteNumber("iat", now.ToUnixTimeSeconds());
            json.WriteString("iss", issuer);
            json.WriteString("aud", audience);
            json.WriteNumber("exp", now.ToUnixTimeSeconds() + 60);
            json.WriteString("lxm", method);
            json.WriteString("jti", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
            json.WriteEndObject();
        }
        string signed = $"{header}.{Base64Url.EncodeToString(claims.ToArray())}";
        return $"{signed}.{Base64Url.EncodeToString(Sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    private byte[] Sign(byte[] data)
    {
        if (_p256 is not null)
            return _p256.SignData(data, HashAlgorithmName.SHA256);
        var signer = new ECDsaSigner(new HMacDsaKCalculator(new Sha256Digest()));
        signer.Init(true, new ECPrivateKeyParameters(new BigInteger(1, _privateKey), s_k256));
        var parts = signer.GenerateSignature(SHA256.HashData(data));
        // Both (r, s) and (r, n - s) verify. AT Protocol takes only the signature with the smaller s.
        var s = parts[1].CompareTo(s_k256.N.ShiftRight(1)) > 0 ? s_k256.N.Subtract(parts[1]) : parts[1];
        var signature = new byte[64];
        Put(parts[0], signature.AsSpan(0, 32));
        Put(s, signature.AsSpan(32));
        return signature;

        static void Put(BigInteger number, Span<byte> to)
        {
            var bytes = number.ToByteArrayUnsigned();
            bytes.CopyTo(to[(to.Length - bytes.Length)..]);
        }
    }

    private static byte[] Checked(ReadOnlySpan<byte> privateKey) =>
        privateKey.Length == 32
            ? privateKey.ToArray()
            : throw new ArgumentException("A private key has 32 bytes.", nameof(privateKey));

    /// <summary>Zeroes the private key.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_privateKey);
        _p256?.Dispose();
    }
}
