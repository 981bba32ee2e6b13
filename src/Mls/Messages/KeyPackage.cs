namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>The signature of a key package does not verify.</summary>
    public static readonly Rule KeyPackageSignature = new(
        "key-package.signature",
        "§10.1",
        "The signature of a KeyPackage verifies with the signature key of its leaf node."
    );

    /// <summary>The leaf_node_source of a key package is not key_package.</summary>
    public static readonly Rule KeyPackageLeafSource = new(
        "key-package.leaf-source",
        "§10.1",
        "The leaf node of a KeyPackage has the source key_package."
    );

    /// <summary>The init key of a key package is malformed, or is also the encryption key of its leaf node.</summary>
    public static readonly Rule KeyPackageInitKey = new(
        "key-package.init-key",
        "§10.1",
        "The init key of a KeyPackage is well-formed and differs from the encryption key of its leaf node."
    );

    /// <summary>The lifetime of a key package has ended or has not begun.</summary>
    public static readonly Rule KeyPackageLifetime = new(
        "key-package.lifetime",
        "§7.3",
        "The current time is within the lifetime of a KeyPackage."
    );

    /// <summary>A key package is for another cipher suite than the group's.</summary>
    public static readonly Rule KeyPackageCipherSuite = new(
        "key-package.cipher-suite",
        "§10.1",
        "The protocol version and cipher suite of a KeyPackage are those of the group."
    );
}

/// <summary>A key package as it was received, whose signatures are not verified yet (RFC 9420 §10).</summary>
/// <remarks>
/// <code>
/// struct {
///     ProtocolVersion version; CipherSuite cipher_suite; HPKEPublicKey init_key; LeafNode leaf_node;
///     Extension extensions&lt;V&gt;;
///     opaque signature&lt;V&gt;;    // SignWithLabel(., "KeyPackageTBS", KeyPackageTBS)
/// } KeyPackage;
/// </code>
/// </remarks>
public sealed class UnverifiedKeyPackage
{
    private readonly int _unsignedLength;

    private UnverifiedKeyPackage(ref TlsReader reader)
    {
        int start = reader.Position;
        reader.ReadVersion();
        CipherSuite = reader.ReadUInt16();
        InitKey = reader.ReadOpaque();
        LeafNode = LeafNode.Read(ref reader);
        Extensions = Extensions.Read(ref reader);
        _unsignedLength = reader.Position - start;
        Signature = reader.ReadOpaque();
        Encoded = reader.Since(start);
    }

    /// <summary>The cipher suite that the key package is for.</summary>
    public ushort CipherSuite { get; }

    /// <summary>The HPKE key that a Welcome is encrypted to.</summary>
    public ReadOnlyMemory<byte> InitKey { get; }

    /// <summary>The leaf node that an Add of the key package puts into the tree.</summary>
    public LeafNode LeafNode { get; }

    /// <summary>The key package's own extensions.</summary>
    public Extensions Extensions { get; }

    /// <summary>The key package in its encoded form, without the header of an MLSMessage.</summary>
    public ReadOnlyMemory<byte> Encoded { get; }
    internal ReadOnlyMemory<byte> Signature { get; }

    internal static UnverifiedKeyPackage Read(ref TlsReader reader) => new(ref reader);

