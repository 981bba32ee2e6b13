using MlsConsole.Core.Devices;
using MlsConsole.Mls;

namespace MlsConsole.Core.Membership;

/// <summary>
/// Who may propose what (delivery-service §4.5). Authorisation follows the proposals, whichever method brought them: a
/// proposal that stands in a commit by value is judged with the commit, and a proposal by reference was judged when it
/// was stored.
/// </summary>
internal static class Authorisation
{
    /// <param name="access">The access of the account that proposes.</param>
    /// <param name="proposal">The proposal.</param>
    /// <param name="group">The group of the current epoch.</param>
    /// <param name="owners">
    /// The devices that own the leaves of <paramref name="group"/> which the proposal names.
    /// </param>
    /// <param name="free">The indices of leaves that any member may remove.</param>
    /// <exception cref="RefusedException">NotAdmin: only an admin may propose this.</exception>
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
                    || owners.DeviceByIdentity(group.Leaf(remove.Removed)!)?.Did == access.Entry.Did,
                GroupContextExtensionsProposal or ReInitProposal => false,
                _ => true,
            };
        if (!allowed)
            throw Refusal.NotAdmin.AsException();
    }
}
