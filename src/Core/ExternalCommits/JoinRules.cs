using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>Whose leaf may join and whose it may remove (delivery-service §4): what RFC 9420 §12.2 leaves to the application.</summary>
internal static class JoinRules
{
    /// <summary>The non-blank leaves that the commit's Removes name. What is wrong with the list itself, staging finds.</summary>
    public static IReadOnlyList<(LeafIndex Index, LeafNode Leaf)> RemovedLeaves(AuthenticatedContent commit, PublicGroup group)
    {
        var removed = new List<(LeafIndex, LeafNode)>();
        foreach (var item in commit.Content.Commit!.Proposals)
            if (item.Proposal is RemoveProposal remove && group.Leaf(remove.Removed) is { } leaf) removed.Add((remove.Removed, leaf));
        return removed;
    }

    /// <summary>The caller's enrolled device behind the joiner's leaf.</summary>
    /// <exception cref="RefusedException">WrongUser</exception>
    public static Device RequireJoiner(Access access, LeafNode leaf, LeafOwners owners)
    {
        var device = owners.Of(leaf);
        return device is not null && device.Did == access.Entry.Did ? device : throw Refusal.WrongUser.AsException();
    }

    /// <summary>The leaf that a device has.</summary>
    public static LeafIndex? LeafOf(PublicGroup group, Device device)
    {
        foreach (var (index, leaf) in group.Members)
            if (leaf.Credential.Identity.Span.SequenceEqual(device.Identity)) return index;
        return null;
    }

    /// <summary>A device with a leaf removes that leaf; one without may remove any one leaf of the same account.</summary>
    /// <exception cref="RefusedException">InvalidCommit or GhostLeaf</exception>
    public static void RequireOwnLeaf(Device joiner, LeafIndex? current, IReadOnlyList<(LeafIndex Index, LeafNode Leaf)> removes, LeafOwners owners)
    {
        if (removes.Count > 1) return; // RFC 9420 §12.2 refuses it, whatever the leaves
        foreach (var (index, leaf) in removes)
            if (index != current && owners.ByIdentity(leaf)?.Did != joiner.Did) throw Refusal.InvalidCommit(DeliveryRules.RemoveOfStranger.Id).AsException();
        if (current is { } own && !removes.Any(entry => entry.Index == own)) throw Refusal.GhostLeaf.AsException();
    }
}
