using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>A leaf that waits for its removal, and the account that the leaf belongs to.</summary>
/// <param name="LeafIndex">The index of the leaf.</param>
internal sealed record PendingLeaf(uint LeafIndex, string Did, PendingKind Kind);

/// <summary>
/// The leaves of accounts that have left or were banned, which wait for their removal (delivery-service §10.1).
/// </summary>
internal static class PendingRemovals
{
    /// <summary>The leaves of a conversation that wait for their removal.</summary>
    public static Task<List<PendingLeaf>> OfAsync(
        MlsDbContext context,
        string convoId,
        CancellationToken cancellation
    ) =>
        context
            .Set<PendingRemoval>()
            .Where(pending => pending.ConvoId == convoId)
            .Join(
                context.Set<Device>(),
                pending => pending.Did,
                device => device.Did,
                (pending, device) =>
                    new
                    {
                        pending.Did,
                        pending.Kind,
                        device.Id,
                    }
            )
            .Join(
                context.Set<Leaf>().Where(leaf => leaf.ConvoId == convoId),
                owner => owner.Id,
                leaf => leaf.DeviceRow,
                (owner, leaf) => new PendingLeaf((uint)leaf.LeafIndex, owner.Did, owner.Kind)
            )
            .AsNoTracking()
            .ToListAsync(cancellation);

    public static HashSet<uint> LeavesOf(IEnumerable<PendingLeaf> pending) =>
        [.. pending.Select(leaf => leaf.LeafIndex)];

    /// <summary>Refuses a member's commit that does not remove every leaf that waits for its removal.</summary>
    /// <exception cref="RefusedException">LeavePending, with the indices of all leaves that wait.</exception>
    public static void RequireRemoved(IReadOnlyList<PendingLeaf> pending, IEnumerable<uint> removed)
    {
        var gone = removed.ToHashSet();
        if (pending.Any(leaf => !gone.Contains(leaf.LeafIndex)))
            throw (Refusal.LeavePending with { Leaves = [.. LeavesOf(pending).Order()] }).AsException();
    }

    /// <summary>
    /// Adds to the list of an epoch what becomes of pending removals. It stands in the list after the removed leaves
    /// are deleted and before new leaves are inserted. The removal of an account that has no leaf any more is settled:
    /// its row is deleted. For every account whose leaves are left, the proposals of the former epoch are void now. So
    /// the members are asked again to remove these leaves, unless the group lists a key of the service, which then
    /// proposes the removal itself.
    /// </summary>
    /// <param name="joined">
    /// The DID of the account that comes back by an external commit, whose removal is settled whatever leaves it has;
    /// null in a member's commit.
    /// </param>
    public static void Settle(Statements statements, string convoId, long epoch, string? joined, DateTimeOffset now)
    {
        statements.Add(
            $"""
            DELETE FROM pending_removals WHERE convo_id = {convoId} AND (did = {joined ?? ""} OR NOT EXISTS (
                SELECT 1 FROM devices JOIN leaves ON leaves.convo_id = {convoId} AND leaves.device_row = devices.id
                WHERE devices.did = pending_removals.did
            ))
            """
        );
        var asked = OutboxEvent.RemovalRequested(convoId, "", epoch, now);
        int kind = (int)asked.Kind,
            audience = (int)asked.Audience;
        long at = now.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, epoch, did, created_at)
            SELECT {kind}, {audience}, {convoId}, {epoch}, did, {at} FROM pending_removals
            WHERE convo_id = {convoId}
            AND NOT EXISTS (SELECT 1 FROM conversations WHERE id = {convoId} AND signature_key_id IS NOT NULL)
            """
        );
    }
}
