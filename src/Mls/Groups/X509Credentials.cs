using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MlsConsole.Mls;

/// <summary>X.509 credentials (RFC 9420 §5.3).</summary>
public static class X509Credentials
{
    /// <summary>Makes a <see cref="CredentialVerifier"/> that builds the chain of each x509 credential to one of the given roots, and leaves other types to another verifier.</summary>
    /// <param name="roots">The trust anchors; the machine's own are not asked.</param>
    /// <param name="names">Decides from the end-entity certificate, and from the one that it replaces, whether this is somebody whom the application knows.</param>
    /// <param name="others">Verifies credentials of other types; where null they are refused.</param>
    /// <param name="policy">Changes the chain policy, such as revocation (off) and time (now).</param>
    public static CredentialVerifier VerifyChain(
        X509Certificate2Collection roots,
        Func<X509Certificate2, X509Certificate2?, bool> names,
        CredentialVerifier? others = null,
        Action<X509ChainPolicy>? policy = null
    ) =>
        (credential, signatureKey, before) =>
        {
            if (credential.Type != CredentialType.X509)
                return others is not null && others(credential, signatureKey, before);
            var certificates = credential.Certificates.Select(TryLoad).ToList();
            using var old = before is { Type: CredentialType.X509, Certificates: [var first, ..] }
                ? TryLoad(first)
                : null;
            try
            {
                if (
                    certificates is not [{ } leaf, ..]
                    || certificates.Contains(null)
                    || !IsKeyOf(leaf, signatureKey.Span)
                )
                    return false;
                using var chain = new X509Chain();
                chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                chain.ChainPolicy.CustomTrustStore.AddRange(roots);
                chain.ChainPolicy.ExtraStore.AddRange(certificates.Skip(1).OfType<X509Certificate2>().ToArray());
                chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                chain.ChainPolicy.DisableCertificateDownloads = true;
                policy?.Invoke(chain.ChainPolicy);
                return chain.Build(leaf) && names(leaf, old);
            }
            finally
            {
                foreach (var certificate in certificates)
                    certificate?.Dispose();
            }
        };

    /// <summary>Whether the first certificate of the credential is of a signature key.</summary>
    internal static bool IsKeyOf(Credential credential, ReadOnlySpan<byte> signatureKey)
    {
        if (credential.Certificates is not [var first, ..])
            return false;
        using var certificate = TryLoad(first);
        return certificate is not null && IsKeyOf(certificate, signatureKey);
    }

    // subjectPublicKey holds the point of a NIST curve uncompressed, and an Edwards key as it is: just what MLS writes.
    private static bool IsKeyOf(X509Certificate2 certificate, ReadOnlySpan<byte> signatureKey) =>
        signatureKey.SequenceEqual(certificate.PublicKey.EncodedKeyValue.RawData);

    private static X509Certificate2? TryLoad(ReadOnlyMemory<byte> der)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(der.Span);
        }
        catch (CryptographicException)
        {
            return null; // Not a certificate.
        }
    }
}
