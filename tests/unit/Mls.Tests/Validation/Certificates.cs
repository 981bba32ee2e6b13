using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Certificates of Ed25519 keys. .NET can name such keys but not sign with them, so an ECDSA key issues the
/// certificates.
/// </summary>
internal static class Certificates
{
    private const string Ed25519 = "1.3.101.112";

    public static Credential Of(TestClient client)
    {
        using var issuer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var key = new PublicKey(
            new Oid(Ed25519),
            new AsnEncodedData(new Oid(Ed25519), [5, 0]),
            new AsnEncodedData(new Oid(Ed25519), client.SignatureKey.PublicKey)
        );
        var request = new CertificateRequest(
            new X500DistinguishedName($"CN={client.Identity}"),
            key,
            HashAlgorithmName.SHA256
        );
        using var certificate = request.Create(
            new X500DistinguishedName("CN=Issuer"),
            X509SignatureGenerator.CreateForECDsa(issuer),
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(1),
            [1]
        );
        return Credential.X509([certificate.RawData]);
    }
}
