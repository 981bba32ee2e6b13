using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>A commit that this member has made and that the delivery service has not accepted yet.</summary>
public sealed class PendingCommit : IDisposable
{
    internal PendingCommit(byte[] commit, byte[]? welcome, byte[] groupInfo, Epoch epoch)
    {
        (Commit, Welcome, GroupInfo, Epoch) = (commit, welcome, groupInfo, epoch);
    }

    /// <summary>The commit as an MLSMessage.</summary>
    public byte[] Commit { get; }

    /// <summary>The Welcome for the members that the commit adds, as an MLSMessage; null if it adds none.</summary>
    public byte[]? Welcome { get; }

    /// <summary>
    /// The GroupInfo of the epoch that the commit creates, as an MLSMessage. It has an external_pub and, unless
    /// <see cref="CommitOptions.TreeInGroupInfo"/> is false, the ratchet tree.
    /// </summary>
    public byte[] GroupInfo { get; }
    internal Epoch Epoch { get; }

    /// <summary>Zeroes the secrets of the epoch that the commit would have begun.</summary>
    public void Dispose() => Epoch.Dispose();
}

/// <summary>What a commit contains, and in which form it is made.</summary>
public sealed record CommitOptions
{
    /// <summary>The key packages of the clients to add.</summary>
    public IReadOnlyList<UnverifiedKeyPackage> Add { get; init; } = [];

    /// <summary>The leaves to remove.</summary>
    public IReadOnlyList<LeafIndex> Remove { get; init; } = [];

    /// <summary>The pre-shared keys to mix into the key schedule.</summary>
    public IReadOnlyList<PreSharedKeyId> PreSharedKeys { get; init; } = [];

    /// <summary>Other proposals that the commit includes by value.</summary>
    public IReadOnlyList<Proposal> Proposals { get; init; } = [];

    /// <summary>Whether the commit also includes the proposals that were received in this epoch.</summary>
    public bool IncludeReceived { get; init; } = true;

    /// <summary>
    /// Whether the commit has a path even where its proposals do not demand one. Without a path a commit that only adds
    /// members is smaller, but it gives the committer no new keys.
    /// </summary>
    public bool ForcePath { get; init; } = true;

    /// <summary>
    /// Whether the commit is sent as a PrivateMessage. A delivery service that verifies commits needs a PublicMessage.
    /// </summary>
    public bool Encrypt { get; init; }

    /// <summary>Bytes that are authenticated with the commit and sent in the clear.</summary>
    public ReadOnlyMemory<byte> AuthenticatedData { get; init; }

    /// <summary>Whether the GroupInfo in the Welcome has the ratchet tree as an extension.</summary>
    public bool TreeInWelcome { get; init; } = true;

    /// <summary>
    /// Whether the GroupInfo has the ratchet tree as an extension. A client that gets the tree in another way does not
    /// need it.
    /// </summary>
    public bool TreeInGroupInfo { get; init; } = true;
}

public sealed partial class Group
{
    /// <summary>
    /// Makes a commit (RFC 9420 §12.4.1). It is pending until <see cref="MergePendingCommit"/> is called; a commit
    /// that was pending before is discarded.
    /// </summary>
    /// <param name="options">
    /// What to commit. Where null, the commit has a path and all proposals received in this epoch.
    /// </param>
    /// <exception cref="MlsException">
    /// The proposals are not a valid list, or the application refuses one of them; the group is unchanged.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The group has ended for this member, or the external commit by which the member joins is still pending.
    /// </exception>
    public PendingCommit Commit(CommitOptions? options = null)
    {
        RequireLive();
        options ??= new();
        DiscardPendingCommit();
        var suite = _epoch.Group.Suite;
        Proposal[] given =
        [
            .. options.Add.Select(package => new AddProposal(package)),
            .. options.Remove.Select(leaf => new RemoveProposal(leaf)),
            .. options.PreSharedKeys.Select(id => new PreSharedKeyProposal(id)),
            .. options.Proposals,
        ];
        foreach (var proposal in given)
            ApplicationChecks.Verify(_client, proposal, new(SenderType.Member, _epoch.Own), _epoch.Group);
        var received = options.IncludeReceived ? ProposalsToCommit(given) : [];
        List<ProposalOrReference> proposals =
        [
            .. received.Select(proposal => new ProposalOrReference(null, proposal.ProposalReference(suite))),
            .. given.Select(proposal => new ProposalOrReference(proposal, default)),
        ];
        var builder = new CommitBuilder(
            _client,
            _epoch.Group,
            proposals,
            _proposals,
            new(SenderType.Member, _epoch.Own),
            _epoch.Keys
        );
        bool needsPath = proposals.Count == 0 || options.ForcePath || NeedsPath(proposals);
        using var built = builder.Build(needsPath, options.AuthenticatedData);
        var format = options.Encrypt ? WireFormat.PrivateMessage : WireFormat.PublicMessage;
        var pskIds = built.List.Of<PreSharedKeyProposal>().Select(item => item.Proposal.Id).ToList();
        var psk = PskSecret(suite, pskIds, _preSharedKeys, _resumption);
        var secrets = built.Secrets(_epoch.Secrets.Init, psk, format);
        var (message, after) = built.Finish(secrets, format, _epoch);
        var groupInfo = GroupInfo(_client, after, secrets, _epoch.Own, options.TreeInGroupInfo, externalPub: true);
        var welcome =
            built.Changes.Added.Count == 0 ? null : Welcome(built, after, secrets, pskIds, psk, options.TreeInWelcome);
        CryptographicOperations.ZeroMemory(psk);
        var epoch = Epoch.Begin(after, secrets, built.TakeKeys());
        return _pending = new(message, welcome, groupInfo, epoch);
    }

