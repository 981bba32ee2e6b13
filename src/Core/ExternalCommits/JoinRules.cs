using MlsConsole.Core.Devices;
using MlsConsole.Mls;

namespace MlsConsole.Core.ExternalCommits;

/// <summary>
/// Which leaves an external commit may and must remove (delivery-service §4.2). RFC 9420 §12.2 leaves this to the
/// application.
/// </summary>
internal static class JoinRules
{
    /// <summary>
    /// The leaves that the commit's Remove proposals name, without blank ones. Whether the list of proposals is valid
    /// is not checked here but when the commit is staged.
    /// </summary>
    public static IReadOnlyList<(LeafIndex Index, LeafNode Leaf)> RemovedLeaves(
        AuthenticatedContent commit,
        PublicGroup group
    )
    {
        var removed = new List<(LeafIndex, LeafNode)>();
        foreach (var item in commit.Content.Commit!.Proposals)
            if (item.Proposal is RemoveProposal remove && group.Leaf(remove.Removed) is { } leaf)
                removed.Add((remove.Removed, leaf));
        return removed;
    }

    /// <summary>
    /// Requires that a device with a leaf removes that leaf. A device without a leaf may remove any one leaf of the
    /// same account.
    /// </summary>
    /// <param name="current">The leaf of the joining device; null if it has none.</param>
    /// <param name="removes">The leaves that the commit removes.</param>
    /// <param name="own">The owners of the account's leaves: all devices of the account.</param>
    /// <exception cref="RefusedException">
    /// InvalidCommit: the commit removes the leaf of another account. GhostLeaf: the commit leaves the device's own
    /// leaf in the tree.
    /// </exception>
    public static void RequireOwnLeaf(
        LeafIndex? current,
        IReadOnlyList<(LeafIndex Index, LeafNode Leaf)> removes,
        LeafOwners own
    )
    {
        if (removes.Count > 1)
            return; // Staging refuses a second Remove, whichever leaf it removes (RFC 9420 §12.2).
        foreach (var (index, removed) in removes)
            if (index != current && own.DeviceByIdentity(removed) is null)
                throw Refusal.InvalidCommit(DeliveryRules.RemoveOfStranger.Id).AsException();
        if (current is { } leaf && !removes.Any(entry => entry.Index == leaf))
            throw Refusal.GhostLeaf.AsException();
    }
}
