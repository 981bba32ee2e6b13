using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>What members' commits and external commits have in common on their way from bytes to an epoch.</summary>
internal static class Handshakes
{
    /// <summary>Decodes a commit and checks that it is for this group and its current epoch.</summary>
    /// <exception cref="RefusedException">InvalidCommit or EpochMismatch.</exception>
    public static PublicMessage DecodeCommit(ReadOnlyMemory<byte> bytes, Conversation conversation) => InvalidCommit(() =>
    {
        var message = MlsMessage.Decode(bytes);
        if (message.WireFormat == WireFormat.PrivateMessage) throw new MlsException(DeliveryRules.PrivateHandshake);
        if (message.PublicMessage is not { } commit) throw new MlsException(Rules.CodecWireFormat);
        if (commit.Content.ContentType != ContentType.Commit) throw new MlsException(DeliveryRules.NotACommit);
        if (!commit.Content.GroupId.Span.SequenceEqual(conversation.GroupId)) throw new MlsException(Rules.FramingGroupId);
        if (commit.Content.Epoch != (ulong)conversation.Epoch) throw Refusal.EpochMismatch((ulong)conversation.Epoch, commit.Content.Epoch).AsException();
        return commit;
    });

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

    /// <summary>Checks the GroupInfo against the staged commit.</summary>
    /// <exception cref="RefusedException">InvalidGroupInfo</exception>
    public static PublicGroup Accept(StagedCommit staged, ReadOnlyMemory<byte> groupInfo, ReadOnlyMemory<byte>? ratchetTree)
    {
        try
        {
            return staged.Accept(UnverifiedGroupInfo.Decode(groupInfo), ratchetTree);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidGroupInfo(broken.Rule.Id).AsException();
        }
    }

    /// <summary>A GroupInfo as it is stored and served: with the MLSMessage header, otherwise byte for byte.</summary>
    public static byte[] AsMessage(ReadOnlyMemory<byte> groupInfo) => MlsMessage.Of(UnverifiedGroupInfo.Decode(groupInfo)).Encode();

    /// <summary>All leaves of a commit whose owners matter.</summary>
    public static IEnumerable<LeafNode> LeavesOf(StagedCommit staged, PublicGroup before)
    {
        yield return staged.CommitterLeaf;
        if (!staged.IsExternal) yield return before.Leaf(staged.Committer)!;
        foreach (var (_, leaf) in staged.Added) yield return leaf;
        foreach (var (_, leaf) in staged.Removed) yield return leaf;
        foreach (var (_, old, updated) in staged.Updated)
        {
            yield return old;
            yield return updated;
        }
    }

    /// <summary>The leaves that change hands. Every one that enters has an enrolled owner, an Add names a key package that was published here, and no device comes to two leaves.</summary>
    /// <exception cref="RefusedException">InvalidCommit</exception>
    public static async Task<LeafChanges> LeafChangesAsync(MlsDbContext context, string convoId, StagedCommit staged, LeafOwners owners, Device? joiner, CancellationToken cancellation)
    {
        var added = new List<(uint LeafIndex, Device Device)>();
        foreach (var (index, leaf) in staged.Added)
            added.Add((index.Value, owners.Of(leaf) ?? throw Refusal.InvalidCommit(DeliveryRules.LeafNotEnrolled.Id).AsException()));
        if (joiner is not null) added.Add((staged.Committer.Value, joiner));
        var removed = staged.Removed.Select(entry => entry.LeafIndex.Value).ToList();
        if (added.Count > 0)
        {
            var rows = added.Select(entry => entry.Device.Id).ToList();
            var gone = removed.Select(index => (long)index).ToList();
            if (rows.Distinct().Count() != rows.Count
                || await context.Set<Leaf>().AnyAsync(leaf => leaf.ConvoId == convoId && rows.Contains(leaf.DeviceRow) && !gone.Contains(leaf.LeafIndex), cancellation))
                throw Refusal.InvalidCommit(DeliveryRules.DeviceTwice.Id).AsException();
        }
        if (staged.AddedKeyPackages.Count > 0)
        {
            var references = staged.AddedKeyPackages.Select(package => package.Reference.ToArray()).ToList();
            if (await context.Set<KeyPackageRow>().CountAsync(row => references.Contains(row.Reference), cancellation) != references.Count)
                throw Refusal.InvalidCommit(DeliveryRules.KeyPackageNotPublished.Id).AsException();
        }
        return new(removed, added);
    }
}
