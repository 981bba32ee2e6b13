using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// A group as one of its members has it: the public state, which everybody can verify, and the secrets of the epochs
/// (RFC 9420 §8 to §12).
/// </summary>
/// <remarks>
/// A group is mutable and not thread-safe, unlike the <see cref="PublicGroup"/> inside. A commit that this member makes
/// is pending until <see cref="MergePendingCommit"/> is called, because the delivery service decides whether the commit
/// begins the next epoch. Secrets are zeroed on dispose.
/// </remarks>
public sealed partial class Group : IDisposable
{
    private readonly Client _client;
    private readonly PreSharedKeys _preSharedKeys;
    private readonly List<PastEpoch> _past = [];
    private readonly ResumptionKeys _resumption = new();
    private readonly List<AuthenticatedContent> _proposals = [];
    private readonly Dictionary<ReadOnlyMemory<byte>, SecretKeyPair> _updateKeys = new(
        PublicKeySet.BytesComparer.Instance
    );
    private Epoch _epoch;
    private PendingCommit? _pending;
    private bool _ended;

    internal Group(Client client, PreSharedKeys? preSharedKeys, Epoch epoch)
    {
        _client = client;
        _preSharedKeys = preSharedKeys ?? new();
        _epoch = epoch;
        _resumption.Add(epoch.Group.GroupId, epoch.Group.Epoch, epoch.Secrets.ResumptionPsk);
    }

    /// <summary>The public state of the group in the current epoch.</summary>
    public PublicGroup PublicGroup => _epoch.Group;

    /// <summary>The number of the current epoch.</summary>
    public ulong CurrentEpoch => _epoch.Group.Epoch;

    /// <summary>The group id.</summary>
    public ReadOnlyMemory<byte> GroupId => _epoch.Group.GroupId;

    /// <summary>This member's leaf.</summary>
    public LeafIndex OwnLeaf => _epoch.Own;

    /// <summary>The ReInit that ended the group, or null (RFC 9420 §11.2).</summary>
    public ReInitProposal? ReInit => _epoch.Group.ReInit;

    /// <summary>Whether the group has ended for this member, by a ReInit or by the member's removal.</summary>
    public bool HasEnded => _ended;

    /// <summary>The commit of this member that the delivery service has not accepted yet, or null.</summary>
    public PendingCommit? Pending => _pending;

    /// <summary>
    /// epoch_authenticator, as long as a hash (RFC 9420 §8.7). Members may compare it to find out whether the group
    /// has forked. It is known to members only: publish its hash, not the value itself.
    /// </summary>
    public byte[] EpochAuthenticator => (byte[])_epoch.Secrets.EpochAuthenticator.Clone();

    /// <summary>Derives a secret for the application by the MLS-Exporter (RFC 9420 §8.5).</summary>
    /// <param name="label">The label, which names the use of the secret.</param>
    /// <param name="context">The context, to which the secret is bound.</param>
    /// <param name="length">Length of the secret in bytes, at most 255 times the length of a hash.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is above that limit.</exception>
    public byte[] Export(string label, ReadOnlySpan<byte> context, int length) =>
        _epoch.Secrets.Export(_epoch.Group.Suite, label, context, length);

    /// <summary>Creates a group of one member in epoch 0 (RFC 9420 §11).</summary>
    /// <param name="client">
    /// The client that creates the group. The group uses the client until the group is disposed.
    /// </param>
    /// <param name="groupId">A unique id of the group; 16 random bytes where null.</param>
    /// <param name="extensions">The extensions of the GroupContext.</param>
    /// <param name="preSharedKeys">The external pre-shared keys that the application knows.</param>
    /// <exception cref="MlsException">
    /// The client does not support the extensions, or refuses an external sender among them.
    /// </exception>
    public static Group Create(
        Client client,
        ReadOnlyMemory<byte>? groupId = null,
        Extensions? extensions = null,
        PreSharedKeys? preSharedKeys = null
    )
    {
        var suite = client.Suite;
        ReadOnlyMemory<byte> id = groupId ?? RandomNumberGenerator.GetBytes(16);
        using var encryption = suite.GenerateKemKeyPair();
        var leaf = client.CreateLeaf(
            encryption.PublicKey,
            LeafNodeSource.KeyPackage,
            lifetime: Client.DefaultLifetime()
        );
        var tree = RatchetTree.OfOne(suite, leaf);
        var context = new GroupContext(suite.Id, id, 0, tree.Hash, default, extensions ?? Extensions.None);
        LeafNodeValidation.VerifyAgainst(context.Extensions, tree.Root.Capabilities!);
        ApplicationChecks.VerifyExternalSenders(client, context.Extensions, Extensions.None);
        var zero = new byte[suite.HashLength];
        // RFC 9420 §11: the epoch secret is "a fresh random value of size KDF.Nh"; it is one if the init secret is
        // drawn at random.
        var secrets = EpochSecrets.Next(suite, RandomNumberGenerator.GetBytes(suite.HashLength), zero, zero, context);
        var confirmationTag = secrets.ConfirmationTag(suite, []);
        var interim = TranscriptHash.Interim(suite, [], confirmationTag);
        var keys = new PrivateKeys(new(0));
        keys.Set(new(0), encryption.PublicKey, encryption.PrivateKey);
        return new(
            client,
            preSharedKeys,
            Epoch.Begin(new(suite, context, tree, confirmationTag, interim), secrets, keys)
        );
    }

