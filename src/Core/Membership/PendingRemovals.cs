using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <param name="LeafIndex">A leaf that waits for its removal.</param>
internal sealed record PendingLeaf(uint LeafIndex, string Did, PendingKind Kind);

/// <summary>Leaves of accounts that left or were banned.</summary>
internal static class PendingRemovals
{
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

    /// <summary>A member's commit leaves the leaves of everybody who is gone blank.</summary>
    /// <exception cref="RefusedException">LeavePending</exception>
    public static void RequireRemoved(IReadOnlyList<PendingLeaf> pending, IEnumerable<uint> removed)
    {
        var gone = removed.ToHashSet();
        if (pending.Any(leaf => !gone.Contains(leaf.LeafIndex)))
            throw (Refusal.LeavePending with { Leaves = [.. LeavesOf(pending).Order()] }).AsException();
    }

    /// <summary>In the list of an epoch, when its leaves are blank and nobody has one anew: settles who has no leaf any more. Whose leaves are left behind, members are asked to remove, unless the service can propose it: proposals of the epoch before are void.</summary>
    /// <param name="joined">The account that comes back by itself, whatever leaves it has; null in a member's commit.</param>
    public static void Settle(Statements statements, string convoId, long epoch, string? joined, DateTimeOffset now)
    {
        statements.Add(
            $"""
            DELETE FROM pending_removals WHERE convo_id = {convoId} AND (did = {joined ?? ""} OR NOT EXISTS (
                SELECT 1 FROM devices JOIN leaves ON leaves.convo_id = {convoId} AND leaves.device_row = devices.id WHERE devices.did = pending_removals.did))
            """
        );
        var asked = OutboxEvent.RemovalRequested(convoId, "", epoch, now);
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, epoch, did, created_at)
            SELECT {(int)asked.Kind}, {(int)
                asked.Audience}, {convoId}, {epoch}, did, {now.ToUnixTimeMilliseconds()} FROM pending_removals WHERE convo_id = {convoId}
            AND NOT EXISTS (SELECT 1 FROM conversations WHERE id = {convoId} AND signature_key_id IS NOT NULL)
            """
        );
    }
}
