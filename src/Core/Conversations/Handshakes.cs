using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>What members' commits and external commits have in common on their way from bytes to an epoch.</summary>
internal static class Handshakes
{
    /// <summary>Largest GroupInfo, with or without the tree inside.</summary>
    public const int MaxGroupInfoBytes = 10 << 20;

    /// <summary>Decodes a commit and checks that it is for this group and its current epoch.</summary>
    /// <exception cref="RefusedException">InvalidCommit or EpochMismatch.</exception>
    public static PublicMessage DecodeCommit(ReadOnlyMemory<byte> bytes, Conversation conversation) =>
        InvalidCommit(() => Decode(bytes, conversation, ContentType.Commit, DeliveryRules.NotACommit));

    /// <summary>Decodes a handshake message and checks that it is for this group and its current epoch.</summary>
    /// <exception cref="MlsException">The rule that it breaks; <paramref name="otherType"/> if it is of another type.</exception>
    /// <exception cref="RefusedException">EpochMismatch</exception>
    public static PublicMessage Decode(
        ReadOnlyMemory<byte> bytes,
        Conversation conversation,
        ContentType type,
        Rule otherType
    )
    {
        var message = MlsMessage.Decode(bytes);
        if (message.WireFormat == WireFormat.PrivateMessage)
            throw new MlsException(DeliveryRules.PrivateHandshake);
        if (message.PublicMessage is not { } handshake)
            throw new MlsException(Rules.CodecWireFormat);
        if (handshake.Content.ContentType != type)
            throw new MlsException(otherType);
        if (!handshake.Content.GroupId.Span.SequenceEqual(conversation.GroupId))
            throw new MlsException(Rules.FramingGroupId);
        if (handshake.Content.Epoch != (ulong)conversation.Epoch)
            throw Refusal.EpochMismatch((ulong)conversation.Epoch, handshake.Content.Epoch).AsException();
        return handshake;
    }

    /// <summary>The leaf that sends belongs to the caller, and its device was not deleted.</summary>
    public static void RequireSender(Access access, LeafNode leaf, LeafOwners owners, Func<string, Refusal> refusal)
    {
        if (owners.ByIdentity(leaf)?.Did != access.Entry.Did)
            throw refusal(DeliveryRules.SenderOfAnother.Id).AsException();
        if (owners.Of(leaf) is null)
            throw refusal(DeliveryRules.SenderDeleted.Id).AsException();
    }

    /// <summary>A leaf that takes another's place is of the same account and device.</summary>
    public static void RequireSameOwner(
        LeafNode before,
        LeafNode after,
        LeafOwners owners,
        Func<string, Refusal> refusal
    )
    {
        if (ReferenceEquals(before, after))
            return;
        if (!before.Credential.SameAs(after.Credential))
            throw refusal(DeliveryRules.LeafIdentityChanged.Id).AsException();
        if (owners.Of(after) is null)
            throw refusal(DeliveryRules.LeafNotEnrolled.Id).AsException();
    }

    /// <summary>Turns a broken rule into InvalidCommit.</summary>
    public static T InvalidCommit<T>(Func<T> verify)
    {
        try
        {
            return verify();
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidCommit(broken.Rule.Id).AsException();
        }
    }

    /// <summary>Decodes a GroupInfo that somebody sent to be stored. Its length is checked first.</summary>
    /// <exception cref="MlsException">The rule that it breaks.</exception>
    public static UnverifiedGroupInfo DecodeGroupInfo(ReadOnlyMemory<byte> bytes) =>
        bytes.Length <= MaxGroupInfoBytes
            ? UnverifiedGroupInfo.Decode(bytes)
            : throw new MlsException(DeliveryRules.GroupInfoSize);

    /// <summary>Checks the GroupInfo against the staged commit.</summary>
    /// <exception cref="RefusedException">InvalidGroupInfo</exception>
    public static PublicGroup Accept(
        StagedCommit staged,
        ReadOnlyMemory<byte> groupInfo,
        ReadOnlyMemory<byte>? ratchetTree
    )
    {
        try
        {
            return staged.Accept(DecodeGroupInfo(groupInfo), ratchetTree);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidGroupInfo(broken.Rule.Id).AsException();
        }
    }

