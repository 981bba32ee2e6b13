using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MlsConsole.TestKit;

/// <summary>
/// A certificate authority in a folder of its own: a root that clients trust, and an intermediate one that signs the
/// certificates of servers, as public authorities have it. The folder goes with the object.
/// </summary>
public sealed class TestCertificates : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlsconsole-certificates-");
    private readonly X509Certificate2 _intermediate;

    public TestCertificates()
    {
        Root = Sign("CN=Test root", null, authority: true, []);
        _intermediate = Sign("CN=Test intermediate", Root, authority: true, []);
        RootPath = Path.Combine(_folder.FullName, "root.pem");
        File.WriteAllText(RootPath, Root.ExportCertificatePem());
    }

    public X509Certificate2 Root { get; }

    /// <summary>The root in PEM.</summary>
    public string RootPath { get; }

    public string Folder => _folder.FullName;

    /// <summary>
    /// Writes a new certificate for these names and addresses, followed by the intermediate one, and its key, both in
    /// PEM. Files of the same name are overwritten.
    /// </summary>
    /// <returns>The paths, and the certificate's thumbprint.</returns>
    public (string Path, string KeyPath, string Thumbprint) WritePem(string name, params string[] hosts)
    {
        using X509Certificate2 certificate = Sign($"CN={hosts[0]}", _intermediate, authority: false, hosts);
        string path = Path.Combine(Folder, $"{name}.pem"),
            keyPath = Path.Combine(Folder, $"{name}.key");
        File.WriteAllText(keyPath, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(path, $"{certificate.ExportCertificatePem()}\n{_intermediate.ExportCertificatePem()}\n");
        return (path, keyPath, certificate.Thumbprint);
    }

    /// <summary>Writes a new certificate, its key and the intermediate certificate as PFX.</summary>
    public (string Path, string Thumbprint) WritePfx(string name, string password, params string[] hosts)
    {
        using X509Certificate2 certificate = Sign($"CN={hosts[0]}", _intermediate, authority: false, hosts);
        using X509Certificate2 issuer = X509CertificateLoader.LoadCertificate(_intermediate.RawData);
        string path = Path.Combine(Folder, $"{name}.pfx");
        File.WriteAllBytes(
            path,
            new X509Certificate2Collection { certificate, issuer }.Export(X509ContentType.Pfx, password)!
        );
        return (path, certificate.Thumbprint);
    }

    /// <summary>Writes a certificate of its own with an RSA key, as PFX: it encrypts keys and serves nobody.</summary>
    public string WriteRsaPfx(string name, string password)
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 certificate = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(30)
        );
        string path = Path.Combine(Folder, $"{name}.pfx");
        File.WriteAllBytes(path, certificate.Export(X509ContentType.Pfx, password));
        return path;
    }

    /// <summary>What a client trusts that knows the root alone.</summary>
    public X509ChainPolicy Trust() =>
        new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { Root },
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };

    public void Dispose()
    {
        Root.Dispose();
        _intermediate.Dispose();
        _folder.Delete(recursive: true);
    }

    private static X509Certificate2 Sign(string name, X509Certificate2? issuer, bool authority, string[] hosts)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(authority, false, 0, critical: true));
        if (hosts.Length > 0)
        {
            SubjectAlternativeNameBuilder names = new();
            foreach (string host in hosts)
                if (IPAddress.TryParse(host, out IPAddress? address))
                    names.AddIpAddress(address);
                else
                    names.AddDnsName(host);
            request.CertificateExtensions.Add(names.Build());
        }
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1),
            until = from.AddDays(30);
        if (issuer is null)
            return request.CreateSelfSigned(from, until);
        using X509Certificate2 certificate = request.Create(
            issuer.SubjectName,
            X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!),
            from,
            until,
            RandomNumberGenerator.GetBytes(16)
        );
        return certificate.CopyWithPrivateKey(key);
    }
}
