namespace MlsConsole.Mls;

/// <summary>Asks the application whether a credential is who it says (RFC 9420 §5.3.1).</summary>
/// <param name="credential">Of a member or an external sender.</param>
/// <param name="signatureKey">The key that it must belong to.</param>
/// <param name="before">The credential that it replaces; null for a newcomer. The application decides whether the one may follow the other.</param>
/// <returns>False to refuse the message that brings the credential, with <see cref="Rules.CredentialRefused"/>.</returns>
public delegate bool CredentialVerifier(Credential credential, ReadOnlyMemory<byte> signatureKey, Credential? before);

/// <summary>A client as it stands behind its leaves: credential, signature key, capabilities.</summary>
/// <remarks>Owns its private key: dispose it when the client is done with MLS.</remarks>
public sealed class Client : IDisposable
{
    /// <summary>A client of a cipher suite.</summary>
    /// <param name="cipherSuite">The suite of its groups.</param>
    /// <param name="credential">Who it is.</param>
    /// <param name="signatureKey">Its key pair; generated where null.</param>
    /// <param name="capabilities">What it supports; <see cref="DefaultCapabilities"/> and some values of GREASE where null.</param>
    /// <exception cref="MlsException"><see cref="Rules.CipherSuiteUnsupported"/></exception>
    public Client(
        ushort cipherSuite,
        Credential credential,
        SecretKeyPair? signatureKey = null,
        Capabilities? capabilities = null
    )
    {
        Suite = CipherSuite.Get(cipherSuite);
        Credential = credential;
        SignatureKey = signatureKey ?? Suite.GenerateSignatureKeyPair();
        if (capabilities is null)
            Grease = new();
        Capabilities = capabilities ?? Grease!.Into(DefaultCapabilities);
    }

    internal CipherSuite Suite { get; }

    /// <summary>Made-up values that keep receivers honest (RFC 9420 §13.5); none for a client whose capabilities the application states.</summary>
    internal Grease? Grease { get; private set; }

    /// <summary>Who the client is.</summary>
    public Credential Credential { get; }

    /// <summary>The key that it signs with.</summary>
    public SecretKeyPair SignatureKey { get; }

    /// <summary>What it supports.</summary>
    public Capabilities Capabilities { get; }

    /// <summary>Extensions of its leaf nodes, such as application_id; types that RFC 9420 does not define must be among the capabilities.</summary>
    public Extensions LeafExtensions { get; init; } = Extensions.None;

    /// <summary>How credentials are verified. Where null, none is: signatures then prove keys, but not persons.</summary>
    public CredentialVerifier? VerifyCredential { get; init; }

    /// <summary>The longest time between the first and the last second of a key package's lifetime, which RFC 9420 §7.2 wants every application to say; a leaf with more is refused with <see cref="Rules.LeafTotalLifetime"/>. Where null, none is.</summary>
    public TimeSpan? MaxLifetime { get; init; }

    /// <summary>Whether the application is in a group of this id: then a Welcome to it is refused with <see cref="Rules.WelcomeGroupId"/> (RFC 9420 §12.4.3.1). Where null, none is.</summary>
    public Func<ReadOnlyMemory<byte>, bool>? HasGroup { get; init; }

    /// <summary>Epochs of a group whose application messages can still be opened after they ended.</summary>
    public int PastEpochs { get; init; } = 3;

    /// <summary>How many cores at most verify the signatures of a group that is joined; all of the machine's where null.</summary>
    public int? DegreeOfParallelism { get; init; }

    /// <summary>What this library supports: its suites, basic and x509 credentials, SelfRemove.</summary>
    public static Capabilities DefaultCapabilities { get; } =
        new(
            new UInt16List(ProtocolVersion.Mls10),
            new UInt16List([.. CipherSuite.All.Select(suite => suite.Id)]),
            new UInt16List(),
            new UInt16List(ProposalType.SelfRemove),
            new UInt16List(CredentialType.Basic, CredentialType.X509)
        );

