namespace MlsConsole.Mls;

/// <summary>Asks the application whether a credential belongs to whom it names (RFC 9420 §5.3.1).</summary>
/// <param name="credential">The credential of a member or of an external sender.</param>
/// <param name="signatureKey">The signature key that must belong to the credential's holder.</param>
/// <param name="before">
/// The credential that this one replaces; null for a newcomer. The application decides whether the new credential may
/// follow the old one.
/// </param>
/// <returns>
/// False to refuse the message that brings the credential, with <see cref="Rules.CredentialRefused"/>.
/// </returns>
public delegate bool CredentialVerifier(Credential credential, ReadOnlyMemory<byte> signatureKey, Credential? before);

/// <summary>
/// A client, as its leaf nodes show it to the groups that it is in: credential, signature key and capabilities.
/// </summary>
/// <remarks>A client owns its private key: dispose the client when the application no longer uses its groups.</remarks>
public sealed class Client : IDisposable
{
    /// <summary>Makes a client that uses one cipher suite.</summary>
    /// <param name="cipherSuite">The number of the cipher suite of the client's groups.</param>
    /// <param name="credential">The credential that says who the client is.</param>
    /// <param name="signatureKey">The signature key pair of the client; one is generated where null.</param>
    /// <param name="capabilities">
    /// What the client supports. Where null, <see cref="DefaultCapabilities"/> and some values of GREASE
    /// (RFC 9420 §13.5).
    /// </param>
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

    /// <summary>
    /// The values of GREASE in the client's capabilities, which mean nothing and must be ignored by receivers
    /// (RFC 9420 §13.5). Null for a client whose capabilities the application has given.
    /// </summary>
    internal Grease? Grease { get; private set; }

    /// <summary>The credential that says who the client is.</summary>
    public Credential Credential { get; }

    /// <summary>The key pair with which the client signs.</summary>
    public SecretKeyPair SignatureKey { get; }

    /// <summary>What the client supports.</summary>
    public Capabilities Capabilities { get; }

    /// <summary>
    /// The extensions of the client's leaf nodes, such as application_id. The types that RFC 9420 does not define must
    /// be listed among the capabilities.
    /// </summary>
    public Extensions LeafExtensions { get; init; } = Extensions.None;

    /// <summary>
    /// How credentials are verified. Where null, no credential is verified: signatures then prove that somebody holds a
    /// key, but not who that is.
    /// </summary>
    public CredentialVerifier? VerifyCredential { get; init; }

    /// <summary>
    /// The longest lifetime, from its first to its last second, that a leaf node may have; null for no limit.
    /// </summary>
    /// <remarks>
    /// RFC 9420 §7.2 demands that every application defines a limit. A leaf node with a longer lifetime is refused
    /// with <see cref="Rules.LeafTotalLifetime"/>.
    /// </remarks>
    public TimeSpan? MaxLifetime { get; init; }

    /// <summary>
    /// Tells whether the application is already in a group with the given group id. If it is, a Welcome to that group
    /// is refused with <see cref="Rules.WelcomeGroupId"/> (RFC 9420 §12.4.3.1). Where null, no Welcome is refused for
    /// this reason.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, bool>? HasGroup { get; init; }

    /// <summary>How many past epochs of a group are kept, whose application messages can still be opened.</summary>
    public int PastEpochs { get; init; } = 3;

    /// <summary>
    /// How many cores at most verify the signatures of a group that the client joins; all of the machine's cores where
    /// null.
    /// </summary>
    public int? DegreeOfParallelism { get; init; }

    /// <summary>What this library supports: its cipher suites, basic and x509 credentials, and SelfRemove.</summary>
    public static Capabilities DefaultCapabilities { get; } =
        new(
            new UInt16List(ProtocolVersion.Mls10),
            new UInt16List([.. CipherSuite.All.Select(suite => suite.Id)]),
            new UInt16List(),
            new UInt16List(ProposalType.SelfRemove),
            new UInt16List(CredentialType.Basic, CredentialType.X509)
        );

    /// <summary>Makes a key package with newly generated keys (RFC 9420 §10).</summary>
    /// <param name="lifetime">
    /// When the key package is valid. Where null, from one hour ago until ninety days from now.
    /// </param>
    /// <param name="lastResort">Whether the key package may be used more than once (draft-ietf-mls-extensions).</param>
    /// <exception cref="MlsException">
    /// The client's capabilities do not list its own credential type or leaf extensions.
    /// </exception>
    public OwnKeyPackage CreateKeyPackage(Lifetime? lifetime = null, bool lastResort = false)
    {
        var init = Suite.GenerateKemKeyPair();
        var encryption = Suite.GenerateKemKeyPair();
        // RFC 9420 §10: the capabilities of the leaf node list the extensions that the key package has.
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

    /// <summary>Encodes the client with its private key, encrypted with a key of the application.</summary>
    /// <param name="key">32 bytes that the application keeps, such as in the device's key store.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public byte[] Save(ReadOnlySpan<byte> key)
    {
        // struct {
        //     uint16 cipher_suite; Credential credential; opaque public_key<V>; opaque private_key<V>;
        //     Capabilities capabilities; Extension leaf_extensions<V>; optional<uint16> grease_extension;
        // } Client;
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
    /// <param name="key">The key with which the client was saved.</param>
    /// <param name="verifyCredential">
    /// See <see cref="VerifyCredential"/>. Neither this delegate nor the number of past epochs is part of the saved
    /// state.
    /// </param>
    /// <param name="pastEpochs">See <see cref="PastEpochs"/>.</param>
    /// <exception cref="SavedStateException">The saved client cannot be decrypted and read.</exception>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public static Client Load(
        ReadOnlySpan<byte> saved,
        ReadOnlySpan<byte> key,
        CredentialVerifier? verifyCredential = null,
        int pastEpochs = 3
    )
    {
        var state = SavedState.Open(SavedState.Kind.Client, StateVersion, saved, key);
        // The public parts of the client stay slices of the decrypted state. The private key is copied, and zeroed in
        // the state.
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
