using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

public sealed partial class MemberCommits
{
    /// <summary>Refuses a commit whose proposals the called method does not take.</summary>
    /// <param name="staged">The commit, applied to the group.</param>
    /// <param name="pending">The leaves that wait for their removal.</param>
    /// <param name="named">The requests to be added again that the call names and the commit answers.</param>
    private delegate void ContentRule(
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        IReadOnlyList<OpenRejoinRequest> named
    );

    private static void RequireOnlyAdds(
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        IReadOnlyList<OpenRejoinRequest> named
    )
    {
        var free = FreeLeaves(pending, named);
        bool onlyAddsAndFreeRemoves = staged.Proposals.All(item =>
            item.Proposal switch
            {
                AddProposal => true,
                RemoveProposal remove => free.Contains(remove.Removed.Value),
                SelfRemoveProposal => free.Contains(item.Sender.Index),
                _ => false,
            }
        );
        if (staged.Added.Count == 0 || !onlyAddsAndFreeRemoves)
            throw Refusal.InvalidCommit(DeliveryRules.OnlyAdds.Id).AsException();
    }

    private static void RequireOnlyRemoves(
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        IReadOnlyList<OpenRejoinRequest> named
    )
    {
        if (staged.Proposals.Any(item => item.Proposal is not (RemoveProposal or SelfRemoveProposal)))
            throw Refusal.InvalidCommit(DeliveryRules.RemoveOfTarget.Id).AsException();
    }

    /// <summary>
    /// The indices of the leaves that any member may remove: leaves that wait for their removal, and leaves of devices
    /// that asked to be added again and are added again by the same commit.
    /// </summary>
    private static HashSet<uint> FreeLeaves(
        IReadOnlyList<PendingLeaf> pending,
        IEnumerable<OpenRejoinRequest> answered
    ) => [.. PendingRemovals.LeavesOf(pending), .. answered.Select(request => request.Leaf).OfType<uint>()];

    /// <summary>Picks those of the answered requests that the call names.</summary>
    /// <exception cref="RefusedException">
    /// InvalidCommit: the call names a request that is not open, or whose key package the commit does not add.
    /// </exception>
    private static IReadOnlyList<OpenRejoinRequest> RequireNamed(
        IReadOnlyList<string> requestIds,
        IReadOnlyList<OpenRejoinRequest> answered
    )
    {
        if (!requestIds.All(id => answered.Any(request => request.Id == id)))
            throw Refusal.InvalidCommit(DeliveryRules.RejoinRequestAnswered.Id).AsException();
        return [.. answered.Where(request => requestIds.Contains(request.Id))];
    }

    /// <summary>
    /// Refuses a commit that is not the caller's own, that contains by value a proposal which the caller may not make,
    /// or that gives a leaf to another owner. Authorisation follows the proposals, whichever method brought them: a
    /// proposal by reference was judged when it was stored (delivery-service §4.5).
    /// </summary>
    private static void Authorise(
        Access access,
        PublicGroup group,
        StagedCommit staged,
        LeafOwners owners,
        IReadOnlySet<uint> free
    )
    {
        var leafBefore = group.Leaf(staged.Committer)!;
        SenderRules.RequireSender(access, leafBefore, owners, Refusal.InvalidCommit);
        foreach (var item in staged.Proposals)
            if (!item.ByReference)
                Authorisation.Require(access, item.Proposal, group, owners, free);
        SenderRules.RequireSameOwner(leafBefore, staged.CommitterLeaf, owners, Refusal.InvalidCommit);
        foreach (var (_, old, updated) in staged.Updated)
            SenderRules.RequireSameOwner(old, updated, owners, Refusal.InvalidCommit);
    }

    /// <summary>
    /// Refuses a commit of <c>removeMember</c> that does not remove all leaves of the target, or that removes leaves
    /// which are neither the target's nor wait for their removal. A target whose leaves wait for their removal may be
    /// removed by any member, every other target by an admin only.
    /// </summary>
    /// <returns>The target's DID if the target is a member until now; null if the target has left by itself.</returns>
    private static async Task<string?> RequireTargetAsync(
        MlsDbContext context,
        Access access,
        string target,
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        CancellationToken cancellation
    )
    {
        string id = access.Conversation.Id;
        bool waits = pending.Any(leaf => leaf.Did == target);
        if (!access.Entry.IsAdmin && !waits)
            throw Refusal.NotAdmin.AsException();
        bool isMember = await context
            .Set<RosterEntry>()
            .AnyAsync(row => row.ConvoId == id && row.Did == target && row.State == RosterState.Member, cancellation);
        var leavesOfTarget = await context
            .Set<Device>()
            .Where(device => device.Did == target)
            .Join(
                context.Set<Leaf>().Where(leaf => leaf.ConvoId == id),
                device => device.Id,
                leaf => leaf.DeviceRow,
                (_, leaf) => (uint)leaf.LeafIndex
            )
            .ToListAsync(cancellation);
        var removed = staged.Removed.Select(entry => entry.LeafIndex.Value).ToHashSet();
        if (
            target == access.Entry.Did
            || (!isMember && !waits)
            || !leavesOfTarget.TrueForAll(removed.Contains)
            || !removed.All(leaf => leavesOfTarget.Contains(leaf) || pending.Any(waiting => waiting.LeafIndex == leaf))
        )
            throw Refusal.InvalidCommit(DeliveryRules.RemoveOfTarget.Id).AsException();
        return isMember ? target : null;
    }

    /// <summary>
    /// Refuses a commit that adds an account which is banned from the conversation or from the service.
    /// </summary>
    private static async Task RequireNotBannedAsync(
        MlsDbContext context,
        Access access,
        StagedCommit staged,
        LeafOwners owners,
        CancellationToken cancellation
    )
    {
        if (staged.Added.Count == 0)
            return;
        string id = access.Conversation.Id;
        var dids = staged
            .Added.Select(entry => owners.DeviceByIdentity(entry.Leaf)?.Did)
            .OfType<string>()
            .Distinct()
            .ToList();
        if (
            await context
                .Set<Ban>()
                .AnyAsync(
                    ban => dids.Contains(ban.Did) && (ban.ConvoId == id || ban.ConvoId == Ban.FromService),
                    cancellation
                )
        )
            throw Refusal.InvalidCommit(DeliveryRules.AddOfBanned.Id).AsException();
    }
}
