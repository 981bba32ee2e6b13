using MlsConsole.Core.Devices;
using MlsConsole.Mls;

namespace MlsConsole.Core.Membership;

/// <summary>Who may propose what (delivery-service §4). It follows the proposals, whichever method brought them: a proposal by value is judged with its commit, one by reference when it was stored.</summary>
internal static class Authorisation
{
    /// <param name="access">Who proposes.</param>
    /// <param name="proposal">What.</param>
    /// <param name="group">In which group.</param>
    /// <param name="owners">Of the leaves.</param>
    /// <param name="free">Leaves that any member may remove.</param>
    /// <exception cref="RefusedException">NotAdmin</exception>
    public static void Require(
        Access access,
        Proposal proposal,
        PublicGroup group,
        LeafOwners owners,
        IReadOnlySet<uint> free
    )
    {
        bool allowed =
            access.Entry.IsAdmin
            || proposal switch
            {
                RemoveProposal remove => free.Contains(remove.Removed.Value)
                    || owners.ByIdentity(group.Leaf(remove.Removed)!)?.Did == access.Entry.Did,
                GroupContextExtensionsProposal or ReInitProposal => false,
                _ => true,
            };
        if (!allowed)
            throw Refusal.NotAdmin.AsException();
    }
}
