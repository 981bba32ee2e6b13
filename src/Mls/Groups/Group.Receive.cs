using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>What came of a received message.</summary>
public abstract record Received;

/// <summary>An application message.</summary>
/// <param name="Data">What was sent.</param>
/// <param name="Sender">The member that sent it, in the epoch that it was sent in.</param>
/// <param name="Epoch">The epoch that it was sent in.</param>
/// <param name="AuthenticatedData">What was authenticated beside it.</param>
public sealed record ReceivedMessage(byte[] Data, LeafIndex Sender, ulong Epoch, ReadOnlyMemory<byte> AuthenticatedData) : Received;

/// <summary>A proposal, kept so that a commit of this epoch may refer to it.</summary>
public sealed record ReceivedProposal(Proposal Proposal, Sender Sender, ReadOnlyMemory<byte> Reference) : Received;

/// <summary>A commit whose epoch has begun.</summary>
/// <param name="Commit">What it changed.</param>
/// <param name="RemovedMe">Whether it ended the group for this member.</param>
public sealed record ReceivedCommit(StagedCommit Commit, bool RemovedMe) : Received;

/// <summary>This member's own pending commit came back: it has been merged.</summary>
public sealed record ReceivedOwnCommit : Received;

public sealed partial class Group
{
    /// <summary>Takes a message of the group: opens and verifies it, and advances the epoch for a commit.</summary>
    /// <param name="bytes">MLSMessage.</param>
    /// <param name="now">The time that the lifetime of an added key package must contain, or null to leave it unchecked.</param>
    /// <exception cref="MlsException">The rule that the message breaks; the group is as it was.</exception>
    public Received Receive(ReadOnlyMemory<byte> bytes, DateTimeOffset? now = null)
    {
        if (PublicGroup.ReInit is null) RequireLive(); // else late messages of the epochs before may still come
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
        MessageProtection.VerifyMembershipTag(_epoch.Group.Suite, _epoch.Secrets.MembershipKey, message, _epoch.Group.Context);
        return ReceiveHandshake(content, now);
    }

    private Received ReceivePrivate(PrivateMessage message, DateTimeOffset? now)
    {
        MlsException.Require(message.GroupId.Span.SequenceEqual(GroupId.Span), Rules.FramingGroupId);
        // Only application messages may be late (RFC 9420 §15.3); handshakes are of the current epoch.
        var epoch = message.Epoch == CurrentEpoch ? _epoch
            : message.ContentType == ContentType.Application ? _past.Find(past => past.Group.Epoch == message.Epoch) : null;
        if (epoch is null) throw new MlsException(Rules.FramingEpoch);
        MlsException.Require(epoch.Group.ReInit is null, Rules.GroupReInitialized);
        var opened = MessageProtection.Decrypt(epoch.Group.Suite, epoch.Secrets, epoch.Messages, message);
        MlsException.Require(opened.Content.Content.Sender.Index != epoch.Own.Value, Rules.OwnMessage);
        epoch.Group.VerifySignature(opened.Content);
        var received = message.ContentType == ContentType.Application
            ? new ReceivedMessage(opened.Content.Content.ApplicationData.ToArray(), new(opened.Content.Content.Sender.Index), message.Epoch, message.AuthenticatedData)
            : ReceiveHandshake(opened.Content, now);
        opened.Consume();
        return received;
    }

    private Received ReceiveHandshake(AuthenticatedContent content, DateTimeOffset? now)
    {
        if (content.Content.Proposal is { } proposal)
        {
            _proposals.Add(content);
            return new ReceivedProposal(proposal, content.Content.Sender, content.ProposalReference(_epoch.Group.Suite));
        }
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
        var keys = KeysBeforePath(staged);
        var commitSecret = new byte[suite.HashLength];
        if (content.Content.Commit!.Path is { } path)
        {
            var added = staged.Added.Count == 0 ? null : staged.Added.Select(entry => entry.LeafIndex).ToHashSet();
            var provisional = CommitBuilder.Provisional(_epoch.Group, staged.Group.Tree, staged.Group.Context.Extensions);
            (commitSecret, var opened) = TreeKem.Open(suite, staged.BeforePath, keys, staged.Committer, path, added, provisional);
            CryptographicOperations.ZeroMemory(opened);
        }
        var init = _epoch.Secrets.Init;
        if (staged.IsExternal)
        {
            using var external = _epoch.Secrets.ExternalKeyPair(suite);
            var kemOutput = staged.Proposals.Select(item => item.Proposal).OfType<ExternalInitProposal>().Single().KemOutput;
            init = suite.ExportReceive(external.PrivateKey, kemOutput.Span, EpochSecrets.ExternalInitLabel, suite.HashLength);
        }
        var psk = PskSecret(suite, staged.Proposals.Select(item => item.Proposal).OfType<PreSharedKeyProposal>().Select(proposal => proposal.Id), _preSharedKeys, GroupId.Span, _resumption);
        var secrets = EpochSecrets.Next(suite, init, commitSecret, psk, staged.Group.Context);
        CryptographicOperations.ZeroMemory(commitSecret);
        RequireConfirmationTag(staged.Group, secrets);

        DiscardPendingCommit();
        Advance(Epoch.Begin(staged.Group, secrets, keys.For(staged.Group.Tree)));
        keys.Dispose();
        _ended = staged.Proposals.Any(item => item.Proposal is ReInitProposal);
        return new(staged, false);
    }

    /// <summary>This member's keys in the tree after the proposals: without those of blanked nodes, with the key of its own Update.</summary>
    private PrivateKeys KeysBeforePath(StagedCommit staged)
    {
        var keys = _epoch.Keys.For(staged.BeforePath);
        foreach (var (index, _, after) in staged.Updated)
            if (index == _epoch.Own && _updateKeys.TryGetValue(after.EncryptionKey, out var pair)) keys.Set(index.Node, pair.PublicKey, pair.PrivateKey);
        return keys;
    }
}