    /// <summary>
    /// Makes and signs a GroupInfo of the current epoch with an external_pub (RFC 9420 §12.4.3), for clients that join
    /// by external commit.
    /// </summary>
    /// <param name="includeTree">Whether the GroupInfo has the ratchet tree as an extension.</param>
    /// <returns>The GroupInfo as an MLSMessage.</returns>
    public byte[] CreateGroupInfo(bool includeTree = true) =>
        GroupInfo(_client, _epoch.Group, _epoch.Secrets, _epoch.Own, includeTree, externalPub: true);

    /// <summary>Makes and signs a GroupInfo of an epoch, as an MLSMessage.</summary>
    private static byte[] GroupInfo(
        Client client,
        PublicGroup group,
        EpochSecrets secrets,
        LeafIndex signer,
        bool includeTree,
        bool externalPub
    )
    {
        var extensions = new List<Extension>();
        if (externalPub)
        {
            using var external = secrets.ExternalKeyPair(group.Suite);
            extensions.Add(
                new(ExtensionType.ExternalPub, new TlsWriter(160).WriteOpaque(external.PublicKey).ToArray())
            );
        }
        if (includeTree)
            extensions.Add(new(ExtensionType.RatchetTree, group.EncodeRatchetTree()));
        if (client.Grease is { } grease)
            extensions.Add(grease.Extension());
        return UnverifiedGroupInfo.CreateMessage(
            group.Suite,
            client.SignatureKey.PrivateKey,
            group.Context,
            new([.. extensions]),
            group.ConfirmationTag.Span,
            signer
        );
    }

    /// <summary>Makes an epoch the current one, and keeps of the epoch before what its late messages need.</summary>
    private void Advance(Epoch next)
    {
        _past.Add(PastEpoch.Of(_epoch, next.Group.Tree));
        ForgetOldEpochs();
        _epoch = next;
        _resumption.Add(next.Group.GroupId, next.Group.Epoch, next.Secrets.ResumptionPsk);
        _proposals.Clear();
        foreach (var pair in _updateKeys.Values)
            pair.Dispose();
        _updateKeys.Clear();
    }

    private void ForgetOldEpochs()
    {
        while (_past.Count > _client.PastEpochs)
        {
            _past[0].Dispose();
            _past.RemoveAt(0);
        }
    }

    /// <summary>
    /// Takes over the message keys of an earlier state of the same group, so that messages that were sent before a
    /// rejoin can still be opened.
    /// </summary>
    /// <param name="previous">
    /// The state before the rejoin. It loses its message keys and must not be saved again.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The earlier state is of another group, or not of an earlier epoch.
    /// </exception>
    /// <exception cref="InvalidOperationException">This group is no longer in the epoch that it began with.</exception>
    public void KeepPastOf(Group previous)
    {
        if (_past.Count > 0)
            throw new InvalidOperationException("The past can only be taken over in the epoch that was joined.");
        if (!previous.GroupId.Span.SequenceEqual(GroupId.Span))
            throw new ArgumentException("The state is of another group.", nameof(previous));
        if (previous.CurrentEpoch >= CurrentEpoch)
            throw new ArgumentException("The state is not older than this one.", nameof(previous));
        previous.DiscardPendingCommit();
        _past.AddRange([.. previous._past, PastEpoch.Of(previous._epoch, _epoch.Group.Tree)]);
        previous._past.Clear();
        previous._ended = true;
        ForgetOldEpochs();
    }

    /// <summary>psk_secret of the pre-shared keys that a commit or Welcome names, in their order.</summary>
    private static byte[] PskSecret(
        CipherSuite suite,
        IEnumerable<PreSharedKeyId> ids,
        PreSharedKeys external,
        ResumptionKeys resumption
    )
    {
        var keys = new List<(PreSharedKeyId, ReadOnlyMemory<byte>)>();
        foreach (var id in ids)
            keys.Add((id, FindKey(id, external, resumption) ?? throw new MlsException(Rules.PreSharedKeyUnknown)));
        return PreSharedKeySecret.Derive(suite, keys);
    }

    private static byte[]? FindKey(PreSharedKeyId id, PreSharedKeys external, ResumptionKeys resumption) =>
        id.Type == PreSharedKeyType.External
            ? external.Find(id.ExternalId)
            : resumption.Find(id.GroupId.Span, id.Epoch);

    private void RequireLive()
    {
        if (_ended)
            throw new InvalidOperationException("The group has ended for this member.");
    }

    /// <summary>Zeroes all secrets of the group. The client is not disposed: it belongs to the caller.</summary>
    public void Dispose()
    {
        _epoch.Dispose();
        foreach (var epoch in _past)
            epoch.Dispose();
        _resumption.Dispose();
        foreach (var pair in _updateKeys.Values)
            pair.Dispose();
        _pending?.Dispose();
    }
}
