using System.Security.Cryptography;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>
/// A group of cipher suite 1 in one epoch, with its GroupInfo, its members with their secrets, and clients that join.
/// </summary>
public sealed class SyntheticGroup
{
    private readonly SyntheticTree _tree;
    private readonly GroupContext _context;
    private readonly byte[] _joinerSecret = RandomNumberGenerator.GetBytes(Suite.HashLength);
    private readonly byte[] _confirmationTag;

    public SyntheticGroup(int members, bool populated)
    {
        Members = members;
        var groupId = RandomNumberGenerator.GetBytes(16);
        _tree = new(members, populated, groupId);
        var hash = RatchetTree.Decode(Suite, _tree.Encoded).Hash;
        _context = new(
            Suite.Id,
            groupId,
            (ulong)members,
            hash,
            RandomNumberGenerator.GetBytes(Suite.HashLength),
            Extensions.None
        );
        using var secrets = Secrets();
        _confirmationTag = secrets.ConfirmationTag(Suite, _context.ConfirmedTranscriptHash.Span);
        using var external = secrets.ExternalKeyPair(Suite);
        var externalPub = new Extension(
            ExtensionType.ExternalPub,
            new TlsWriter().WriteOpaque(external.PublicKey).ToArray()
        );
        GroupInfo = SignedGroupInfo(externalPub, new(ExtensionType.RatchetTree, _tree.Encoded));
        GroupInfoWithoutTree = SignedGroupInfo(externalPub);
    }

    public static CipherSuite Suite => SyntheticTree.Suite;
    public int Members { get; }

    /// <summary>MLSMessage, the tree inside.</summary>
    public byte[] GroupInfo { get; }

    /// <summary>MLSMessage, the tree left out.</summary>
    public byte[] GroupInfoWithoutTree { get; }
    public byte[] Tree => _tree.Encoded;

    public Client ClientOf(LeafIndex leaf) => _tree.Clients[(int)leaf.Value];

    /// <summary>
    /// The group as a member has it in this epoch. Each call makes another object, so that the same commit can be given
    /// to each of them.
    /// </summary>
    public Group Member(LeafIndex leaf, PublicGroup group)
    {
        var keys = new PrivateKeys(leaf);
        foreach (var node in TreeMath.DirectPath(leaf.Node, group.Tree.LeafCount).Prepend(leaf.Node))
            if (_tree.Keys.TryGetValue(node, out var pair))
                keys.Set(node, pair.PublicKey, pair.PrivateKey);
        return new(ClientOf(leaf), null, Epoch.Begin(group, Secrets(), keys));
    }

    public static Client NewClient(int cores = 1) =>
        new(Suite.Id, Credential.Basic("joiner"u8.ToArray())) { DegreeOfParallelism = cores };

    private EpochSecrets Secrets() =>
        EpochSecrets.FromJoiner(Suite, (byte[])_joinerSecret.Clone(), new byte[Suite.HashLength], _context);

    private byte[] SignedGroupInfo(params Extension[] extensions) =>
        MlsMessage
            .Of(
                UnverifiedGroupInfo.Create(
                    Suite,
                    _tree.Clients[^1].SignatureKey.PrivateKey,
                    _context,
                    new(extensions),
                    _confirmationTag,
                    new((uint)Members - 1)
                )
            )
            .Encode();
}