    /// <summary>A GroupInfo as it is stored and served: with the MLSMessage header, otherwise byte for byte.</summary>
    public static byte[] AsMessage(ReadOnlyMemory<byte> groupInfo) =>
        MlsMessage.Of(UnverifiedGroupInfo.Decode(groupInfo)).Encode();

    /// <summary>All leaves of a member's commit whose owners matter.</summary>
    public static IEnumerable<LeafNode> LeavesOf(StagedCommit staged, PublicGroup before)
    {
        yield return staged.CommitterLeaf;
        yield return before.Leaf(staged.Committer)!;
        foreach (var (_, leaf) in staged.Added)
            yield return leaf;
        foreach (var (_, leaf) in staged.Removed)
            yield return leaf;
        foreach (var (_, old, updated) in staged.Updated)
        {
            yield return old;
            yield return updated;
        }
        foreach (var item in staged.Proposals)
            if (item is { ByReference: true, Sender.Type: SenderType.Member })
                yield return before.Leaf(new(item.Sender.Index))!;
    }

    /// <summary>The leaves whose own account wants them removed.</summary>
    private static HashSet<uint> RemovedByOwner(StagedCommit staged, PublicGroup before, LeafOwners owners)
    {
        var leaves = new HashSet<uint>();
        foreach (var item in staged.Proposals)
        {
            if (item.Proposal is SelfRemoveProposal)
                leaves.Add(item.Sender.Index);
            else if (
                item.Proposal is RemoveProposal remove
                && item.Sender.Type == SenderType.Member
                && OwnerOf(new(item.Sender.Index)) == OwnerOf(remove.Removed)
            )
                leaves.Add(remove.Removed);
        }
        return leaves;

        string? OwnerOf(LeafIndex index) => owners.ByIdentity(before.Leaf(index)!)?.Did;
    }

    /// <summary>The leaves that change hands by a member's commit. Every one that enters has an enrolled owner, an Add names a key package that was published here, and no device comes to two leaves.</summary>
    /// <exception cref="RefusedException">InvalidCommit</exception>
    public static async Task<LeafChanges> LeafChangesAsync(
        MlsDbContext context,
        string convoId,
        StagedCommit staged,
        PublicGroup before,
        LeafOwners owners,
        CancellationToken cancellation
    )
    {
        var added = new List<(uint LeafIndex, Device Device)>();
        var newDevices = new List<Device>();
        foreach (var (index, leaf) in staged.Added)
        {
            var device = owners.Of(leaf) ?? throw Refusal.InvalidCommit(DeliveryRules.LeafNotEnrolled.Id).AsException();
            added.Add((index.Value, device));
            if (LeafChanges.IsNew(leaf, staged))
                newDevices.Add(device);
        }
        var removed = staged.Removed.Select(entry => entry.LeafIndex.Value).ToList();
        if (added.Count > 0)
        {
            var rows = added.Select(entry => entry.Device.Id).ToList();
            var gone = removed.Select(index => (long)index).ToList();
            if (
                rows.Distinct().Count() != rows.Count
                || await context
                    .Set<Leaf>()
                    .AnyAsync(
                        leaf =>
                            leaf.ConvoId == convoId && rows.Contains(leaf.DeviceRow) && !gone.Contains(leaf.LeafIndex),
                        cancellation
                    )
            )
                throw Refusal.InvalidCommit(DeliveryRules.DeviceTwice.Id).AsException();
        }
        if (staged.AddedKeyPackages.Count > 0)
        {
            var references = staged.AddedKeyPackages.Select(package => package.Reference.ToArray()).ToList();
            if (
                await context.Set<KeyPackageRow>().CountAsync(row => references.Contains(row.Reference), cancellation)
                != references.Count
            )
                throw Refusal.InvalidCommit(DeliveryRules.KeyPackageNotPublished.Id).AsException();
        }
        return await LeafChanges.DecideAsync(
            context,
            convoId,
            removed,
            added,
            newDevices,
            RemovedByOwner(staged, before, owners),
            cancellation
        );
    }
}
