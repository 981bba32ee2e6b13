using System.Security.Cryptography;

namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>A Welcome has no entry for the key package.</summary>
    public static readonly Rule WelcomeRecipient = new(
        "welcome.recipient",
        "§12.4.3.1",
        "A Welcome has an entry for one of the client's key packages, of the same cipher suite."
    );
}

/// <summary>Decrypts the group secrets and the GroupInfo of a Welcome (RFC 9420 §12.4.3.1).</summary>
internal static class WelcomeSecrets
{
    /// <summary>Decrypts the GroupSecrets that are encrypted to the init key of a key package.</summary>
    public static GroupSecrets OpenGroupSecrets(
        CipherSuite suite,
        Welcome welcome,
        ReadOnlySpan<byte> keyPackageReference,
        ReadOnlySpan<byte> initPrivateKey
    )
    {
        MlsException.Require(welcome.CipherSuite == suite.Id, Rules.WelcomeRecipient);
        foreach (var entry in welcome.Secrets)
            if (entry.NewMember.Span.SequenceEqual(keyPackageReference))
                return GroupSecrets.Decode(
                    suite.DecryptWithLabel(
                        initPrivateKey,
                        "Welcome",
                        welcome.EncryptedGroupInfo.Span,
                        entry.Secrets.KemOutput.Span,
                        entry.Secrets.Ciphertext.Span
                    )
                );
        throw new MlsException(Rules.WelcomeRecipient);
    }

    /// <summary>
    /// Decrypts the GroupInfo with the key and nonce that the joiner secret and the pre-shared keys give (RFC 9420 §8,
    /// §12.4.3.1).
    /// </summary>
    public static UnverifiedGroupInfo OpenGroupInfo(
        CipherSuite suite,
        Welcome welcome,
        ReadOnlySpan<byte> joinerSecret,
        ReadOnlySpan<byte> preSharedKeySecret
    )
    {
        var (key, nonce) = KeyAndNonce(suite, joinerSecret, preSharedKeySecret);
        try
        {
            return UnverifiedGroupInfo.Decode(suite.AeadOpen(key, nonce, [], welcome.EncryptedGroupInfo.Span));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    public static (byte[] Key, byte[] Nonce) KeyAndNonce(
        CipherSuite suite,
        ReadOnlySpan<byte> joinerSecret,
        ReadOnlySpan<byte> preSharedKeySecret
    )
    {
        // member_secret = KDF.Extract(joiner_secret, psk_secret); welcome_secret = DeriveSecret(member_secret,
        // "welcome")
        var memberSecret = suite.Extract(joinerSecret, preSharedKeySecret);
        var welcomeSecret = suite.DeriveSecret(memberSecret, "welcome");
        var derived = (
            suite.ExpandWithLabel(welcomeSecret, "key", [], suite.AeadKeyLength),
            suite.ExpandWithLabel(welcomeSecret, "nonce", [], suite.AeadNonceLength)
        );
        CryptographicOperations.ZeroMemory(memberSecret);
        CryptographicOperations.ZeroMemory(welcomeSecret);
        return derived;
    }
}
