using System.Security.Cryptography;

namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>The key of a message was used before, or is too many generations ahead.</summary>
    public static readonly Rule RatchetGeneration = new(
        "ratchet.generation",
        "§9.2",
        "A message's generation is one whose key was neither used nor lies beyond the window."
    );
}

/// <summary>
/// The message keys of one epoch, RFC 9420 §9: a tree of secrets and, for each leaf, one ratchet for handshake
/// messages and one for application messages.
/// </summary>
/// <remarks>
/// What has been used is deleted (RFC 9420 §9.2): the secret of a node when those of its two children are derived, and
/// a message key when its message is authenticated.
/// </remarks>
internal sealed class SecretTree : IDisposable
{
    /// <summary>How many generations a message may be ahead of the last one from its sender.</summary>
    public const uint MaxForward = 1000;

    /// <summary>How many keys are kept for each sender's messages of one kind that have not come yet.</summary>
    public const int MaxSkipped = 256;

    private readonly CipherSuite _suite;
    private readonly uint _leafCount;
    private readonly Dictionary<uint, byte[]> _nodes = [];
    private readonly Dictionary<(uint Leaf, bool Handshake), Ratchet> _ratchets = [];

    public SecretTree(CipherSuite suite, uint leafCount, ReadOnlySpan<byte> encryptionSecret)
    {
        _suite = suite;
        _leafCount = leafCount;
        _nodes[TreeMath.Root(leafCount).Value] = encryptionSecret.ToArray();
    }

    private SecretTree(CipherSuite suite, uint leafCount) => (_suite, _leafCount) = (suite, leafCount);

    // struct {
    //     uint32 leaf_count; struct { uint32 node; opaque secret<V>; } nodes<V>; Ratchet ratchets<V>;
    // } SecretTree;
    // struct {
    //     uint32 leaf; uint8 handshake; uint32 generation; opaque secret<V>;
    //     struct { uint32 generation; opaque key<V>; opaque nonce<V>; } skipped<V>;
    // } Ratchet;
    public void Write(TlsWriter writer)
    {
        int start = writer.WriteUInt32(_leafCount).BeginVector();
        foreach (var (node, secret) in _nodes.OrderBy(entry => entry.Key))
            writer.WriteUInt32(node).WriteOpaque(secret);
        start = writer.EndVector(start).BeginVector();
        foreach (var ((leaf, handshake), ratchet) in _ratchets.OrderBy(entry => entry.Key))
            ratchet.Write(writer.WriteUInt32(leaf).WritePresence(handshake));
        writer.EndVector(start);
    }

    public static SecretTree Read(ref TlsReader reader, CipherSuite suite)
    {
        var tree = new SecretTree(suite, reader.ReadUInt32());
        for (var nodes = reader.ReadVector(); !nodes.AtEnd; )
            tree._nodes[nodes.ReadUInt32()] = nodes.ReadOpaque().ToArray();
        for (var ratchets = reader.ReadVector(); !ratchets.AtEnd; )
            tree._ratchets[(ratchets.ReadUInt32(), ratchets.ReadPresence())] = Ratchet.Read(ref ratchets);
        return tree;
    }

    /// <summary>All secrets from which message keys can still be derived.</summary>
    public IEnumerable<byte[]> Secrets => [.. _nodes.Values, .. _ratchets.Values.Select(ratchet => ratchet.Secret)];

    /// <summary>Takes the next key with which the member at a leaf encrypts.</summary>
    public (uint Generation, byte[] Key, byte[] Nonce) Next(LeafIndex leaf, bool handshake)
    {
        var ratchet = RatchetOf(leaf, handshake);
        uint generation = ratchet.Generation;
        var (key, nonce) = ratchet.Step(_suite);
        return (generation, key, nonce);
    }

    /// <summary>
    /// The key of a generation. Call <see cref="Consume"/> when the message was authenticated; after it the key cannot
    /// be had again.
    /// </summary>
    /// <exception cref="MlsException"><see cref="Rules.RatchetGeneration"/></exception>
    public (byte[] Key, byte[] Nonce) Get(LeafIndex leaf, bool handshake, uint generation)
    {
        if (leaf.Value >= _leafCount)
            throw new MlsException(Rules.FramingSender);
        return RatchetOf(leaf, handshake).Get(_suite, generation);
    }

    /// <summary>Deletes the key of a generation.</summary>
    public void Consume(LeafIndex leaf, bool handshake, uint generation) =>
        RatchetOf(leaf, handshake).Consume(generation);

    public void Dispose()
    {
        foreach (var secret in _nodes.Values)
            CryptographicOperations.ZeroMemory(secret);
        foreach (var ratchet in _ratchets.Values)
            ratchet.Dispose();
        _nodes.Clear();
        _ratchets.Clear();
    }

