using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>Everything that one accepted commit changes, verified and ready to be written.</summary>
/// <param name="Conversation">As it was read before verification.</param>
/// <param name="Group">The group of the new epoch.</param>
/// <param name="Commit">MLSMessage.</param>
/// <param name="GroupInfo">MLSMessage of the new epoch.</param>
/// <param name="Sender">The committer's account.</param>
/// <param name="Join">Of an external commit; null for a member's.</param>
/// <param name="Leaves">The leaves that changed hands.</param>
/// <param name="Welcome">For the members that it adds.</param>
/// <param name="Pending">The leaves that waited for their removal when it was verified.</param>
/// <param name="Expelled">The account that an admin removes from the conversation, whether or not it has a leaf.</param>
internal sealed record EpochChange(
    Conversation Conversation, PublicGroup Group, byte[] Commit, byte[] GroupInfo, string Sender, Join? Join, LeafChanges Leaves, NewWelcome? Welcome, IReadOnlyList<PendingLeaf> Pending, string? Expelled = null);

/// <param name="DeviceRow">The device that joined.</param>
/// <param name="TurnId">The turn that it used, if it had one.</param>
internal sealed record Join(long DeviceRow, string? TurnId);

/// <param name="Removed">Leaves that are blank or held by another device now.</param>
/// <param name="Added">Leaves that a device holds now.</param>
/// <param name="ByOwner">Those of the removed whose own account wanted it.</param>
internal sealed record LeafChanges(IReadOnlyList<uint> Removed, IReadOnlyList<(uint LeafIndex, Device Device)> Added, IReadOnlySet<uint> ByOwner);

/// <summary>The answer to a commit.</summary>
/// <param name="Epoch">The epoch that the commit created.</param>
/// <param name="Seq">Its place in the conversation's log.</param>
/// <param name="AcceptedAt">When it was written.</param>
public sealed record CommitResult(ulong Epoch, long Seq, DateTimeOffset AcceptedAt);

/// <summary>Writes an epoch: compare-and-swap on the conversation's row, then all that belongs to it, in the transaction of the caller.</summary>
internal static class EpochWriter
{
    /// <exception cref="RefusedException">EpochMismatch: another commit was first. LeavePending: somebody left in between.</exception>
    public static async Task<CommitResult> WriteAsync(MlsDbContext context, EpochChange change, int snapshotInterval, DateTimeOffset now)
    {
        string id = change.Conversation.Id;
        long from = change.Conversation.Epoch, to = checked((long)change.Group.Epoch);
        long at = now.ToUnixTimeMilliseconds();
        var seqs = await context.Database.SqlQuery<long>($"""
            UPDATE conversations SET epoch = {to}, next_seq = next_seq + 1, group_info = {change.GroupInfo}, group_info_epoch = {to}, group_info_updated_at = {at}
            WHERE id = {id} AND epoch = {from}
                AND ({change.Join is not null} OR NOT EXISTS (SELECT 1 FROM pending_removals WHERE convo_id = {id} AND kind = 1 AND seq >= {change.Conversation.NextSeq}))
            RETURNING next_seq - 1 AS "Value"
            """).ToListAsync();
        if (seqs.Count == 0)
        {
            long current = await context.Set<Conversation>().AsNoTracking().Where(row => row.Id == id).Select(row => row.Epoch).SingleAsync();
            // In the same epoch somebody left after the commit was verified.
            throw (current == from ? Refusal.LeavePending : Refusal.EpochMismatch((ulong)current, (ulong)from)).AsException();
        }
        var logged = new LogEntry { ConvoId = id, Seq = seqs[0], Kind = LogKind.Commit, Epoch = to, Message = change.Commit, Sender = change.Sender, External = change.Join is not null, JoinedBy = change.Join?.DeviceRow, CreatedAt = now };
        context.Add(logged);
        context.AddEvent(OutboxEvent.Of(logged));
        if (to % snapshotInterval == 0) context.Add(new Snapshot { ConvoId = id, Epoch = to, State = change.Group.Snapshot() });
        await WriteLeavesAsync(context, id, change, now);
        await PendingRemovals.SettleAsync(context, id, to, change.Pending, change.Leaves, now);
        if (change.Welcome is { } welcome) welcome.AddTo(context, id, change.Group, now);
        if (change.Join is { TurnId: { } turn } join) await JoinTurns.EndAsync(context, id, join.DeviceRow, turn);
        return new(change.Group.Epoch, seqs[0], now);
    }

    private static async Task WriteLeavesAsync(MlsDbContext context, string id, EpochChange change, DateTimeOffset now)
    {
        var (removed, added, byOwner) = change.Leaves;
        if (removed.Count == 0 && added.Count == 0 && change.Expelled is null) return;
        var indices = removed.Select(index => (long)index).ToList();
        var gone = await context.Set<Leaf>().Where(leaf => leaf.ConvoId == id && indices.Contains(leaf.LeafIndex))
            .Join(context.Set<Device>(), leaf => leaf.DeviceRow, device => device.Id, (leaf, device) => new { leaf.LeafIndex, device.Id, device.Did }).ToListAsync();
        var removedDids = gone.Where(row => !byOwner.Contains((uint)row.LeafIndex)).Select(device => device.Did).Distinct().ToList();
        await context.Set<Leaf>().Where(leaf => leaf.ConvoId == id && indices.Contains(leaf.LeafIndex)).ExecuteDeleteAsync();
        context.AddRange(added.Select(entry => new Leaf { ConvoId = id, LeafIndex = entry.LeafIndex, DeviceRow = entry.Device.Id }));
        foreach (var (_, device) in added)
            if (!gone.Exists(row => row.Id == device.Id)) context.AddEvent(OutboxEvent.NewDevice(id, device.Did, device.DeviceId, now));

        // §4: an account counts as removed only if another one takes its last leaf away without an Add for it.
        var addedDids = added.Select(entry => entry.Device.Did).Distinct().ToList();
        var lost = removedDids.Where(did => !addedDids.Contains(did)).ToList();
        if (change.Expelled is { } expelled && !lost.Contains(expelled)) lost.Add(expelled);
        var touched = lost.Concat(addedDids).ToList();
        var entries = await context.Set<RosterEntry>().AsTracking().Where(entry => entry.ConvoId == id && touched.Contains(entry.Did)).ToDictionaryAsync(entry => entry.Did);
        if (lost.Count > 0)
        {
            var still = await context.Set<Leaf>().Where(leaf => leaf.ConvoId == id)
                .Join(context.Set<Device>(), leaf => leaf.DeviceRow, device => device.Id, (_, device) => device.Did).Where(did => lost.Contains(did)).Distinct().ToListAsync();
            foreach (string did in lost.Except(still))
            {
                if (!entries.TryGetValue(did, out var entry) || entry.State != RosterState.Member) continue;
                (entry.State, entry.EndedAt, entry.IsAdmin) = (RosterState.Removed, now, false);
                context.AddEvent(OutboxEvent.Membership(id, did, MembershipChange.Removed, now));
            }
        }
        foreach (string did in addedDids)
        {
            if (!entries.TryGetValue(did, out var entry) || entry.State != RosterState.Member) context.AddEvent(OutboxEvent.Membership(id, did, MembershipChange.Joined, now));
            if (entry is not null) (entry.State, entry.EndedAt) = (RosterState.Member, null);
            else context.Add(new RosterEntry { ConvoId = id, Did = did, State = RosterState.Member, JoinedAt = now });
        }
    }
}
