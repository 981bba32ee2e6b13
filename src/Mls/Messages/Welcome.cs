using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The secrets that a Welcome has for one new member, RFC 9420 §12.4.3.1.</summary>
/// <param name="NewMember">The KeyPackageRef of the new member's key package.</param>
/// <param name="Secrets">The GroupSecrets, encrypted to the init key of the key package.</param>
public readonly record struct EncryptedGroupSecrets(ReadOnlyMemory<byte> NewMember, HpkeCiphertext Secrets);

/// <summary>What new members need to join a group, RFC 9420 §12.4.3.1.</summary>
/// <remarks>
/// <code>
/// struct {
///     CipherSuite cipher_suite; EncryptedGroupSecrets secrets&lt;V&gt;; opaque encrypted_group_info&lt;V&gt;;
/// } Welcome;
/// </code>
/// </remarks>
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

    /// <summary>The encrypted secrets, one entry for each new member.</summary>
    public IReadOnlyList<EncryptedGroupSecrets> Secrets { get; }

    /// <summary>The GroupInfo, encrypted with welcome_key and welcome_nonce.</summary>
    public ReadOnlyMemory<byte> EncryptedGroupInfo { get; }

    /// <summary>Decodes a Welcome, which is an MLSMessage.</summary>
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

/// <summary>The secrets that a Welcome brings to one new member (RFC 9420 §12.4.3.1).</summary>
/// <remarks>
/// <code>
/// struct {
///     opaque joiner_secret&lt;V&gt;; optional&lt;PathSecret&gt; path_secret; PreSharedKeyID psks&lt;V&gt;;
/// } GroupSecrets;
/// </code>
/// </remarks>
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

    /// <summary>Zeroes the secrets in the buffer from which they were decoded.</summary>
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
