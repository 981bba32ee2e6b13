using System.Security.Cryptography;

namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>No ciphertext for this member.</summary>
    public static readonly Rule PathNotForMe = new(
        "path.not-for-me",
        "§7.5",
        "An update path has a ciphertext for a key of every member that stays."
    );

    /// <summary>A path secret that does not give the path's keys.</summary>
    public static readonly Rule PathSecret = new(
        "path.secret",
        "§7.5",
        "The keys derived from a path secret are those of the update path, and those of the tree after a Welcome."
    );
}

/// <summary>The HPKE private keys that one member knows: of its leaf and of nodes above it (RFC 9420 §4.2). Each epoch has its own copy, zeroed on dispose.</summary>
internal sealed class PrivateKeys(LeafIndex own) : IDisposable
{
    private readonly Dictionary<NodeIndex, (ReadOnlyMemory<byte> Public, byte[] Private)> _keys = [];

    public LeafIndex Own => own;
    public IEnumerable<byte[]> Secrets => _keys.Values.Select(key => key.Private);

    // struct { uint32 own_leaf; struct { uint32 node; opaque public_key<V>; opaque private_key<V>; } keys<V>; } PrivateKeys;
    public void Write(TlsWriter writer)
    {
        int start = writer.WriteUInt32(own).BeginVector();
        foreach (var (node, key) in _keys.OrderBy(entry => entry.Key.Value))
            writer.WriteUInt32(node.Value).WriteOpaque(key.Public.Span).WriteOpaque(key.Private);
        writer.EndVector(start);
    }

    public static PrivateKeys Read(ref TlsReader reader)
    {
        var keys = new PrivateKeys(new(reader.ReadUInt32()));
        for (var entries = reader.ReadVector(); !entries.AtEnd; )
            keys.Set(new(entries.ReadUInt32()), entries.ReadOpaque().ToArray(), entries.ReadOpaque().Span);
        return keys;
    }

    public void Set(NodeIndex node, ReadOnlyMemory<byte> publicKey, ReadOnlySpan<byte> privateKey)
    {
        if (_keys.Remove(node, out var old))
            CryptographicOperations.ZeroMemory(old.Private);
        _keys[node] = (publicKey, privateKey.ToArray());
    }

    public byte[]? Find(NodeIndex node) => _keys.TryGetValue(node, out var key) ? key.Private : null;

    /// <summary>A copy of those keys whose public half still stands in the tree.</summary>
    public PrivateKeys For(RatchetTree tree, LeafIndex? place = null)
    {
        var copy = new PrivateKeys(place ?? own);
        foreach (var (node, key) in _keys)
            if (
                tree.Position(node) is { IsBlank: false } position
                && position.EncryptionKey.Span.SequenceEqual(key.Public.Span)
            )
                copy.Set(node, key.Public, key.Private);
        return copy;
    }

    public void Dispose()
    {
        foreach (var (_, secret) in _keys.Values)
            CryptographicOperations.ZeroMemory(secret);
        _keys.Clear();
    }

    /// <summary>Sets the keys of a path from the secret of one of its nodes upwards (RFC 9420 §7.4), and returns the commit secret.</summary>
    /// <param name="suite">The group's cipher suite.</param>
    /// <param name="path">The nodes from the one that the secret is for up to the root, with the public keys that must come out.</param>
    /// <param name="pathSecret">Of the first node; zeroed.</param>
    /// <exception cref="MlsException"><see cref="Rules.PathSecret"/></exception>
    public byte[] SetPath(
        CipherSuite suite,
        IEnumerable<(NodeIndex Node, ReadOnlyMemory<byte> PublicKey)> path,
        byte[] pathSecret
    )
    {
        foreach (var (node, publicKey) in path)
        {
            using var pair = TreeKem.NodeKeyPair(suite, pathSecret);
            MlsException.Require(publicKey.Span.SequenceEqual(pair.PublicKey), Rules.PathSecret);
            Set(node, pair.PublicKey, pair.PrivateKey);
            pathSecret = TreeKem.NextPathSecret(suite, pathSecret);
        }
        return pathSecret;
    }
}
