using MlsConsole.Core.Devices;
using MlsConsole.Mls;

namespace MlsConsole.Core.ExternalCommits;

/// <summary>Whose leaf may join and whose it may remove (delivery-service §4): what RFC 9420 §12.2 leaves to the application.</summary>
internal static class JoinRules
{
    /// <summary>The non-blank leaves that the commit's Removes name. What is wrong with the list itself, staging finds.</summary>
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

    /// <summary>A device with a leaf removes that leaf; one without may remove any one leaf of the same account.</summary>
    /// <exception cref="RefusedException">InvalidCommit or GhostLeaf</exception>
    /// <param name="current">The leaf of the joining device; null if it has none.</param>
    /// <param name="removes">Of the commit.</param>
    /// <param name="own">The account's leaves.</param>
    public static void RequireOwnLeaf(
        LeafIndex? current,
        IReadOnlyList<(LeafIndex Index, LeafNode Leaf)> removes,
        LeafOwners own
    )
    {
        if (removes.Count > 1)
            return; // RFC 9420 §12.2 refuses it, whatever the leaves
        foreach (var (index, removed) in removes)
            if (index != current && own.DeviceByIdentity(removed) is null)
                throw Refusal.InvalidCommit(DeliveryRules.RemoveOfStranger.Id).AsException();
        if (current is { } leaf && !removes.Any(entry => entry.Index == leaf))
            throw Refusal.GhostLeaf.AsException();
    }
}
