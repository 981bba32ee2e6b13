using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The secrets for one new member, RFC 9420 §12.4.3.1.</summary>
/// <param name="NewMember">KeyPackageRef of the recipient.</param>
/// <param name="Secrets">GroupSecrets, encrypted to its init key.</param>
public readonly record struct EncryptedGroupSecrets(ReadOnlyMemory<byte> NewMember, HpkeCiphertext Secrets);

/// <summary>RFC 9420 §12.4.3.1.</summary>
/// <remarks><code>struct { CipherSuite cipher_suite; EncryptedGroupSecrets secrets&lt;V&gt;; opaque encrypted_group_info&lt;V&gt;; } Welcome;</code></remarks>
public sealed class Welcome
{
    internal Welcome(
        ushort cipherSuite,
        IReadOnlyList<EncryptedGroupSecrets> secrets,
        ReadOnlyMemory<byte> encryptedGroupInfo
    )
    {
        CipherSuite = cipherSuite;
        Secrets = secrets;
        EncryptedGroupInfo = encryptedGroupInfo;
    }

    /// <summary>The group's cipher suite.</summary>
    public ushort CipherSuite { get; }

    /// <summary>One entry for each recipient.</summary>
    public IReadOnlyList<EncryptedGroupSecrets> Secrets { get; }

    /// <summary>GroupInfo under welcome_key and welcome_nonce.</summary>
    public ReadOnlyMemory<byte> EncryptedGroupInfo { get; }

    /// <summary>Decodes a Welcome from its MLSMessage.</summary>
    /// <exception cref="MlsException">The bytes are not exactly one Welcome.</exception>
    public static Welcome Decode(ReadOnlyMemory<byte> bytes) =>
        MlsMessage.Decode(bytes).Welcome ?? throw new MlsException(Rules.CodecWireFormat);

    internal static Welcome Read(ref TlsReader reader)
    {
        ushort suite = reader.ReadUInt16();
        var vector = reader.ReadVector();
        var secrets = new List<EncryptedGroupSecrets>();
        while (!vector.AtEnd)
            secrets.Add(new(vector.ReadOpaque(), HpkeCiphertext.Read(ref vector)));
        return new(suite, secrets, reader.ReadOpaque());
    }

    internal void Write(TlsWriter writer)
    {
        int start = writer.WriteUInt16(CipherSuite).BeginVector();
        foreach (var entry in Secrets)
            entry.Secrets.Write(writer.WriteOpaque(entry.NewMember.Span));
        writer.EndVector(start).WriteOpaque(EncryptedGroupInfo.Span);
    }
}

/// <summary>What a Welcome tells one new member (RFC 9420 §12.4.3.1).</summary>
/// <remarks><code>struct { opaque joiner_secret&lt;V&gt;; optional&lt;PathSecret&gt; path_secret; PreSharedKeyID psks&lt;V&gt;; } GroupSecrets;</code></remarks>
internal sealed record GroupSecrets(
    ReadOnlyMemory<byte> JoinerSecret,
    ReadOnlyMemory<byte>? PathSecret,
    IReadOnlyList<PreSharedKeyId> PreSharedKeys
) : IDisposable
{
    public static GroupSecrets Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        var joiner = reader.ReadOpaque();
        ReadOnlyMemory<byte>? path = reader.ReadPresence() ? (ReadOnlyMemory<byte>?)reader.ReadOpaque() : null;
        var vector = reader.ReadVector();
        reader.RequireEnd();
        var keys = new List<PreSharedKeyId>();
        while (!vector.AtEnd)
            keys.Add(PreSharedKeyId.Read(ref vector));
        return new(joiner, path, keys);
    }

    /// <summary>Zeroes the secrets where they stand: for what was decoded.</summary>
    public void Dispose()
    {
        foreach (var secret in (ReadOnlyMemory<byte>[])[JoinerSecret, PathSecret ?? default])
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsMemory(secret).Span);
    }

    public byte[] Encode()
    {
        var writer = new TlsWriter(128).WriteOpaque(JoinerSecret.Span).WritePresence(PathSecret is not null);
        if (PathSecret is { } path)
            writer.WriteOpaque(path.Span);
        int start = writer.BeginVector();
        foreach (var key in PreSharedKeys)
            key.Write(writer);
        return writer.EndVector(start).ToArray();
    }
}
