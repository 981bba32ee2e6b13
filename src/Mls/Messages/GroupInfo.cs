namespace MlsConsole.Mls;

/// <summary>A GroupInfo as it was received, whose signature is not verified yet (RFC 9420 §12.4.3).</summary>
/// <remarks>
/// <code>
/// struct {
///     GroupContext group_context; Extension extensions&lt;V&gt;; MAC confirmation_tag; uint32 signer;
///     opaque signature&lt;V&gt;;    // SignWithLabel(., "GroupInfoTBS", GroupInfoTBS)
/// } GroupInfo;
/// </code>
/// </remarks>
public sealed class UnverifiedGroupInfo
{
    private readonly int _unsignedLength;
    private readonly ReadOnlyMemory<byte> _signature;

    private UnverifiedGroupInfo(ref TlsReader reader)
    {
        int start = reader.Position;
        GroupContext = GroupContext.Read(ref reader);
        Extensions = Extensions.Read(ref reader);
        ConfirmationTag = reader.ReadOpaque();
        Signer = new(reader.ReadUInt32());
        _unsignedLength = reader.Position - start;
        _signature = reader.ReadOpaque();
        Encoded = reader.Since(start);
    }

    /// <summary>The GroupContext of the group.</summary>
    public GroupContext GroupContext { get; }

    /// <summary>The GroupInfo's own extensions, such as external_pub and ratchet_tree.</summary>
    public Extensions Extensions { get; }

    /// <summary>The confirmation tag of the commit that began the epoch.</summary>
    public ReadOnlyMemory<byte> ConfirmationTag { get; }

    /// <summary>The leaf of the member that signed the GroupInfo.</summary>
    public LeafIndex Signer { get; }

    /// <summary>The GroupInfo in its encoded form, without the header of an MLSMessage.</summary>
    public ReadOnlyMemory<byte> Encoded { get; }

    /// <summary>The ratchet tree, if the GroupInfo has it as an extension.</summary>
    public ReadOnlyMemory<byte>? RatchetTree => Extensions.Find(ExtensionType.RatchetTree);

    internal static UnverifiedGroupInfo Read(ref TlsReader reader) => new(ref reader);

    /// <summary>Decodes a GroupInfo, either bare or as an MLSMessage.</summary>
    /// <exception cref="MlsException">The bytes are not exactly one GroupInfo.</exception>
    public static UnverifiedGroupInfo Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        if (MlsMessage.StartsWithHeader(reader, WireFormat.GroupInfo))
            return MlsMessage.Decode(bytes).GroupInfo!;
        var groupInfo = Read(ref reader);
        reader.RequireEnd();
        return groupInfo;
    }

    /// <summary>Makes and signs a GroupInfo.</summary>
    internal static UnverifiedGroupInfo Create(
        CipherSuite suite,
        ReadOnlySpan<byte> signaturePrivateKey,
        GroupContext context,
        Extensions extensions,
        ReadOnlySpan<byte> confirmationTag,
        LeafIndex signer
    ) => Decode(CreateMessage(suite, signaturePrivateKey, context, extensions, confirmationTag, signer));

    /// <summary>Makes and signs a GroupInfo, as an MLSMessage.</summary>
    internal static byte[] CreateMessage(
        CipherSuite suite,
        ReadOnlySpan<byte> signaturePrivateKey,
        GroupContext context,
        Extensions extensions,
        ReadOnlySpan<byte> confirmationTag,
        LeafIndex signer
    )
    {
        // In a large group the ratchet tree takes megabytes. The buffer is made large enough at once, so that it need
        // not grow and in most cases is the returned array.
        int size =
            4
            + context.Encoded.Length
            + extensions.EncodedLength
            + TlsWriter.OpaqueSize(confirmationTag.Length)
            + 4
            + TlsWriter.OpaqueSize(64);
        var writer = new TlsWriter(size).WriteUInt16(ProtocolVersion.Mls10).WriteUInt16((ushort)WireFormat.GroupInfo);
        int start = writer.Length;
        writer.WriteRaw(context.Encoded.Span);
        extensions.Write(writer);
        writer.WriteOpaque(confirmationTag).WriteUInt32(signer);
        var signature = suite.SignWithLabel(signaturePrivateKey, "GroupInfoTBS", writer.WrittenSpan[start..]);
        return writer.WriteOpaque(signature).TakeArray();
    }

    internal bool VerifySignature(CipherSuite suite, ReadOnlySpan<byte> signatureKey) =>
        suite.VerifyWithLabel(signatureKey, "GroupInfoTBS", Encoded.Span[.._unsignedLength], _signature.Span);

    /// <summary>
    /// The external public key, RFC 9420 §12.4.3.2: <c>struct { HPKEPublicKey external_pub; } ExternalPub;</c>
    /// </summary>
    internal ReadOnlyMemory<byte>? ExternalPublicKey
    {
        get
        {
            if (Extensions.Find(ExtensionType.ExternalPub) is not { } data)
                return null;
            var reader = new TlsReader(data);
            var key = reader.ReadOpaque();
            reader.RequireEnd();
            return key;
        }
    }
}
