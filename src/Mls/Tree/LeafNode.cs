namespace MlsConsole.Mls;

/// <summary>What kind of object a leaf node was made for, RFC 9420 §7.2: <c>LeafNodeSource</c>.</summary>
public enum LeafNodeSource : byte
{
    /// <summary>A key package. The leaf node has a lifetime.</summary>
    KeyPackage = 1,

    /// <summary>An Update proposal. The signature of the leaf node covers group id and leaf index.</summary>
    Update = 2,

    /// <summary>
    /// The update path of a commit. The signature of the leaf node covers group id and leaf index, and the leaf node
    /// has a parent hash.
    /// </summary>
    Commit = 3,
}

/// <summary>
/// The time in which a key package is valid, in seconds since 1970, both ends included (RFC 9420 §7.2).
/// </summary>
public readonly record struct Lifetime(ulong NotBefore, ulong NotAfter)
{
    /// <summary>The number of seconds from the first to the last.</summary>
    public ulong Total => NotAfter > NotBefore ? NotAfter - NotBefore : 0;

    /// <summary>Whether an instant lies within the lifetime.</summary>
    public bool Contains(DateTimeOffset instant)
    {
        long seconds = instant.ToUnixTimeSeconds();
        return seconds >= 0 && (ulong)seconds >= NotBefore && (ulong)seconds <= NotAfter;
    }
}

/// <summary>
/// The leaf node of a member, RFC 9420 §7.2. Decoding does not verify the signature; it is verified where the group
/// and the leaf index are known.
/// </summary>
/// <remarks>
/// <code>
/// struct {
///     HPKEPublicKey encryption_key;
///     SignaturePublicKey signature_key;
///     Credential credential;
///     Capabilities capabilities;
///     LeafNodeSource leaf_node_source;
///     select (LeafNode.leaf_node_source) {
///         case key_package: Lifetime lifetime;
///         case update:      struct{};
///         case commit:      opaque parent_hash&lt;V&gt;;
///     };
///     Extension extensions&lt;V&gt;;
///     opaque signature&lt;V&gt;;   // SignWithLabel(., "LeafNodeTBS", LeafNodeTBS)
/// } LeafNode;
/// </code>
/// </remarks>
public sealed class LeafNode
{
    private readonly int _unsignedLength;

    private LeafNode(ref TlsReader reader)
    {
        int start = reader.Position;
        EncryptionKey = reader.ReadOpaque();
        SignatureKey = reader.ReadOpaque();
        Credential = Credential.Read(ref reader);
        Capabilities = Capabilities.Read(ref reader);
        Source = (LeafNodeSource)reader.ReadUInt8();
        switch (Source)
        {
            case LeafNodeSource.KeyPackage:
                Lifetime = new(reader.ReadUInt64(), reader.ReadUInt64());
                break;
            case LeafNodeSource.Update:
                break;
            case LeafNodeSource.Commit:
                ParentHash = reader.ReadOpaque();
                break;
            default:
                MlsException.Throw(Rules.CodecEnum);
                break;
        }
        Extensions = Extensions.Read(ref reader);
        _unsignedLength = reader.Position - start;
        Signature = reader.ReadOpaque();
        Encoded = reader.Since(start);
    }

    /// <summary>The HPKE public key.</summary>
    public ReadOnlyMemory<byte> EncryptionKey { get; }

    /// <summary>The signature public key.</summary>
    public ReadOnlyMemory<byte> SignatureKey { get; }

    /// <summary>Who the member is.</summary>
    public Credential Credential { get; }

    /// <summary>What the member's client supports.</summary>
    public Capabilities Capabilities { get; }

    /// <summary>What kind of object the leaf node was made for.</summary>
    public LeafNodeSource Source { get; }

    /// <summary>Set only for <see cref="LeafNodeSource.KeyPackage"/>.</summary>
    public Lifetime? Lifetime { get; }

    /// <summary>The parent hash (RFC 9420 §7.9); set only for <see cref="LeafNodeSource.Commit"/>.</summary>
    public ReadOnlyMemory<byte> ParentHash { get; }

    /// <summary>The extensions of the leaf node.</summary>
    public Extensions Extensions { get; }

    /// <summary>The signature over LeafNodeTBS.</summary>
    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>The leaf node in its encoded form.</summary>
    public ReadOnlyMemory<byte> Encoded { get; }