    private IReadOnlyList<AuthenticatedContent> ProposalsToCommit(IReadOnlyCollection<Proposal> given) =>
        ProposalSelection.Choose(
            _epoch.Group,
            _epoch.Own,
            _proposals,
            given,
            id => FindKey(id, _preSharedKeys, _resumption) is not null
        );

    private bool NeedsPath(List<ProposalOrReference> proposals)
    {
        var draft = FramedContent.Create(
            GroupId.Span,
            CurrentEpoch,
            new(SenderType.Member, _epoch.Own),
            [],
            ContentType.Commit,
            new Commit(proposals, null).Write
        );
        return ProposalList
            .Resolve(_epoch.Group.Suite, new(WireFormat.PublicMessage, draft, default), _proposals)
            .RequiresPath;
    }

    /// <summary>Makes one Welcome for all members that the commit adds (RFC 9420 §12.4.3.1).</summary>
    private byte[] Welcome(
        CommitBuilder.Built built,
        PublicGroup group,
        EpochSecrets epoch,
        IReadOnlyList<PreSharedKeyId> psks,
        byte[] pskSecret,
        bool includeTree
    )
    {
        var suite = group.Suite;
        var info = UnverifiedGroupInfo.Decode(
            GroupInfo(_client, group, epoch, _epoch.Own, includeTree, externalPub: false)
        );
        var (key, nonce) = WelcomeSecrets.KeyAndNonce(suite, epoch.Joiner, pskSecret);
        var encrypted = suite.AeadSeal(key, nonce, [], info.Encoded.Span);
        CryptographicOperations.ZeroMemory(key);
        var entries = new List<EncryptedGroupSecrets>(built.Changes.Added.Count);
        for (int i = 0; i < built.Changes.Added.Count; i++)
        {
            var package = built.Changes.AddedKeyPackages[i];
            var pathSecret = built.Path?.SecretFor(_epoch.Own, built.Changes.Added[i].LeafIndex);
            var secrets = new GroupSecrets(
                epoch.Joiner,
                pathSecret is null ? default(ReadOnlyMemory<byte>?) : pathSecret,
                psks
            ).Encode();
            var (kemOutput, ciphertext) = suite.EncryptWithLabel(package.InitKey.Span, "Welcome", encrypted, secrets);
            CryptographicOperations.ZeroMemory(secrets);
            entries.Add(new(package.Reference, new(kemOutput, ciphertext)));
        }
        return MlsMessage.Of(new Welcome(suite.Id, entries, encrypted)).Encode();
    }

    /// <summary>Begins the epoch of the pending commit, which the delivery service has accepted.</summary>
    /// <exception cref="InvalidOperationException">There is no pending commit.</exception>
    public void MergePendingCommit()
    {
        var pending = _pending ?? throw new InvalidOperationException("There is no pending commit.");
        _pending = null;
        // After an external commit the group of its sender is in the first epoch already.
        if (ReferenceEquals(pending.Epoch, _epoch))
            return;
        Advance(pending.Epoch);
        _ended = ReInit is not null;
    }

    /// <summary>
    /// Discards the pending commit, which the delivery service has refused; the group is unchanged. Without a pending
    /// commit, nothing happens.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The pending commit is the external commit by which this member joins: without that commit there is no group.
    /// </exception>
    public void DiscardPendingCommit()
    {
        if (_pending is not { } pending)
            return;
        if (ReferenceEquals(pending.Epoch, _epoch))
            throw new InvalidOperationException("A refused external commit leaves no group: dispose it.");
        pending.Dispose();
        _pending = null;
    }

    /// <summary>
    /// Whether there are proposals that this member can commit. It then must commit them before it sends application
    /// messages (RFC 9420 §12.4), so that members whose removal is proposed do not get these.
    /// </summary>
    public bool MustCommit => _proposals.Count > 0 && ProposalsToCommit([]).Count > 0;

