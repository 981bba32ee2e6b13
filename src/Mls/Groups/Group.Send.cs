using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>A commit that this member made and the delivery service has not accepted yet.</summary>
public sealed class PendingCommit : IDisposable
{
    internal PendingCommit(byte[] commit, byte[]? welcome, byte[] groupInfo, Epoch epoch)
    {
        (Commit, Welcome, GroupInfo, Epoch) = (commit, welcome, groupInfo, epoch);
    }

    /// <summary>The commit as an MLSMessage.</summary>
    public byte[] Commit { get; }

    /// <summary>The Welcome for those whom it adds, as an MLSMessage; null if it adds nobody.</summary>
    public byte[]? Welcome { get; }

    /// <summary>GroupInfo of the epoch that it creates, as an MLSMessage, with external_pub and, unless it was left out, the tree.</summary>
    public byte[] GroupInfo { get; }
    internal Epoch Epoch { get; }

    /// <summary>Zeroes the secrets of the epoch that would have been.</summary>
    public void Dispose() => Epoch.Dispose();
}

/// <summary>What to commit.</summary>
public sealed record CommitOptions
{
    /// <summary>Key packages of clients to add.</summary>
    public IReadOnlyList<UnverifiedKeyPackage> Add { get; init; } = [];

    /// <summary>Leaves to remove.</summary>
    public IReadOnlyList<LeafIndex> Remove { get; init; } = [];

    /// <summary>Pre-shared keys to mix in.</summary>
    public IReadOnlyList<PreSharedKeyId> PreSharedKeys { get; init; } = [];

    /// <summary>Other proposals by value.</summary>
    public IReadOnlyList<Proposal> Proposals { get; init; } = [];

    /// <summary>Whether to commit the proposals received in this epoch too.</summary>
    public bool IncludeReceived { get; init; } = true;

    /// <summary>Whether to bring new keys even where the proposals do not demand it; without, a commit of Adds alone is smaller but heals nothing.</summary>
    public bool ForcePath { get; init; } = true;

    /// <summary>Whether the commit is encrypted to the members. A delivery service that verifies needs it in the clear.</summary>
    public bool Encrypt { get; init; }

    /// <summary>Bytes that are authenticated with the commit.</summary>
    public ReadOnlyMemory<byte> AuthenticatedData { get; init; }

    /// <summary>Whether the Welcome has the ratchet tree inside.</summary>
    public bool TreeInWelcome { get; init; } = true;

    /// <summary>Whether the GroupInfo has the ratchet tree inside; one who has the tree from elsewhere needs it not.</summary>
    public bool TreeInGroupInfo { get; init; } = true;
}

public sealed partial class Group
{
    /// <summary>Makes a commit (RFC 9420 §12.4.1). It is pending until <see cref="MergePendingCommit"/>; a pending one before is discarded.</summary>
    /// <param name="options">What to commit; new keys and all proposals received in this epoch where null.</param>
    /// <exception cref="MlsException">The proposals are not a valid list, or the application refuses one; the group is as it was.</exception>
    /// <exception cref="InvalidOperationException">The group has ended for this member, or the external commit by which it joins is still pending.</exception>
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

    /// <summary>One Welcome for all new members (RFC 9420 §12.4.3.1).</summary>
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

    /// <summary>The delivery service accepted the pending commit: its epoch begins.</summary>
    /// <exception cref="InvalidOperationException">There is no pending commit.</exception>
    public void MergePendingCommit()
    {
        var pending = _pending ?? throw new InvalidOperationException("There is no pending commit.");
        _pending = null;
        // A joiner by external commit stands in its first epoch already.
        if (ReferenceEquals(pending.Epoch, _epoch))
            return;
        Advance(pending.Epoch);
        _ended = ReInit is not null;
    }

    /// <summary>The delivery service refused the pending commit: the group is as it was. Nothing happens where none is pending.</summary>
    /// <exception cref="InvalidOperationException">It is the external commit by which this member joins: without it there is no group.</exception>
    public void DiscardPendingCommit()
    {
        if (_pending is not { } pending)
            return;
        if (ReferenceEquals(pending.Epoch, _epoch))
            throw new InvalidOperationException("A refused external commit leaves no group: dispose it.");
        pending.Dispose();
        _pending = null;
    }

    /// <summary>Whether proposals wait that this member can commit: it then must, before it sends application messages (RFC 9420 §12.4), so that those to be removed are.</summary>
    public bool MustCommit => _proposals.Count > 0 && ProposalsToCommit([]).Count > 0;

    /// <summary>Encrypts an application message (RFC 9420 §6.3, §15).</summary>
    /// <param name="data">What to send.</param>
    /// <param name="authenticatedData">Bytes in the clear that are authenticated with it.</param>
    /// <param name="paddingTo">Pads the plaintext to a multiple of so many bytes; 0 for none.</param>
    /// <returns>MLSMessage.</returns>
    /// <exception cref="InvalidOperationException">The group has ended for this member, or <see cref="MustCommit"/>.</exception>
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

    /// <summary>Proposes something to the group (RFC 9420 §12.1) and keeps it for the next commit.</summary>
    /// <param name="proposal">The proposal.</param>
    /// <param name="encrypt">Whether it is encrypted to the members.</param>
    /// <param name="authenticatedData">Bytes in the clear that are authenticated with it.</param>
    /// <param name="paddingTo">Pads the plaintext to a multiple of so many bytes; 0 for none.</param>
    /// <returns>MLSMessage.</returns>
    /// <exception cref="MlsException">An added key package is not valid now, or the application refuses its credential.</exception>
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

    /// <summary>Proposes new keys for this member's leaf (RFC 9420 §12.1.2); another member's commit puts them in force.</summary>
    /// <param name="encrypt">Whether it is encrypted to the members.</param>
    /// <returns>MLSMessage.</returns>
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

    /// <summary>Asks to be removed (draft-ietf-mls-extensions, SelfRemove); another member's commit, or an external one, does it.</summary>
    /// <param name="encrypt">Whether it is encrypted to the members.</param>
    /// <returns>MLSMessage.</returns>
    /// <exception cref="InvalidOperationException">The group has ended for this member.</exception>
    public byte[] ProposeSelfRemove(bool encrypt = false) => Propose(new SelfRemoveProposal(), encrypt);

    private byte[] Sign(FramedContent content, WireFormat format) =>
        _epoch.Group.Suite.SignWithLabel(
            _client.SignatureKey.PrivateKey,
            "FramedContentTBS",
            content.ToBeSigned(format, _epoch.Group.Context).WrittenSpan
        );
}
