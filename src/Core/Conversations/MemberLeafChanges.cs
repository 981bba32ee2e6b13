using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <summary>Which leaves a member's commit changes, and whose they are.</summary>
internal static class MemberLeafChanges
{
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

    /// <summary>The leaves that change hands by a member's commit. Every one that enters has an enrolled owner, an Add names a key package that was published here, and no device comes to two leaves.</summary>
    /// <exception cref="RefusedException">InvalidCommit</exception>
    public static async Task<LeafChanges> DecideAsync(
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
            var device =
                owners.DeviceOf(leaf) ?? throw Refusal.InvalidCommit(DeliveryRules.LeafNotEnrolled.Id).AsException();
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

        string? OwnerOf(LeafIndex index) => owners.DeviceByIdentity(before.Leaf(index)!)?.Did;
    }
}
