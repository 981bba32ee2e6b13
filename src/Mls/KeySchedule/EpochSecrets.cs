using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The secrets of one epoch, RFC 9420 §8. They are zeroed on dispose.</summary>
internal sealed class EpochSecrets : IDisposable
{
    private EpochSecrets(CipherSuite suite, byte[] joiner, byte[] welcome, byte[] epoch)
    {
        Joiner = joiner;
        Welcome = welcome;
        SenderData = suite.DeriveSecret(epoch, "sender data");
        Encryption = suite.DeriveSecret(epoch, "encryption");
        Exporter = suite.DeriveSecret(epoch, "exporter");
        External = suite.DeriveSecret(epoch, "external");
        ConfirmationKey = suite.DeriveSecret(epoch, "confirm");
        MembershipKey = suite.DeriveSecret(epoch, "membership");
        ResumptionPsk = suite.DeriveSecret(epoch, "resumption");
        EpochAuthenticator = suite.DeriveSecret(epoch, "authentication");
        Init = suite.DeriveSecret(epoch, "init");
        CryptographicOperations.ZeroMemory(epoch);
    }

    private EpochSecrets(ref TlsReader reader)
    {
        (Joiner, Welcome, Encryption) = ([], [], []);
        SenderData = reader.ReadOpaque().ToArray();
        Exporter = reader.ReadOpaque().ToArray();
        External = reader.ReadOpaque().ToArray();
        ConfirmationKey = reader.ReadOpaque().ToArray();
        MembershipKey = reader.ReadOpaque().ToArray();
        ResumptionPsk = reader.ReadOpaque().ToArray();
        EpochAuthenticator = reader.ReadOpaque().ToArray();
        Init = reader.ReadOpaque().ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static EpochSecrets Read(ref TlsReader reader) => new(ref reader);

    /// <summary>The secrets that an epoch needs once it has begun, in the order in which they are saved.</summary>
    public byte[][] All =>
        [SenderData, Exporter, External, ConfirmationKey, MembershipKey, ResumptionPsk, EpochAuthenticator, Init];

    /// <summary>Writes the secrets of <see cref="All"/>, each as <c>opaque&lt;V&gt;</c>.</summary>
    public void Write(TlsWriter writer)
    {
        foreach (var secret in All)
            writer.WriteOpaque(secret);
    }

    /// <summary>
    /// Zeroes the secrets from which message keys could be derived again (RFC 9420 §9.2). It is called when the secret
    /// tree is made and the Welcome is encrypted.
    /// </summary>
    public void ForgetSources()
    {
        CryptographicOperations.ZeroMemory(Joiner);
        CryptographicOperations.ZeroMemory(Welcome);
        CryptographicOperations.ZeroMemory(Encryption);
    }

    public byte[] Joiner { get; }
    public byte[] Welcome { get; }
    public byte[] SenderData { get; }
    public byte[] Encryption { get; }
    public byte[] Exporter { get; }
    public byte[] External { get; }
    public byte[] ConfirmationKey { get; }
    public byte[] MembershipKey { get; }
    public byte[] ResumptionPsk { get; }
    public byte[] EpochAuthenticator { get; }
    public byte[] Init { get; }

    /// <summary>Derives the secrets of an epoch from those of the epoch before, by a commit.</summary>
    /// <remarks>
    /// <c>joiner_secret = ExpandWithLabel(KDF.Extract(init_secret, commit_secret), "joiner", GroupContext, KDF.Nh)</c>
    /// </remarks>
    public static EpochSecrets Next(
        CipherSuite suite,
        ReadOnlySpan<byte> init,
        ReadOnlySpan<byte> commitSecret,
        ReadOnlySpan<byte> pskSecret,
        GroupContext context
    )
    {
        var extracted = suite.Extract(init, commitSecret);
        var joiner = suite.ExpandWithLabel(extracted, "joiner", context.Encoded.Span, suite.HashLength);
        CryptographicOperations.ZeroMemory(extracted);
        return FromJoiner(suite, joiner, pskSecret, context);
    }

    /// <summary>Derives the secrets of an epoch from a joiner secret, which a new member gets by a Welcome.</summary>
    public static EpochSecrets FromJoiner(
        CipherSuite suite,
        byte[] joiner,
        ReadOnlySpan<byte> pskSecret,
        GroupContext context
    )
    {
        var member = suite.Extract(joiner, pskSecret);
        var welcome = suite.DeriveSecret(member, "welcome");
        var epoch = suite.ExpandWithLabel(member, "epoch", context.Encoded.Span, suite.HashLength);
        CryptographicOperations.ZeroMemory(member);
        return new(suite, joiner, welcome, epoch);
    }

    /// <summary>The key pair whose public key is external_pub (RFC 9420 §8).</summary>
    public SecretKeyPair ExternalKeyPair(CipherSuite suite) => suite.DeriveKemKeyPair(External);

    /// <summary>Derives a secret for the application by the MLS-Exporter, RFC 9420 §8.5.</summary>
    public byte[] Export(CipherSuite suite, string label, ReadOnlySpan<byte> context, int length)
    {
        var secret = suite.DeriveSecret(Exporter, label);
        var exported = suite.ExpandWithLabel(secret, "exported", suite.Hash(context), length);
        CryptographicOperations.ZeroMemory(secret);
        return exported;
    }

    /// <summary>confirmation_tag = MAC(confirmation_key, confirmed_transcript_hash), RFC 9420 §6.1.</summary>
    public byte[] ConfirmationTag(CipherSuite suite, ReadOnlySpan<byte> confirmedTranscriptHash) =>
        suite.Mac(ConfirmationKey, confirmedTranscriptHash);

    public void Dispose()
    {
        ForgetSources();
        foreach (var secret in All)
            CryptographicOperations.ZeroMemory(secret);
    }

    /// <summary>The exporter context for the external init secret, RFC 9420 §8.3.</summary>
    public const string ExternalInitLabel = "MLS 1.0 external init secret";
}