    internal static LeafNode Read(ref TlsReader reader) => new(ref reader);

    /// <summary>Decodes one leaf node.</summary>
    /// <exception cref="MlsException">The bytes are not exactly one leaf node.</exception>
    public static LeafNode Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        var leaf = new LeafNode(ref reader);
        reader.RequireEnd();
        return leaf;
    }

    /// <summary>
    /// Copies the leaf node. A leaf node that stays in a tree must be a copy, so that the message from which it was
    /// read can be freed.
    /// </summary>
    internal LeafNode Detach() => Decode(Encoded.ToArray());

    /// <summary>Makes and signs a leaf node (RFC 9420 §7.2).</summary>
    /// <param name="suite">The group's cipher suite.</param>
    /// <param name="signaturePrivateKey">The private key that signs LeafNodeTBS.</param>
    /// <param name="encryptionKey">The HPKE public key.</param>
    /// <param name="signatureKey">The signature public key.</param>
    /// <param name="credential">Who the member is.</param>
    /// <param name="capabilities">What the member's client supports.</param>
    /// <param name="source">
    /// What the leaf node is for, which decides whether a lifetime, a parent hash or a place is used.
    /// </param>
    /// <param name="lifetime">The lifetime, for <see cref="LeafNodeSource.KeyPackage"/>.</param>
    /// <param name="parentHash">The parent hash, for <see cref="LeafNodeSource.Commit"/>.</param>
    /// <param name="place">
    /// The group id and leaf index, for <see cref="LeafNodeSource.Update"/> and <see cref="LeafNodeSource.Commit"/>.
    /// </param>
    /// <param name="extensions">The extensions of the leaf node, or null for none.</param>
    internal static LeafNode Create(
        CipherSuite suite,
        ReadOnlySpan<byte> signaturePrivateKey,
        ReadOnlySpan<byte> encryptionKey,
        ReadOnlySpan<byte> signatureKey,
        Credential credential,
        Capabilities capabilities,
        LeafNodeSource source,
        Lifetime? lifetime = null,
        ReadOnlyMemory<byte> parentHash = default,
        (ReadOnlyMemory<byte> GroupId, LeafIndex Leaf)? place = null,
        Extensions? extensions = null
    )
    {
        var writer = new TlsWriter();
        writer.WriteOpaque(encryptionKey).WriteOpaque(signatureKey);
        credential.Write(writer);
        capabilities.Write(writer);
        writer.WriteUInt8((byte)source);
        if (source == LeafNodeSource.KeyPackage)
            writer.WriteUInt64(lifetime!.Value.NotBefore).WriteUInt64(lifetime.Value.NotAfter);
        if (source == LeafNodeSource.Commit)
            writer.WriteOpaque(parentHash.Span);
        (extensions ?? Extensions.None).Write(writer);
        int unsigned = writer.Length;
        if (source != LeafNodeSource.KeyPackage)
            writer.WriteOpaque(place!.Value.GroupId.Span).WriteUInt32(place.Value.Leaf);
        var signature = suite.SignWithLabel(signaturePrivateKey, "LeafNodeTBS", writer.WrittenSpan);
        var leaf = new TlsWriter(unsigned + signature.Length + 4);
        leaf.WriteRaw(writer.WrittenSpan[..unsigned]).WriteOpaque(signature);
        return Decode(leaf.ToArray());
    }

    /// <summary>
    /// Verifies the signature over LeafNodeTBS (RFC 9420 §7.2). The group id and the leaf index are used only for a
    /// leaf node from an Update or a commit.
    /// </summary>
    internal bool VerifySignature(CipherSuite suite, ReadOnlySpan<byte> groupId, LeafIndex leaf)
    {
        var unsigned = Encoded.Span[.._unsignedLength];
        if (Source == LeafNodeSource.KeyPackage)
            return suite.VerifyWithLabel(SignatureKey.Span, "LeafNodeTBS", unsigned, Signature.Span);
        using var tbs = new Scratch(stackalloc byte[Scratch.StackSize]);
        tbs.Append(unsigned);
        tbs.AppendOpaque(groupId);
        tbs.AppendUInt32(leaf);
        return suite.VerifyWithLabel(SignatureKey.Span, "LeafNodeTBS", tbs.Written, Signature.Span);
    }
}