    /// <summary>Encrypts an application message (RFC 9420 §6.3, §15).</summary>
    /// <param name="data">What to send.</param>
    /// <param name="authenticatedData">Bytes that are authenticated with the message and sent in the clear.</param>
    /// <param name="paddingTo">The plaintext is padded to a multiple of this many bytes; 0 for no padding.</param>
    /// <returns>The PrivateMessage as an MLSMessage.</returns>
    /// <exception cref="InvalidOperationException">
    /// The group has ended for this member, or <see cref="MustCommit"/> is true.
    /// </exception>
    public byte[] Encrypt(ReadOnlySpan<byte> data, ReadOnlyMemory<byte> authenticatedData = default, int paddingTo = 0)
    {
        RequireLive();
        if (MustCommit)
            throw new InvalidOperationException("Proposals wait: commit before sending.");
        var copy = data.ToArray();
        var content = FramedContent.Create(
            GroupId.Span,
            CurrentEpoch,
            new(SenderType.Member, _epoch.Own),
            authenticatedData.Span,
            ContentType.Application,
            writer => writer.WriteOpaque(copy)
        );
        var signature = Sign(content, WireFormat.PrivateMessage);
        return MlsMessage
            .Of(
                MessageProtection.Encrypt(
                    _epoch.Group.Suite,
                    _epoch.Secrets.SenderData,
                    _epoch.Messages,
                    content,
                    new(signature, default),
                    paddingTo
                )
            )
            .Encode();
    }

    /// <summary>Makes a proposal (RFC 9420 §12.1), and keeps it for the next commit.</summary>
    /// <param name="proposal">The proposal.</param>
    /// <param name="encrypt">Whether the proposal is sent as a PrivateMessage.</param>
    /// <param name="authenticatedData">Bytes that are authenticated with the proposal and sent in the clear.</param>
    /// <param name="paddingTo">The plaintext is padded to a multiple of this many bytes; 0 for no padding.</param>
    /// <returns>The proposal as an MLSMessage.</returns>
    /// <exception cref="MlsException">
    /// An added key package is not valid now, or the application refuses its credential.
    /// </exception>
    /// <exception cref="InvalidOperationException">The group has ended for this member.</exception>
    public byte[] Propose(
        Proposal proposal,
        bool encrypt = false,
        ReadOnlyMemory<byte> authenticatedData = default,
        int paddingTo = 0
    )
    {
        RequireLive();
        if (proposal is AddProposal add)
            add.KeyPackage.RequireCurrent(DateTimeOffset.UtcNow);
        ApplicationChecks.Verify(_client, proposal, new(SenderType.Member, _epoch.Own), _epoch.Group);
        var format = encrypt ? WireFormat.PrivateMessage : WireFormat.PublicMessage;
        var suite = _epoch.Group.Suite;
        var content = FramedContent.Create(
            GroupId.Span,
            CurrentEpoch,
            new(SenderType.Member, _epoch.Own),
            authenticatedData.Span,
            ContentType.Proposal,
            proposal.Write
        );
        var auth = new FramedContentAuthData(Sign(content, format), default);
        _proposals.Add(new(format, content, auth));
        return encrypt
            ? MlsMessage
                .Of(
                    MessageProtection.Encrypt(
                        suite,
                        _epoch.Secrets.SenderData,
                        _epoch.Messages,
                        content,
                        auth,
                        paddingTo
                    )
                )
                .Encode()
            : MlsMessage
                .Of(
                    new PublicMessage(
                        content,
                        auth,
                        MessageProtection.MembershipTag(
                            suite,
                            _epoch.Secrets.MembershipKey,
                            content,
                            auth,
                            _epoch.Group.Context
                        )
                    )
                )
                .Encode();
    }

    /// <summary>
    /// Proposes new keys for this member's leaf (RFC 9420 §12.1.2). They come into force by another member's commit.
    /// </summary>
    /// <param name="encrypt">Whether the proposal is sent as a PrivateMessage.</param>
    /// <returns>The proposal as an MLSMessage.</returns>
    /// <exception cref="InvalidOperationException">The group has ended for this member.</exception>
    public byte[] ProposeUpdate(bool encrypt = false)
    {
        var suite = _epoch.Group.Suite;
        var pair = suite.GenerateKemKeyPair();
        _updateKeys[pair.PublicKey] = pair;
        return Propose(
            new UpdateProposal(_client.CreateLeaf(pair.PublicKey, LeafNodeSource.Update, place: (GroupId, _epoch.Own))),
            encrypt
        );
    }

    /// <summary>
    /// Proposes that this member is removed (draft-ietf-mls-extensions, SelfRemove). A commit of another member, or an
    /// external commit, carries it out.
    /// </summary>
    /// <param name="encrypt">Whether the proposal is sent as a PrivateMessage.</param>
    /// <returns>The proposal as an MLSMessage.</returns>
    /// <exception cref="InvalidOperationException">The group has ended for this member.</exception>
    public byte[] ProposeSelfRemove(bool encrypt = false) => Propose(new SelfRemoveProposal(), encrypt);

    private byte[] Sign(FramedContent content, WireFormat format) =>
        _epoch.Group.Suite.SignWithLabel(
            _client.SignatureKey.PrivateKey,
            "FramedContentTBS",
            content.ToBeSigned(format, _epoch.Group.Context).WrittenSpan
        );
}