    /// <summary>Decodes a key package, either bare or as an MLSMessage.</summary>
    /// <exception cref="MlsException">The bytes are not exactly one key package.</exception>
    public static UnverifiedKeyPackage Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        if (MlsMessage.StartsWithHeader(reader, WireFormat.KeyPackage))
            return MlsMessage.Decode(bytes).KeyPackage!;
        var keyPackage = Read(ref reader);
        reader.RequireEnd();
        return keyPackage;
    }

    /// <summary>Makes and signs a key package.</summary>
    internal static UnverifiedKeyPackage Create(
        CipherSuite suite,
        ReadOnlySpan<byte> signaturePrivateKey,
        ReadOnlySpan<byte> initKey,
        LeafNode leaf,
        Extensions? extensions = null
    )
    {
        var writer = new TlsWriter(512)
            .WriteUInt16(ProtocolVersion.Mls10)
            .WriteUInt16(suite.Id)
            .WriteOpaque(initKey)
            .WriteRaw(leaf.Encoded.Span);
        (extensions ?? Extensions.None).Write(writer);
        var signature = suite.SignWithLabel(signaturePrivateKey, "KeyPackageTBS", writer.WrittenSpan);
        return Decode(writer.WriteOpaque(signature).ToArray());
    }

    /// <summary>
    /// Checks everything about the key package that can be checked without a group (RFC 9420 §10.1, §7.3).
    /// </summary>
    /// <param name="now">
    /// The time that must lie within the lifetime; null to leave the lifetime unchecked, since RFC 9420 §7.3 only
    /// recommends the check to receivers.
    /// </param>
    /// <exception cref="MlsException">The rule that the key package breaks.</exception>
    public KeyPackage Verify(DateTimeOffset? now)
    {
        var suite = Mls.CipherSuite.Get(CipherSuite);
        MlsException.Require(LeafNode.Source == LeafNodeSource.KeyPackage, Rules.KeyPackageLeafSource);
        MlsException.Require(suite.IsWellFormedKemPublicKey(InitKey.Span), Rules.KeyPackageInitKey);
        // RFC 9420 §10.1: "the value of leaf_node.encryption_key is different from the value of the init_key field"
        MlsException.Require(!InitKey.Span.SequenceEqual(LeafNode.EncryptionKey.Span), Rules.KeyPackageInitKey);
        Extensions.RequireAllowed(ExtensionPlace.KeyPackage);
        LeafNodeValidation.Verify(LeafNode, suite, default, default);
        MlsException.Require(
            suite.VerifyWithLabel(
                LeafNode.SignatureKey.Span,
                "KeyPackageTBS",
                Encoded.Span[.._unsignedLength],
                Signature.Span
            ),
            Rules.KeyPackageSignature
        );
        if (now is { } time)
            RequireCurrent(time);
        return new(this, suite.KeyPackageReference(Encoded.Span));
    }

    /// <summary>
    /// RFC 9420 §7.3: the sender of a leaf node "MUST verify that the current time is within the range of the lifetime
    /// field".
    /// </summary>
    internal void RequireCurrent(DateTimeOffset now) =>
        MlsException.Require(LeafNode.Lifetime?.Contains(now) != false, Rules.KeyPackageLifetime);
}

/// <summary>
/// A key package whose signatures, keys and lifetime are verified. Only <see cref="UnverifiedKeyPackage.Verify"/>
/// creates objects of this class.
/// </summary>
public sealed class KeyPackage
{
    private readonly UnverifiedKeyPackage _content;

    internal KeyPackage(UnverifiedKeyPackage content, byte[] reference)
    {
        _content = content;
        Reference = reference;
    }

    /// <summary>The cipher suite that the key package is for.</summary>
    public ushort CipherSuite => _content.CipherSuite;

    /// <summary>The HPKE key that a Welcome is encrypted to.</summary>
    public ReadOnlyMemory<byte> InitKey => _content.InitKey;

    /// <summary>The leaf node that an Add of the key package puts into the tree.</summary>
    public LeafNode LeafNode => _content.LeafNode;

    /// <summary>The KeyPackageRef, as long as a hash (RFC 9420 §5.2).</summary>
    public ReadOnlyMemory<byte> Reference { get; }

    /// <summary>The key package in its encoded form, without the header of an MLSMessage.</summary>
    public ReadOnlyMemory<byte> Encoded => _content.Encoded;

    /// <summary>The first second of the key package's lifetime.</summary>
    public DateTimeOffset NotBefore => Seconds(LeafNode.Lifetime!.Value.NotBefore);

    /// <summary>The last second of the key package's lifetime.</summary>
    public DateTimeOffset NotAfter => Seconds(LeafNode.Lifetime!.Value.NotAfter);

    /// <summary>
    /// Whether the key package has the extension by which it may be used more than once (draft-ietf-mls-extensions).
    /// </summary>
    public bool IsLastResort => _content.Extensions.Find(ExtensionType.LastResort) is not null;

    private static DateTimeOffset Seconds(ulong seconds) =>
        seconds >= (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.MaxValue
            : DateTimeOffset.FromUnixTimeSeconds((long)seconds);
}
