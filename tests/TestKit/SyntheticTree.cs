using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>
/// A ratchet tree of any size with every private key in it. It is made in one walk instead of by one commit for each
/// member.
/// </summary>
/// <remarks>
/// A populated tree is as if each member in turn had committed with a path, so that no parent above two members is
/// blank. The right child of a parent node was set by the same commit, so its parent_hash makes the parent node valid.
/// The parent_hash of a left child is that of an older state of the parent node, so any bytes serve. In a fresh tree
/// the leaves come from key packages, and all parents are blank.
/// </remarks>
public sealed class SyntheticTree
{
    private readonly bool _populated;
    private readonly ReadOnlyMemory<byte> _groupId;
    private readonly Client[] _clients;

    public SyntheticTree(int members, bool populated, ReadOnlyMemory<byte> groupId)
    {
        _populated = populated;
        _groupId = groupId;
        _clients = new Client[members];
        for (int i = 0; i < members; i++)
            _clients[i] = new(
                Suite.Id,
                Credential.Basic(Encoding.UTF8.GetBytes("member " + i.ToString(CultureInfo.InvariantCulture)))
            );
        int levels = System.Numerics.BitOperations.Log2(TreeMath.FullLeafCount((uint)members));
        var root = Build(levels, 0, default);
        Encoded = new RatchetTree(Suite, root, levels, PublicKeySet.Empty, PublicKeySet.Empty).Encode();
    }

    public static CipherSuite Suite { get; } = CipherSuite.Get(1);
    public IReadOnlyList<Client> Clients => _clients;

    /// <summary>The content of a <c>ratchet_tree</c> extension.</summary>
    public byte[] Encoded { get; }

    /// <summary>The key pair of every node that is not blank.</summary>
    internal Dictionary<NodeIndex, SecretKeyPair> Keys { get; } = [];

    private TreeNode Build(int level, uint firstLeaf, ReadOnlyMemory<byte> parentHash)
    {
        if (firstLeaf >= _clients.Length)
            return ParentPosition.Blank(level, firstLeaf);
        if (level == 0)
            return new LeafPosition(new(firstLeaf), Leaf(new(firstLeaf), parentHash));
        uint middle = firstLeaf + (1u << (level - 1));
        // Without a member to the right the node is filtered out of every path, and stays blank.
        if (!_populated || middle >= _clients.Length)
            return new ParentPosition(
                level,
                firstLeaf,
                null,
                Build(level - 1, firstLeaf, parentHash),
                Build(level - 1, middle, default)
            );
        var left = Build(level - 1, firstLeaf, RandomNumberGenerator.GetBytes(Suite.HashLength));
        var key = NewKey(new(2 * firstLeaf + (1u << level) - 1));
        var right = Build(level - 1, middle, ParentHash.Compute(Suite, key, parentHash.Span, left.Hash(Suite)));
        return new ParentPosition(level, firstLeaf, new(key, parentHash), left, right);
    }

    private LeafNode Leaf(LeafIndex index, ReadOnlyMemory<byte> parentHash) =>
        _populated
            ? _clients[index]
                .CreateLeaf(NewKey(index.Node), LeafNodeSource.Commit, parentHash: parentHash, place: (_groupId, index))
            : _clients[index]
                .CreateLeaf(NewKey(index.Node), LeafNodeSource.KeyPackage, lifetime: Client.DefaultLifetime());

    private byte[] NewKey(NodeIndex index)
    {
        var pair = Suite.GenerateKemKeyPair();
        Keys[index] = pair;
        return pair.PublicKey;
    }
}
