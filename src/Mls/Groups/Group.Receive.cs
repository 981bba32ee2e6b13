using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>What a received message was, with its content.</summary>
public abstract record Received;

/// <summary>An application message was received.</summary>
/// <param name="Data">The application data.</param>
/// <param name="Sender">The leaf of the member that sent the message, in the epoch in which it was sent.</param>
/// <param name="Epoch">The epoch in which the message was sent.</param>
/// <param name="AuthenticatedData">The bytes that were authenticated with the application data.</param>
public sealed record ReceivedMessage(byte[] Data, LeafIndex Sender, ulong Epoch, ReadOnlyMemory<byte> AuthenticatedData)
    : Received;

/// <summary>A proposal was received. The group keeps it, so that a commit of this epoch may refer to it.</summary>
/// <param name="Proposal">The proposal.</param>
/// <param name="Sender">
/// The sender of the proposal: a member, an external sender, or a client that asks to be added.
/// </param>
/// <param name="Reference">The ProposalRef, RFC 9420 §5.2.</param>
public sealed record ReceivedProposal(Proposal Proposal, Sender Sender, ReadOnlyMemory<byte> Reference) : Received;

/// <summary>A commit was received, and its epoch has begun.</summary>
/// <param name="Commit">The commit and what it changed.</param>
/// <param name="RemovedMe">Whether the commit removed this member, for which the group has ended.</param>
public sealed record ReceivedCommit(StagedCommit Commit, bool RemovedMe) : Received;

/// <summary>The pending commit of this member came back. It has been merged.</summary>
public sealed record ReceivedOwnCommit : Received;

/// <summary>
/// A PrivateMessage came back that this member has sent itself. Its key is deleted, so that it cannot be opened; it
/// changes nothing.
/// </summary>
/// <param name="ContentType">The kind of content that the message holds.</param>
/// <param name="Epoch">The epoch in which the message was sent.</param>
/// <param name="Generation">The number of the message among this member's messages of its kind in that epoch.</param>
public sealed record ReceivedOwnMessage(ContentType ContentType, ulong Epoch, uint Generation) : Received;

public sealed partial class Group
{
    /// <summary>
    /// Takes a message of the group: decrypts and verifies it and, if it is a commit, begins the next epoch.
    /// </summary>
    /// <param name="bytes">The message as an MLSMessage.</param>
    /// <param name="now">
    /// The time that must lie within the lifetime of an added key package; null to leave the lifetime unchecked.
    /// </param>
    /// <exception cref="MlsException">The rule that the message breaks; the group is unchanged.</exception>
    /// <exception cref="InvalidOperationException">
    /// The group has ended for this member, and not by a ReInit.
    /// </exception>
    public Received Receive(ReadOnlyMemory<byte> bytes, DateTimeOffset? now = null)
    {
        if (PublicGroup.ReInit is null)
            // After a ReInit, late messages of earlier epochs may still come.
            RequireLive();
        var message = MlsMessage.Decode(bytes);
        if (_pending is { } pending && bytes.Span.SequenceEqual(pending.Commit))
        {
            MergePendingCommit();
            return new ReceivedOwnCommit();
        }
        return message.WireFormat switch
        {
            WireFormat.PublicMessage => ReceivePublic(message.PublicMessage!, now),
            WireFormat.PrivateMessage => ReceivePrivate(message.PrivateMessage!, now),
            _ => throw new MlsException(Rules.CodecWireFormat),
        };
    }

    private Received ReceivePublic(PublicMessage message, DateTimeOffset? now)
    {
        var content = _epoch.Group.Authenticate(message);
        MessageProtection.VerifyMembershipTag(
            _epoch.Group.Suite,
            _epoch.Secrets.MembershipKey,
            message,
            _epoch.Group.Context
        );
        return ReceiveHandshake(content, now);
    }

    private Received ReceivePrivate(PrivateMessage message, DateTimeOffset? now)
    {
        MlsException.Require(message.GroupId.Span.SequenceEqual(GroupId.Span), Rules.FramingGroupId);
        if (message.Epoch != CurrentEpoch)
            return ReceiveLate(message);
        MlsException.Require(_epoch.Group.ReInit is null, Rules.GroupReInitialized);
        var suite = _epoch.Group.Suite;
        var sender = MessageProtection.OpenSenderData(suite, _epoch.Secrets.SenderData, message);
        if (sender.Leaf == _epoch.Own)
            return new ReceivedOwnMessage(message.ContentType, message.Epoch, sender.Generation);
        // RFC 9420 §6.3.2: the sender is checked before the message keys of its leaf are derived.
        MlsException.Require(_epoch.Group.Leaf(sender.Leaf) is not null, Rules.FramingSender);
        var opened = MessageProtection.Decrypt(suite, sender, _epoch.Messages, message);
        _epoch.Group.VerifySignature(opened.Content);
        var received =
            message.ContentType == ContentType.Application
                ? Application(opened.Content.Content)
                : ReceiveHandshake(opened.Content, now);
        opened.Consume();
        return received;
    }

