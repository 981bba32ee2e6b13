using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>
/// A client with a real signature key and no group secrets. Its signatures are real, and its ciphertexts are random
/// bytes.
/// </summary>
public sealed class TestClient
{
    public TestClient(ushort suite, string identity)
    {
        Suite = CipherSuite.Get(suite);
        Identity = identity;
        SignatureKey = Suite.GenerateSignatureKeyPair();
    }

    public CipherSuite Suite { get; }
    public string Identity { get; }
    public SecretKeyPair SignatureKey { get; private set; }
    public Credential Credential => Credential.Basic(Encoding.UTF8.GetBytes(Identity));

    /// <summary>The same identity with a new signature key, as after a reinstall.</summary>
    public TestClient Reinstalled() => new(Suite.Id, Identity);

    /// <summary>Another identity that signs with this client's key.</summary>
    public TestClient As(string identity) => new(Suite.Id, identity) { SignatureKey = SignatureKey };

    public static Capabilities DefaultCapabilities { get; } =
        new(
            new UInt16List(1),
            new UInt16List(1, 2, 3, 4, 5, 6, 7),
            new UInt16List(),
            new UInt16List(ProposalType.SelfRemove),
            new UInt16List(CredentialType.Basic, CredentialType.X509)
        );

    /// <summary>A key package as an MLSMessage.</summary>
    public byte[] KeyPackage(bool lastResort = false, Lifetime? lifetime = null, Capabilities? capabilities = null)
    {
        var package = BareKeyPackage(lastResort, lifetime, capabilities);
        return MlsMessage.Of(package).Encode();
    }

    public UnverifiedKeyPackage BareKeyPackage(
        bool lastResort = false,
        Lifetime? lifetime = null,
        Capabilities? capabilities = null
    )
    {
        capabilities ??= lastResort
            ? DefaultCapabilities with
            {
                Extensions = new(ExtensionType.LastResort),
            }
            : DefaultCapabilities;
        var leaf = LeafNode.Create(
            Suite,
            SignatureKey.PrivateKey,
            NewKemKey(),
            SignatureKey.PublicKey,
            Credential,
            capabilities,
            LeafNodeSource.KeyPackage,
            lifetime ?? CurrentLifetime()
        );
        return UnverifiedKeyPackage.Create(
            Suite,
            SignatureKey.PrivateKey,
            NewKemKey(),
            leaf,
            lastResort ? new Extensions(new Extension(ExtensionType.LastResort, default)) : null
        );
    }

    public byte[] NewKemKey()
    {
        using var pair = Suite.GenerateKemKeyPair();
        return pair.PublicKey;
    }

    public static Lifetime CurrentLifetime()
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return new((ulong)now - 3600, (ulong)now + 86400 * 30);
    }
}
