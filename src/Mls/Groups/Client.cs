using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>A client as it stands behind its leaves: credential, signature key, capabilities.</summary>
/// <remarks>Owns its private key: dispose it when the client is done with MLS.</remarks>
public sealed class Client : IDisposable
{
    /// <summary>A client of a cipher suite.</summary>
    /// <param name="cipherSuite">The suite of its groups.</param>
    /// <param name="credential">Who it is.</param>
    /// <param name="signatureKey">Its key pair; generated where null.</param>
    /// <param name="capabilities">What it supports; the default names this library's suites, basic and x509 credentials and SelfRemove.</param>
    public Client(ushort cipherSuite, Credential credential, SecretKeyPair? signatureKey = null, Capabilities? capabilities = null)
    {
        Suite = CipherSuite.Get(cipherSuite);
        Credential = credential;
        SignatureKey = signatureKey ?? Suite.GenerateSignatureKeyPair();
        Capabilities = capabilities ?? DefaultCapabilities;
    }

    internal CipherSuite Suite { get; }
    /// <summary>Who the client is.</summary>
    public Credential Credential { get; }
    /// <summary>The key that it signs with.</summary>
    public SecretKeyPair SignatureKey { get; }
    /// <summary>What it supports.</summary>
    public Capabilities Capabilities { get; }

    /// <summary>Capabilities of a client that states none.</summary>
    public static Capabilities DefaultCapabilities { get; } = new(
        new UInt16List(ProtocolVersion.Mls10), new UInt16List([.. CipherSuite.All.Select(suite => suite.Id)]), new UInt16List(),
        new UInt16List(ProposalType.SelfRemove), new UInt16List(CredentialType.Basic, CredentialType.X509));

    /// <summary>Makes a key package with fresh keys (RFC 9420 §10).</summary>
    /// <param name="lifetime">When it is valid; from an hour ago to ninety days ahead where null.</param>
    /// <param name="lastResort">Whether it may be used again (draft-ietf-mls-extensions).</param>
    public OwnKeyPackage CreateKeyPackage(Lifetime? lifetime = null, bool lastResort = false)
    {
        var init = Suite.GenerateKemKeyPair();
        var encryption = Suite.GenerateKemKeyPair();
        // §10: what the key package has, its leaf node's capabilities list.
        var capabilities = lastResort && !Capabilities.SupportsExtension(ExtensionType.LastResort)
            ? Capabilities with { Extensions = new([.. Capabilities.Extensions.ToArray(), ExtensionType.LastResort]) } : Capabilities;
        var leaf = LeafNode.Create(Suite, SignatureKey.PrivateKey, encryption.PublicKey, SignatureKey.PublicKey, Credential, capabilities, LeafNodeSource.KeyPackage, lifetime ?? DefaultLifetime());
        var package = UnverifiedKeyPackage.Create(Suite, SignatureKey.PrivateKey, init.PublicKey, leaf, lastResort ? new(new Extension(ExtensionType.LastResort, default)) : null);
        return new(package.Verify(null), init, encryption);
    }

    internal static Lifetime DefaultLifetime()
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return new((ulong)(now - 3600), (ulong)(now + 90 * 86400));
    }

    /// <summary>Zeroes the private key.</summary>
    public void Dispose() => SignatureKey.Dispose();
}

/// <summary>A key package with the private keys that open a Welcome to it. Zeroed on dispose.</summary>
public sealed class OwnKeyPackage(KeyPackage keyPackage, SecretKeyPair init, SecretKeyPair encryption) : IDisposable
{
    /// <summary>What is published.</summary>
    public KeyPackage KeyPackage { get; } = keyPackage;
    /// <summary>Opens the group secrets of a Welcome.</summary>
    public SecretKeyPair Init { get; } = init;
    /// <summary>The leaf's key.</summary>
    public SecretKeyPair Encryption { get; } = encryption;

    /// <summary>The key package as an MLSMessage, to publish.</summary>
    public byte[] Encode() => MlsMessage.Of(UnverifiedKeyPackage.Decode(KeyPackage.Encoded)).Encode();

    /// <summary>Zeroes both private keys.</summary>
    public void Dispose()
    {
        Init.Dispose();
        Encryption.Dispose();
    }
}

/// <summary>External pre-shared keys by their id, as the application knows them (RFC 9420 §8.4).</summary>
public sealed class PreSharedKeys : IDisposable
{
    private readonly Dictionary<ReadOnlyMemory<byte>, byte[]> _keys = new(PublicKeySet.BytesComparer.Instance);

    /// <summary>Adds a copy of a key.</summary>
    public PreSharedKeys Add(ReadOnlyMemory<byte> id, ReadOnlySpan<byte> secret)
    {
        _keys[id.ToArray()] = secret.ToArray();
        return this;
    }

    internal byte[]? Find(ReadOnlyMemory<byte> id) => _keys.GetValueOrDefault(id);

    /// <summary>Zeroes all keys.</summary>
    public void Dispose()
    {
        foreach (var secret in _keys.Values) CryptographicOperations.ZeroMemory(secret);
        _keys.Clear();
    }
}
