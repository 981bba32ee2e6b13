namespace MlsConsole.Mls;

/// <summary>A node of the ratchet tree above the leaves, RFC 9420 §7.1.</summary>
/// <remarks>
/// <code>
/// struct {
///     HPKEPublicKey encryption_key;
///     opaque parent_hash&lt;V&gt;;
///     uint32 unmerged_leaves&lt;V&gt;;
/// } ParentNode;
/// </code>
/// </remarks>
internal sealed class ParentNode
{
    /// <summary>Makes a node of the given content.</summary>
    internal ParentNode(
        ReadOnlyMemory<byte> encryptionKey,
        ReadOnlyMemory<byte> parentHash,
        LeafIndex[]? unmergedLeaves = null
    )
    {
        EncryptionKey = encryptionKey;
        ParentHash = parentHash;
        UnmergedLeafArray = unmergedLeaves ?? [];
    }

    /// <summary>The HPKE public key.</summary>
    public ReadOnlyMemory<byte> EncryptionKey { get; }

    /// <summary>The parent hash, RFC 9420 §7.9.</summary>
    public ReadOnlyMemory<byte> ParentHash { get; }

    /// <summary>The leaves below this node that do not know its private key, in ascending order.</summary>
    public IReadOnlyList<LeafIndex> UnmergedLeaves => UnmergedLeafArray;

    internal LeafIndex[] UnmergedLeafArray { get; }

    internal bool HasUnmerged(LeafIndex leaf) => Array.BinarySearch(UnmergedLeafArray, leaf) >= 0;

    /// <summary>Copies the node and adds an unmerged leaf, in order (RFC 9420 §7.7, Add).</summary>
    internal ParentNode WithUnmerged(LeafIndex leaf)
    {
        int at = ~Array.BinarySearch(UnmergedLeafArray, leaf);
        var leaves = new LeafIndex[UnmergedLeafArray.Length + 1];
        UnmergedLeafArray.AsSpan(0, at).CopyTo(leaves);
        leaves[at] = leaf;
        UnmergedLeafArray.AsSpan(at).CopyTo(leaves.AsSpan(at + 1));
        return new(EncryptionKey, ParentHash, leaves);
    }

    /// <summary>
    /// Copies the node without the given unmerged leaves (RFC 9420 §7.9, original sibling tree hash).
    /// </summary>
    internal ParentNode WithoutUnmerged(LeafIndex[] removed) =>
        new(EncryptionKey, ParentHash, [.. UnmergedLeafArray.Where(leaf => Array.BinarySearch(removed, leaf) < 0)]);

    internal static ParentNode Read(ref TlsReader reader)
    {
        var encryptionKey = reader.ReadOpaque();
        var parentHash = reader.ReadOpaque();
        var vector = reader.ReadVector();
        if (vector.Remaining % 4 != 0)
            MlsException.Throw(Rules.CodecTruncated);
        LeafIndex[] unmerged = vector.AtEnd ? [] : new LeafIndex[vector.Remaining / 4];
        for (int i = 0; i < unmerged.Length; i++)
        {
            unmerged[i] = new(vector.ReadUInt32());
            // RFC 9420 §7.1: "MUST be sorted in increasing order"
            if (i > 0 && unmerged[i] <= unmerged[i - 1])
                MlsException.Throw(Rules.TreeUnmergedOrder);
        }
        return new(encryptionKey, parentHash, unmerged);
    }

    internal int EncodedLength =>
        TlsWriter.OpaqueSize(EncryptionKey.Length)
        + TlsWriter.OpaqueSize(ParentHash.Length)
        + TlsWriter.OpaqueSize(4 * UnmergedLeafArray.Length);

    internal void Write(TlsWriter writer)
    {
        writer.WriteOpaque(EncryptionKey.Span).WriteOpaque(ParentHash.Span);
        writer.WriteVectorHeader(4 * UnmergedLeafArray.Length);
        foreach (var leaf in UnmergedLeafArray)
            writer.WriteUInt32(leaf);
    }
}