    /// <summary>
    /// Opens an application message of an earlier epoch (RFC 9420 §15.3). Handshake messages of earlier epochs are
    /// refused.
    /// </summary>
    private Received ReceiveLate(PrivateMessage message)
    {
        int at = _past.FindIndex(past => past.Context.Epoch == message.Epoch);
        MlsException.Require(at >= 0 && message.ContentType == ContentType.Application, Rules.FramingEpoch);
        var (epoch, suite) = (_past[at], _epoch.Group.Suite);
        var sender = MessageProtection.OpenSenderData(suite, epoch.SenderData, message);
        if (sender.Leaf == epoch.Own)
            return new ReceivedOwnMessage(message.ContentType, message.Epoch, sender.Generation);
        if (
            PastEpoch.SignatureKey(CollectionsMarshal.AsSpan(_past)[at..], _epoch.Group.Tree, sender.Leaf)
            is not { } key
        )
            throw new MlsException(Rules.FramingSender);
        var opened = MessageProtection.Decrypt(suite, sender, epoch.Messages, message);
        var toBeSigned = opened.Content.Content.ToBeSigned(WireFormat.PrivateMessage, epoch.Context).WrittenSpan;
        MlsException.Require(
            suite.VerifyWithLabel(key.Span, "FramedContentTBS", toBeSigned, opened.Content.Auth.Signature.Span),
            Rules.FramingSignature
        );
        opened.Consume();
        return Application(opened.Content.Content);
    }

    private static ReceivedMessage Application(FramedContent content) =>
        new(content.ApplicationData.ToArray(), new(content.Sender.Index), content.Epoch, content.AuthenticatedData);

    private Received ReceiveHandshake(AuthenticatedContent content, DateTimeOffset? now)
    {
        if (content.Content.Proposal is { } proposal)
        {
            ApplicationChecks.Verify(_client, proposal, content.Content.Sender, _epoch.Group);
            var reference = content.ProposalReference(_epoch.Group.Suite);
            // The proposal may be known already: it may be this member's own, or come twice.
            if (
                !_proposals.Exists(known =>
                    known.ProposalReference(_epoch.Group.Suite).AsSpan().SequenceEqual(reference)
                )
            )
                _proposals.Add(content);
            return new ReceivedProposal(proposal, content.Content.Sender, reference);
        }
        MlsException.Require(content.Content.Sender != new Sender(SenderType.Member, _epoch.Own), Rules.OwnCommit);
        return ReceiveCommit(content, now);
    }

    private ReceivedCommit ReceiveCommit(AuthenticatedContent content, DateTimeOffset? now)
    {
        var suite = _epoch.Group.Suite;
        var staged = _epoch.Group.Stage(content, _proposals, now);
        if (staged.Removed.Any(removed => removed.LeafIndex == _epoch.Own))
        {
            _ended = true;
            return new(staged, true);
        }
        ApplicationChecks.Verify(_client, staged, _epoch.Group);
        using var keys = KeysBeforePath(staged);
        var commitSecret = OpenCommitSecret(content.Content.Commit!.Path, staged, keys);
        var init = staged.IsExternal ? OpenExternalInit(staged) : _epoch.Secrets.Init;
        var psk = PskSecret(
            suite,
            staged
                .Proposals.Select(item => item.Proposal)
                .OfType<PreSharedKeyProposal>()
                .Select(proposal => proposal.Id),
            _preSharedKeys,
            _resumption
        );
        var secrets = EpochSecrets.Next(suite, init, commitSecret, psk, staged.Group.Context);
        CryptographicOperations.ZeroMemory(commitSecret);
        CryptographicOperations.ZeroMemory(psk);
        if (staged.IsExternal)
            CryptographicOperations.ZeroMemory(init);
        RequireConfirmationTag(staged.Group, secrets);

        DiscardPendingCommit();
        Advance(Epoch.Begin(staged.Group, secrets, keys.For(staged.Group.Tree)));
        _ended = ReInit is not null;
        return new(staged, false);
    }

    /// <summary>
    /// The commit secret, which the path brings (RFC 9420 §12.4.2); all zero for a commit without a path. The private
    /// keys of the path are added to <paramref name="keys"/>.
    /// </summary>
    private byte[] OpenCommitSecret(UpdatePath? path, StagedCommit staged, PrivateKeys keys)
    {
        if (path is null)
            return new byte[_epoch.Group.Suite.HashLength];
        var added = staged.Added.Count == 0 ? null : staged.Added.Select(entry => entry.LeafIndex).ToHashSet();
        var (commitSecret, opened) = TreeKem.Open(
            _epoch.Group.Suite,
            staged.BeforePath,
            keys,
            staged.Committer,
            path,
            added,
            CommitBuilder.Provisional(_epoch.Group, staged.Group.Tree, staged.Group.Context.Extensions)
        );
        CryptographicOperations.ZeroMemory(opened);
        return commitSecret;
    }

    /// <summary>The init secret that an external commit brings (RFC 9420 §8.3); the caller zeroes it.</summary>
    private byte[] OpenExternalInit(StagedCommit staged)
    {
        var suite = _epoch.Group.Suite;
        using var external = _epoch.Secrets.ExternalKeyPair(suite);
        var init = staged.Proposals.Select(item => item.Proposal).OfType<ExternalInitProposal>().Single();
        return suite.ExportReceive(
            external.PrivateKey,
            init.KemOutput.Span,
            EpochSecrets.ExternalInitLabel,
            suite.HashLength
        );
    }

    /// <summary>
    /// This member's private keys in the tree after the proposals: without those of nodes that became blank, and with
    /// the new key of the member's own Update if the commit has one.
    /// </summary>
    private PrivateKeys KeysBeforePath(StagedCommit staged)
    {
        var keys = _epoch.Keys.For(staged.BeforePath);
        foreach (var (index, _, after) in staged.Updated)
            if (index == _epoch.Own && _updateKeys.TryGetValue(after.EncryptionKey, out var pair))
                keys.Set(index.Node, pair.PublicKey, pair.PrivateKey);
        return keys;
    }
}
