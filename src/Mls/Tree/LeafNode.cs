namespace MlsConsole.Mls;

/// <summary>Where a leaf node came from, RFC 9420 §7.2.</summary>
public enum LeafNodeSource : byte
{
    /// <summary>In a key package; has a lifetime.</summary>
    KeyPackage = 1,

    /// <summary>In an Update proposal; its signature covers group id and leaf index.</summary>
    Update = 2,

    /// <summary>In a Commit's path; its signature covers group id and leaf index, and it has a parent hash.</summary>
    Commit = 3,
}

/// <summary>Validity of a key package in seconds since 1970, both ends included (RFC 9420 §7.2).</summary>
public readonly record struct Lifetime(ulong NotBefore, ulong NotAfter)
{
    /// <summary>Seconds from the first to the last.</summary>
    public ulong Total => NotAfter > NotBefore ? NotAfter - NotBefore : 0;

    /// <summary>Whether an instant lies within the lifetime.</summary>
    public bool Contains(DateTimeOffset instant)
    {
        long seconds = instant.ToUnixTimeSeconds();
        return seconds >= 0 && (ulong)seconds >= NotBefore && (ulong)seconds <= NotAfter;
    }
}

/// <summary>One member's node, RFC 9420 §7.2. Decoding does not verify: its signature is checked where its place in a group is known.</summary>
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

    /// <summary>HPKE public key.</summary>
    public ReadOnlyMemory<byte> EncryptionKey { get; }

    /// <summary>Signature public key.</summary>
    public ReadOnlyMemory<byte> SignatureKey { get; }

    /// <summary>Who the member is.</summary>
    public Credential Credential { get; }

    /// <summary>What the member's client supports.</summary>
    public Capabilities Capabilities { get; }

    /// <summary>Where the leaf node came from.</summary>
    public LeafNodeSource Source { get; }

    /// <summary>Set only for <see cref="LeafNodeSource.KeyPackage"/>.</summary>
    public Lifetime? Lifetime { get; }

    /// <summary>Set only for <see cref="LeafNodeSource.Commit"/>; RFC 9420 §7.9.</summary>
    public ReadOnlyMemory<byte> ParentHash { get; }

    /// <summary>The leaf's extensions.</summary>
    public Extensions Extensions { get; }

    /// <summary>The signature over LeafNodeTBS.</summary>
    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>The leaf as on the wire.</summary>
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

    /// <summary>A copy on its own: a leaf that stays in a tree must not keep the message alive that brought it.</summary>
    internal LeafNode Detach() => Decode(Encoded.ToArray());

    /// <summary>Makes and signs a leaf node (RFC 9420 §7.2).</summary>
    /// <param name="suite">The group's cipher suite.</param>
    /// <param name="signaturePrivateKey">Signs LeafNodeTBS.</param>
    /// <param name="encryptionKey">HPKE public key.</param>
    /// <param name="signatureKey">Signature public key.</param>
    /// <param name="credential">Who the member is.</param>
    /// <param name="capabilities">What its client supports.</param>
    /// <param name="source">Decides which of the next three is used.</param>
    /// <param name="lifetime">For <see cref="LeafNodeSource.KeyPackage"/>.</param>
    /// <param name="parentHash">For <see cref="LeafNodeSource.Commit"/>.</param>
    /// <param name="place">Group id and leaf index, for Update and Commit.</param>
    /// <param name="extensions">The leaf's extensions, or null for none.</param>
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

    /// <summary>Checks the signature over LeafNodeTBS (RFC 9420 §7.2). Group id and leaf index count only for sources Update and Commit.</summary>
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
