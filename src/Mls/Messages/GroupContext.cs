namespace MlsConsole.Mls;

/// <summary>What all members of a group agree on in an epoch, RFC 9420 §8.1.</summary>
/// <remarks>
/// <code>
/// struct {
///     ProtocolVersion version = mls10; CipherSuite cipher_suite; opaque group_id&lt;V&gt;; uint64 epoch;
///     opaque tree_hash&lt;V&gt;; opaque confirmed_transcript_hash&lt;V&gt;; Extension extensions&lt;V&gt;;
/// } GroupContext;
/// </code>
/// </remarks>
public sealed class GroupContext
{
    private GroupContext(ref TlsReader reader)
    {
        int start = reader.Position;
        reader.ReadVersion();
        CipherSuite = reader.ReadUInt16();
        GroupId = reader.ReadOpaque();
        Epoch = reader.ReadUInt64();
        TreeHash = reader.ReadOpaque();
        ConfirmedTranscriptHash = reader.ReadOpaque();
        Extensions = Extensions.Read(ref reader);
        Encoded = reader.Since(start);
    }

    internal GroupContext(
        ushort cipherSuite,
        ReadOnlyMemory<byte> groupId,
        ulong epoch,
        ReadOnlyMemory<byte> treeHash,
        ReadOnlyMemory<byte> confirmedTranscriptHash,
        Extensions extensions
    )
    {
        (CipherSuite, GroupId, Epoch, TreeHash, ConfirmedTranscriptHash, Extensions) = (
            cipherSuite,
            groupId,
            epoch,
            treeHash,
            confirmedTranscriptHash,
            extensions
        );
        var writer = new TlsWriter();
        writer
            .WriteUInt16(ProtocolVersion.Mls10)
            .WriteUInt16(cipherSuite)
            .WriteOpaque(groupId.Span)
            .WriteUInt64(epoch)
            .WriteOpaque(treeHash.Span)
            .WriteOpaque(confirmedTranscriptHash.Span);
        extensions.Write(writer);
        Encoded = writer.ToArray();
    }

    /// <summary>The group's cipher suite.</summary>
    public ushort CipherSuite { get; }

    /// <summary>The group id.</summary>
    public ReadOnlyMemory<byte> GroupId { get; }

    /// <summary>The epoch.</summary>
    public ulong Epoch { get; }

    /// <summary>The tree hash of the epoch's ratchet tree (RFC 9420 §7.8).</summary>
    public ReadOnlyMemory<byte> TreeHash { get; }

    /// <summary>The confirmed transcript hash (RFC 9420 §8.2); empty in epoch 0.</summary>
    public ReadOnlyMemory<byte> ConfirmedTranscriptHash { get; }

    /// <summary>The extensions of the group.</summary>
    public Extensions Extensions { get; }

    /// <summary>The GroupContext in its encoded form.</summary>
    public ReadOnlyMemory<byte> Encoded { get; }

    internal static GroupContext Read(ref TlsReader reader) => new(ref reader);

    internal static GroupContext Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        var context = Read(ref reader);
        reader.RequireEnd();
        return context;
    }
}