    private Ratchet RatchetOf(LeafIndex leaf, bool handshake)
    {
        if (_ratchets.TryGetValue((leaf, handshake), out var known))
            return known;
        var secret = TakeLeafSecret(leaf.Node);
        _ratchets[(leaf, true)] = new(_suite.ExpandWithLabel(secret, "handshake", [], _suite.HashLength));
        _ratchets[(leaf, false)] = new(_suite.ExpandWithLabel(secret, "application", [], _suite.HashLength));
        CryptographicOperations.ZeroMemory(secret);
        return _ratchets[(leaf, handshake)];
    }

    // tree_node_secret of a child = ExpandWithLabel(tree_node_secret of the parent, "tree", "left" or "right", KDF.Nh)
    private byte[] TakeLeafSecret(NodeIndex leaf)
    {
        var path = new Stack<NodeIndex>();
        var node = leaf;
        while (!_nodes.ContainsKey(node.Value))
        {
            path.Push(node);
            node =
                TreeMath.Parent(node, _leafCount)
                ?? throw new InvalidOperationException("The leaf's secret was taken before.");
        }
        while (path.TryPop(out var next))
        {
            var secret = _nodes[node.Value];
            _nodes[TreeMath.Left(node)!.Value.Value] = _suite.ExpandWithLabel(
                secret,
                "tree",
                "left"u8,
                _suite.HashLength
            );
            _nodes[TreeMath.Right(node)!.Value.Value] = _suite.ExpandWithLabel(
                secret,
                "tree",
                "right"u8,
                _suite.HashLength
            );
            Forget(node);
            node = next;
        }
        var taken = _nodes[leaf.Value];
        _nodes.Remove(leaf.Value);
        return taken;
    }

    private void Forget(NodeIndex node)
    {
        CryptographicOperations.ZeroMemory(_nodes[node.Value]);
        _nodes.Remove(node.Value);
    }

    /// <summary>The ratchet of one sender for messages of one kind, RFC 9420 §9.1.</summary>
    private sealed class Ratchet(byte[] secret) : IDisposable
    {
        private readonly Dictionary<uint, (byte[] Key, byte[] Nonce)> _skipped = [];
        private byte[] _secret = secret;

        public uint Generation { get; private set; }
        public byte[] Secret => _secret;

        public void Write(TlsWriter writer)
        {
            int start = writer.WriteUInt32(Generation).WriteOpaque(_secret).BeginVector();
            foreach (var (generation, (key, nonce)) in _skipped.OrderBy(entry => entry.Key))
                writer.WriteUInt32(generation).WriteOpaque(key).WriteOpaque(nonce);
            writer.EndVector(start);
        }

        public static Ratchet Read(ref TlsReader reader)
        {
            uint generation = reader.ReadUInt32();
            var ratchet = new Ratchet(reader.ReadOpaque().ToArray()) { Generation = generation };
            for (var skipped = reader.ReadVector(); !skipped.AtEnd; )
                ratchet._skipped[skipped.ReadUInt32()] = (
                    skipped.ReadOpaque().ToArray(),
                    skipped.ReadOpaque().ToArray()
                );
            return ratchet;
        }

        public (byte[] Key, byte[] Nonce) Step(CipherSuite suite)
        {
            var key = suite.DeriveTreeSecret(_secret, "key", Generation, suite.AeadKeyLength);
            var nonce = suite.DeriveTreeSecret(_secret, "nonce", Generation, suite.AeadNonceLength);
            var next = suite.DeriveTreeSecret(_secret, "secret", Generation, suite.HashLength);
            CryptographicOperations.ZeroMemory(_secret);
            _secret = next;
            Generation = checked(Generation + 1);
            return (key, nonce);
        }

        public (byte[] Key, byte[] Nonce) Get(CipherSuite suite, uint generation)
        {
            if (generation >= Generation)
            {
                if (generation - Generation > MaxForward)
                    throw new MlsException(Rules.RatchetGeneration);
                while (Generation <= generation)
                {
                    uint at = Generation;
                    _skipped[at] = Step(suite);
                }
                // The oldest keys are deleted first, since their messages are the least likely to come.
                while (_skipped.Count > MaxSkipped + 1)
                    Consume(_skipped.Keys.Min());
            }
            return _skipped.TryGetValue(generation, out var found)
                ? found
                : throw new MlsException(Rules.RatchetGeneration);
        }

        public void Consume(uint generation)
        {
            if (!_skipped.Remove(generation, out var used))
                return;
            CryptographicOperations.ZeroMemory(used.Key);
            CryptographicOperations.ZeroMemory(used.Nonce);
        }

        public void Dispose()
        {
            CryptographicOperations.ZeroMemory(_secret);
            foreach (uint generation in _skipped.Keys.ToArray())
                Consume(generation);
        }
    }
}
