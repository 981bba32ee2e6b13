using System.Security.Cryptography;

namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>An update path has no ciphertext for this member.</summary>
    public static readonly Rule PathNotForMe = new(
        "path.not-for-me",
        "§7.5",
        "An update path has a ciphertext for a key of every member that stays."
    );

    /// <summary>A path secret does not give the public keys of the path.</summary>
    public static readonly Rule PathSecret = new(
        "path.secret",
        "§7.5",
        "The keys derived from a path secret are those of the update path, and those of the tree after a Welcome."
    );
}

/// <summary>
/// The HPKE private keys that a member knows: those of its leaf and of nodes above it (RFC 9420 §4.2). Each epoch has
/// a copy of its own, which is zeroed on dispose.
/// </summary>
internal sealed class PrivateKeys(LeafIndex own) : IDisposable
{
    private readonly Dictionary<NodeIndex, (ReadOnlyMemory<byte> Public, byte[] Private)> _keys = [];

    public LeafIndex Own => own;
    public IEnumerable<byte[]> Secrets => _keys.Values.Select(key => key.Private);

    // struct {
    //     uint32 own_leaf; struct { uint32 node; opaque public_key<V>; opaque private_key<V>; } keys<V>;
    // } PrivateKeys;
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

    /// <summary>Copies those keys whose public keys are still in the tree.</summary>
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

    /// <summary>
    /// Derives the private keys of a path upwards from the path secret of its first node (RFC 9420 §7.4), and returns
    /// the commit secret.
    /// </summary>
    /// <param name="suite">The group's cipher suite.</param>
    /// <param name="path">
    /// The nodes of the path up to the root, each with the public key that the path secret must give.
    /// </param>
    /// <param name="pathSecret">The path secret of the first node; it is zeroed.</param>
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
