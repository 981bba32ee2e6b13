using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>What came of a received message.</summary>
public abstract record Received;

/// <summary>An application message.</summary>
/// <param name="Data">What was sent.</param>
/// <param name="Sender">The member that sent it, in the epoch that it was sent in.</param>
/// <param name="Epoch">The epoch that it was sent in.</param>
/// <param name="AuthenticatedData">What was authenticated beside it.</param>
public sealed record ReceivedMessage(byte[] Data, LeafIndex Sender, ulong Epoch, ReadOnlyMemory<byte> AuthenticatedData)
    : Received;

/// <summary>A proposal, kept so that a commit of this epoch may refer to it.</summary>
/// <param name="Proposal">What is proposed.</param>
/// <param name="Sender">Who proposes it: a member, an external sender, or one who asks to join.</param>
/// <param name="Reference">ProposalRef, RFC 9420 §5.2.</param>
public sealed record ReceivedProposal(Proposal Proposal, Sender Sender, ReadOnlyMemory<byte> Reference) : Received;

/// <summary>A commit whose epoch has begun.</summary>
/// <param name="Commit">What it changed.</param>
/// <param name="RemovedMe">Whether it ended the group for this member.</param>
public sealed record ReceivedCommit(StagedCommit Commit, bool RemovedMe) : Received;

/// <summary>This member's own pending commit came back: it has been merged.</summary>
public sealed record ReceivedOwnCommit : Received;

/// <summary>A PrivateMessage that this member sent itself came back. Its key is gone, so it stays closed, and it changes nothing.</summary>
/// <param name="ContentType">What it is.</param>
/// <param name="Epoch">The epoch that it was sent in.</param>
/// <param name="Generation">Its number among this member's messages of that kind in that epoch.</param>
public sealed record ReceivedOwnMessage(ContentType ContentType, ulong Epoch, uint Generation) : Received;

public sealed partial class Group
{
    /// <summary>Takes a message of the group: opens and verifies it, and advances the epoch for a commit.</summary>
    /// <param name="bytes">MLSMessage.</param>
    /// <param name="now">The time that the lifetime of an added key package must contain, or null to leave it unchecked.</param>
    /// <exception cref="MlsException">The rule that the message breaks; the group is as it was.</exception>
    /// <exception cref="InvalidOperationException">The group has ended for this member, otherwise than by a ReInit.</exception>
    public Received Receive(ReadOnlyMemory<byte> bytes, DateTimeOffset? now = null)
    {
        if (PublicGroup.ReInit is null)
            RequireLive(); // else late messages of the epochs before may still come
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
        // §6.3.2: before any ratchet is turned
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

    /// <summary>Only application messages may be late (RFC 9420 §15.3); handshakes are of the current epoch.</summary>
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
            // It may be this member's own, or come twice.
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
        var commitSecret = new byte[suite.HashLength];
        if (content.Content.Commit!.Path is { } path)
        {
            var added = staged.Added.Count == 0 ? null : staged.Added.Select(entry => entry.LeafIndex).ToHashSet();
            var provisional = CommitBuilder.Provisional(
                _epoch.Group,
                staged.Group.Tree,
                staged.Group.Context.Extensions
            );
            (commitSecret, var opened) = TreeKem.Open(
                suite,
                staged.BeforePath,
                keys,
                staged.Committer,
                path,
                added,
                provisional
            );
            CryptographicOperations.ZeroMemory(opened);
        }
        var init = _epoch.Secrets.Init;
        if (staged.IsExternal)
        {
            using var external = _epoch.Secrets.ExternalKeyPair(suite);
            var kemOutput = staged
                .Proposals.Select(item => item.Proposal)
                .OfType<ExternalInitProposal>()
                .Single()
                .KemOutput;
            init = suite.ExportReceive(
                external.PrivateKey,
                kemOutput.Span,
                EpochSecrets.ExternalInitLabel,
                suite.HashLength
            );
        }
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

    /// <summary>This member's keys in the tree after the proposals: without those of blanked nodes, with the key of its own Update.</summary>
    private PrivateKeys KeysBeforePath(StagedCommit staged)
    {
        var keys = _epoch.Keys.For(staged.BeforePath);
        foreach (var (index, _, after) in staged.Updated)
            if (index == _epoch.Own && _updateKeys.TryGetValue(after.EncryptionKey, out var pair))
                keys.Set(index.Node, pair.PublicKey, pair.PrivateKey);
        return keys;
    }
}
