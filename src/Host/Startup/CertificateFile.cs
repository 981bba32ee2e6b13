using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MlsConsole.Host.Startup;

/// <summary>
/// A certificate with its private key in files: PEM with the key in a file of its own (<c>Path</c> and <c>KeyPath</c>,
/// with a <c>Password</c> if the key is encrypted), or PFX (<c>Path</c> and <c>Password</c>).
/// </summary>
/// <param name="section">The section of the settings, for example <c>Endpoints:Certificate</c>.</param>
/// <param name="path">The file of the certificate, after which the certificates of its issuers may follow.</param>
/// <param name="keyPath">The file of the key in PEM; null for a PFX.</param>
/// <param name="password">Of the key or the PFX; null if there is none.</param>
internal sealed class CertificateFile(string section, string path, string? keyPath, string? password)
{
    /// <summary>Where the certificate comes from, for log lines.</summary>
    public string Path => path;

    public static string PathOf(string section) => $"{section}:Path";

    public static bool IsSet(IConfiguration configuration, string section) =>
        !string.IsNullOrEmpty(configuration[PathOf(section)]);

    /// <returns>Null if the section has no path.</returns>
    public static CertificateFile? Read(IConfiguration configuration, string section)
    {
        return IsSet(configuration, section)
            ? new(section, configuration[PathOf(section)]!, Text("KeyPath"), Text("Password"))
            : null;

        string? Text(string key) => configuration[$"{section}:{key}"] is { Length: > 0 } text ? text : null;
    }

    /// <summary>Changes whenever what a file has changes.</summary>
    /// <returns>Null if a file cannot be read.</returns>
    public string? Version()
    {
        try
        {
            return string.Join(' ', new[] { path, keyPath }.OfType<string>().Select(VersionOf));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <returns>The certificate with its key, and the certificates that came with it.</returns>
    /// <exception cref="ConfigurationException">The files have no certificate with its key.</exception>
    public (X509Certificate2 Certificate, X509Certificate2Collection Issuers) Load()
    {
        try
        {
            return keyPath is null ? LoadPfx() : LoadPem(keyPath);
        }
        catch (Exception exception)
            when (exception
                    is CryptographicException
                        or IOException
                        or UnauthorizedAccessException
                        or ArgumentException
                        or NotSupportedException
            )
        {
            throw new ConfigurationException(
                PathOf(section),
                $"names no certificate with a private key that can be used: {exception.Message}"
            );
        }
    }

    private (X509Certificate2, X509Certificate2Collection) LoadPem(string key)
    {
        string certificates = File.ReadAllText(path),
            privateKey = File.ReadAllText(key);
        X509Certificate2Collection issuers = [];
        issuers.ImportFromPem(certificates);
        using X509Certificate2 pem = password is null
            ? X509Certificate2.CreateFromPem(certificates, privateKey)
            : X509Certificate2.CreateFromEncryptedPem(certificates, privateKey, password);
        Remove(issuers, pem);
        // The TLS of Windows does not take a key that was read from PEM.
        return (X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null), issuers);
    }

    private (X509Certificate2, X509Certificate2Collection) LoadPfx()
    {
        X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12CollectionFromFile(path, password);
        X509Certificate2 own =
            all.FirstOrDefault(static one => one.HasPrivateKey)
            ?? throw new CryptographicException("The file has no private key.");
        all.Remove(own);
        return (own, all);
    }

    private static void Remove(X509Certificate2Collection all, X509Certificate2 own)
    {
        foreach (X509Certificate2 one in all.Where(one => one.Thumbprint == own.Thumbprint).ToList())
            all.Remove(one);
    }

    /// <summary>
    /// A hash of what the file has. Two files that are written at once can have the same time and the same length.
    /// </summary>
    private static string VersionOf(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        try
        {
            return Convert.ToHexString(SHA256.HashData(bytes));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }
}
