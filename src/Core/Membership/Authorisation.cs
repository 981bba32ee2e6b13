using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>Who may propose what (delivery-service §4). It follows the proposals, whichever method brought them: a proposal by value is judged with its commit, one by reference when it was stored.</summary>
internal static class Authorisation
{
    /// <exception cref="RefusedException">NotAdmin</exception>
    public static void Require(Access access, Proposal proposal, PublicGroup group, LeafOwners owners, IReadOnlyList<PendingLeaf> pending)
    {
        bool allowed = access.Entry.IsAdmin || proposal switch
        {
            RemoveProposal remove => pending.Any(leaf => leaf.LeafIndex == remove.Removed.Value) || owners.ByIdentity(group.Leaf(remove.Removed)!)?.Did == access.Entry.Did,
            GroupContextExtensionsProposal or ReInitProposal => false,
            _ => true,
        };
        if (!allowed) throw Refusal.NotAdmin.AsException();
    }
}