    /// <summary>Makes a key package with fresh keys (RFC 9420 §10).</summary>
    /// <param name="lifetime">When it is valid; from an hour ago to ninety days ahead where null.</param>
    /// <param name="lastResort">Whether it may be used again (draft-ietf-mls-extensions).</param>
    /// <exception cref="MlsException">The client's capabilities do not list its own credential or leaf extensions.</exception>
    public OwnKeyPackage CreateKeyPackage(Lifetime? lifetime = null, bool lastResort = false)
    {
        var init = Suite.GenerateKemKeyPair();
        var encryption = Suite.GenerateKemKeyPair();
        // §10: what the key package has, its leaf node's capabilities list.
        var capabilities =
            lastResort && !Capabilities.SupportsExtension(ExtensionType.LastResort)
                ? Capabilities with
                {
                    Extensions = new([.. Capabilities.Extensions.ToArray(), ExtensionType.LastResort]),
                }
                : Capabilities;
        var leaf = CreateLeaf(
            encryption.PublicKey,
            LeafNodeSource.KeyPackage,
            capabilities,
            lifetime ?? DefaultLifetime()
        );
        var extensions = new List<Extension>(2);
        if (lastResort)
            extensions.Add(new(ExtensionType.LastResort, default));
        if (Grease is not null)
            extensions.Add(Grease.Extension());
        var package = UnverifiedKeyPackage.Create(
            Suite,
            SignatureKey.PrivateKey,
            init.PublicKey,
            leaf,
            new([.. extensions])
        );
        return new(package.Verify(null), init, encryption);
    }

    private const byte StateVersion = 1;

    /// <summary>The client with its private key, encrypted.</summary>
    /// <param name="key">32 bytes that the application keeps, such as in the device's key store.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public byte[] Save(ReadOnlySpan<byte> key)
    {
        // struct { uint16 cipher_suite; Credential credential; opaque public_key<V>; opaque private_key<V>; Capabilities capabilities; Extension leaf_extensions<V>; optional<uint16> grease_extension; } Client;
        var writer = new TlsWriter(512, holdsSecrets: true).WriteUInt16(Suite.Id);
        Credential.Write(writer);
        Capabilities.Write(writer.WriteOpaque(SignatureKey.PublicKey).WriteOpaque(SignatureKey.PrivateKey));
        LeafExtensions.Write(writer);
        writer.WritePresence(Grease is not null);
        if (Grease is not null)
            writer.WriteUInt16(Grease.ExtensionType);
        return SavedState.Seal(SavedState.Kind.Client, StateVersion, writer, key);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="saved">The saved client.</param>
    /// <param name="key">The key that it was saved with.</param>
    /// <param name="verifyCredential">See <see cref="VerifyCredential"/>; it is not part of the state, nor is the next.</param>
    /// <param name="pastEpochs">See <see cref="PastEpochs"/>.</param>
    /// <exception cref="SavedStateException">It cannot be opened.</exception>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public static Client Load(
        ReadOnlySpan<byte> saved,
        ReadOnlySpan<byte> key,
        CredentialVerifier? verifyCredential = null,
        int pastEpochs = 3
    )
    {
        var state = SavedState.Open(SavedState.Kind.Client, StateVersion, saved, key);
        // Public parts stay slices of the state; the private key is copied and zeroed in it.
        var reader = new TlsReader(state);
        var (suite, credential, publicKey, privateKey) = (
            reader.ReadUInt16(),
            Credential.Read(ref reader),
            reader.ReadOpaque().ToArray(),
            reader.ReadOpaque()
        );
        var pair = new SecretKeyPair(publicKey, privateKey.ToArray());
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(
            state.AsSpan(reader.Position - privateKey.Length, privateKey.Length)
        );
        var (capabilities, extensions) = (Capabilities.Read(ref reader), Extensions.Read(ref reader));
        var client = new Client(suite, credential, pair, capabilities)
        {
            LeafExtensions = extensions,
            VerifyCredential = verifyCredential,
            PastEpochs = pastEpochs,
        };
        if (reader.ReadPresence())
            client.Grease = new(reader.ReadUInt16());
        reader.RequireEnd();
        return client;
    }

    internal LeafNode CreateLeaf(
        ReadOnlySpan<byte> encryptionKey,
        LeafNodeSource source,
        Capabilities? capabilities = null,
        Lifetime? lifetime = null,
        ReadOnlyMemory<byte> parentHash = default,
        (ReadOnlyMemory<byte> GroupId, LeafIndex Leaf)? place = null
    ) =>
        LeafNode.Create(
            Suite,
            SignatureKey.PrivateKey,
            encryptionKey,
            SignatureKey.PublicKey,
            Credential,
            capabilities ?? Capabilities,
            source,
            lifetime,
            parentHash,
            place,
            Grease is null ? LeafExtensions : new([.. LeafExtensions.Items, Grease.Extension()])
        );

    internal static Lifetime DefaultLifetime()
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return new((ulong)(now - 3600), (ulong)(now + 90 * 86400));
    }

    /// <summary>Zeroes the private key.</summary>
    public void Dispose() => SignatureKey.Dispose();
}
