using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MlsConsole.Mls;

/// <summary>X.509 credentials (RFC 9420 §5.3).</summary>
public static class X509Credentials
{
    /// <summary>
    /// Makes a <see cref="CredentialVerifier"/> that builds a chain from the certificates of each x509 credential to
    /// one of the given roots. It leaves credentials of other types to another verifier.
    /// </summary>
    /// <param name="roots">The trust anchors; those of the machine are not used.</param>
    /// <param name="names">
    /// Decides by the end-entity certificate, and by the certificate that it replaces, whether the application knows
    /// its holder.
    /// </param>
    /// <param name="others">Verifies credentials of other types; where null, such credentials are refused.</param>
    /// <param name="policy">Changes the chain policy, which by default has revocation off and the current time.</param>
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

    /// <summary>Whether the first certificate of the credential is one of the given signature key.</summary>
    internal static bool IsKeyOf(Credential credential, ReadOnlySpan<byte> signatureKey)
    {
        if (credential.Certificates is not [var first, ..])
            return false;
        using var certificate = TryLoad(first);
        return certificate is not null && IsKeyOf(certificate, signatureKey);
    }

    // For a NIST curve subjectPublicKey holds the uncompressed point, for an Edwards curve the key as it is. Both are
    // what MLS writes.
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
            // The bytes are not a certificate.
            return null;
        }
    }
}
