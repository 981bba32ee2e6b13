namespace MlsConsole.Mls;

/// <summary>A proposal by value, or the reference of one that was sent before (RFC 9420 §12.4).</summary>
public readonly record struct ProposalOrReference(Proposal? Proposal, ReadOnlyMemory<byte> Reference);

/// <summary>A commit, RFC 9420 §12.4.</summary>
/// <remarks><c>struct { ProposalOrRef proposals&lt;V&gt;; optional&lt;UpdatePath&gt; path; } Commit;</c></remarks>
public sealed class Commit
{
    internal Commit(IReadOnlyList<ProposalOrReference> proposals, UpdatePath? path)
    {
        Proposals = proposals;
        Path = path;
    }

    /// <summary>The proposals of the commit in their order.</summary>
    public IReadOnlyList<ProposalOrReference> Proposals { get; }

    /// <summary>The update path with the committer's new keys; null if the commit has none.</summary>
    public UpdatePath? Path { get; }

    internal static Commit Read(ref TlsReader reader)
    {
        var vector = reader.ReadVector();
        var proposals = new List<ProposalOrReference>();
        while (!vector.AtEnd)
        {
            byte type = vector.ReadUInt8();
            if (type == 1)
                proposals.Add(new(Proposal.Read(ref vector), default));
            else if (type == 2)
                proposals.Add(new(null, vector.ReadOpaque()));
            else
                MlsException.Throw(Rules.CodecEnum);
        }
        return new(proposals, reader.ReadPresence() ? UpdatePath.Read(ref reader) : null);
    }

    internal void Write(TlsWriter writer)
    {
        int start = writer.BeginVector();
        foreach (var item in Proposals)
        {
            if (item.Proposal is { } proposal)
                proposal.Write(writer.WriteUInt8(1));
            else
                writer.WriteUInt8(2).WriteOpaque(item.Reference.Span);
        }
        writer.EndVector(start).WritePresence(Path is not null);
        Path?.Write(writer);
    }
}

/// <summary>A KEM output and a ciphertext, RFC 9420 §5.1.3.</summary>
public readonly record struct HpkeCiphertext(ReadOnlyMemory<byte> KemOutput, ReadOnlyMemory<byte> Ciphertext)
{
    internal static HpkeCiphertext Read(ref TlsReader reader) => new(reader.ReadOpaque(), reader.ReadOpaque());

    internal void Write(TlsWriter writer) => writer.WriteOpaque(KemOutput.Span).WriteOpaque(Ciphertext.Span);
}

/// <summary>
/// The new public key of one node of an update path, and the node's path secret encrypted to the resolution of the
/// copath child (RFC 9420 §7.6).
/// </summary>
public sealed record UpdatePathNode(
    ReadOnlyMemory<byte> EncryptionKey,
    IReadOnlyList<HpkeCiphertext> EncryptedPathSecrets
);

/// <summary>The new keys of a committer, RFC 9420 §7.6.</summary>
/// <remarks><code>struct { LeafNode leaf_node; UpdatePathNode nodes&lt;V&gt;; } UpdatePath;</code></remarks>
public sealed record UpdatePath(LeafNode LeafNode, IReadOnlyList<UpdatePathNode> Nodes)
{
    internal static UpdatePath Read(ref TlsReader reader)
    {
        var leaf = LeafNode.Read(ref reader);
        var vector = reader.ReadVector();
        var nodes = new List<UpdatePathNode>();
        while (!vector.AtEnd)
        {
            var key = vector.ReadOpaque();
            var inner = vector.ReadVector();
            var ciphertexts = new List<HpkeCiphertext>();
            while (!inner.AtEnd)
                ciphertexts.Add(HpkeCiphertext.Read(ref inner));
            nodes.Add(new(key, ciphertexts));
        }
        return new(leaf, nodes);
    }

    internal static UpdatePath Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        var path = Read(ref reader);
        reader.RequireEnd();
        return path;
    }

    internal void Write(TlsWriter writer)
    {
        int start = writer.WriteRaw(LeafNode.Encoded.Span).BeginVector();
        foreach (var node in Nodes)
        {
            int ciphertexts = writer.WriteOpaque(node.EncryptionKey.Span).BeginVector();
            foreach (var ciphertext in node.EncryptedPathSecrets)
                ciphertext.Write(writer);
            writer.EndVector(ciphertexts);
        }
        writer.EndVector(start);
    }
}
