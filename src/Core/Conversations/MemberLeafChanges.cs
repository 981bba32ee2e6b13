using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <summary>Decides which leaves a member's commit changes, and to which devices these leaves belong.</summary>
internal static class MemberLeafChanges
{
    /// <summary>
    /// All leaves whose owners are asked for while a member's commit is judged: leaves that the commit adds, removes,
    /// updates or replaces, and leaves of the members whose proposals it names by reference.
    /// </summary>
    /// <param name="staged">The commit, applied to the group.</param>
    /// <param name="before">The group of the epoch that the commit ends.</param>
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

    /// <summary>
    /// Decides the leaf changes of a member's commit. Every leaf that the commit adds has to belong to an enrolled
    /// device, every Add has to name a key package that was published here, and no device may have two leaves after the
    /// commit (delivery-service §4.3).
    /// </summary>
    /// <exception cref="RefusedException">InvalidCommit: one of these rules is broken.</exception>
    public static async Task<LeafChanges> DecideAsync(
        MlsDbContext context,
        string convoId,
        StagedCommit staged,
        PublicGroup before,
        LeafOwners owners,
        CancellationToken cancellation
    )
    {
        var (added, newDevices) = RequireEnrolled(staged, owners);
        var removed = staged.Removed.Select(entry => entry.LeafIndex.Value).ToList();
        await RequireOneLeafOfEachAsync(context, convoId, added, removed, cancellation);
        await RequirePublishedAsync(context, staged, cancellation);
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

    /// <summary>Finds the devices of the leaves that the commit adds, and which of the devices count as new.</summary>
    private static (List<(uint LeafIndex, Device Device)> Added, List<Device> NewDevices) RequireEnrolled(
        StagedCommit staged,
        LeafOwners owners
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
        return (added, newDevices);
    }

    /// <summary>
    /// Refuses a commit that adds a device twice, or adds a device that has a leaf which the commit does not remove.
    /// </summary>
    private static async Task RequireOneLeafOfEachAsync(
        MlsDbContext context,
        string convoId,
        List<(uint LeafIndex, Device Device)> added,
        List<uint> removed,
        CancellationToken cancellation
    )
    {
        if (added.Count == 0)
            return;
        var rows = added.Select(entry => entry.Device.Id).ToList();
        var removedIndices = removed.Select(index => (long)index).ToList();
        if (
            rows.Distinct().Count() != rows.Count
            || await context
                .Set<Leaf>()
                .AnyAsync(
                    leaf =>
                        leaf.ConvoId == convoId
                        && rows.Contains(leaf.DeviceRow)
                        && !removedIndices.Contains(leaf.LeafIndex),
                    cancellation
                )
        )
            throw Refusal.InvalidCommit(DeliveryRules.DeviceTwice.Id).AsException();
    }

    /// <summary>Refuses a commit that adds a key package which was never published here.</summary>
    private static async Task RequirePublishedAsync(
        MlsDbContext context,
        StagedCommit staged,
        CancellationToken cancellation
    )
    {
        if (staged.AddedKeyPackages.Count == 0)
            return;
        var references = staged.AddedKeyPackages.Select(package => package.Reference.ToArray()).ToList();
        int published = await context
            .Set<KeyPackageRow>()
            .CountAsync(row => references.Contains(row.Reference), cancellation);
        if (published != references.Count)
            throw Refusal.InvalidCommit(DeliveryRules.KeyPackageNotPublished.Id).AsException();
    }

    /// <summary>
    /// The indices of the removed leaves whose own account wanted the removal: by a SelfRemove, or by a Remove that a
    /// device of the same account proposed. Such an account does not count as removed (delivery-service §4.6).
    /// </summary>
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
