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
/// <param name="Expelled">The account that an admin removes from the conversation, whether or not it has a leaf.</param>
/// <param name="Reason">That a person gave.</param>
internal sealed record EpochChange(
    Conversation Conversation,
    PublicGroup Group,
    byte[] Commit,
    byte[] GroupInfo,
    string Sender,
    Join? Join,
    LeafChanges Leaves,
    NewWelcome? Welcome,
    string? Expelled = null,
    string? Reason = null
)
{
    /// <summary>The key of the service that the group of the new epoch lists.</summary>
    public long? SignatureKeyId { get; init; } = Conversation.SignatureKeyId;
}

/// <param name="DeviceRow">The device that joined.</param>
/// <param name="TurnId">The turn that it used, if it had one.</param>
internal sealed record Join(long DeviceRow, string? TurnId);

/// <param name="Removed">Leaves that are blank or held by another device now.</param>
/// <param name="Added">Leaves that a device holds now.</param>
/// <param name="NewDevices">Those of the devices that held none, or held it with another signature key.</param>
/// <param name="LostDids">Accounts whose last leaf another one took away.</param>
internal sealed record LeafChanges(
    IReadOnlyList<uint> Removed,
    IReadOnlyList<(uint LeafIndex, Device Device)> Added,
    IReadOnlyList<Device> NewDevices,
    IReadOnlyList<string> LostDids
)
{
    /// <summary>Of an external commit, whose rules have been checked: what it removes, its own account or its owners wanted removed.</summary>
    public static LeafChanges OfJoin(StagedCommit staged, Device joiner) =>
        new(
            [.. staged.Removed.Select(entry => entry.LeafIndex.Value)],
            [(staged.Committer.Value, joiner)],
            IsNew(staged.CommitterLeaf, staged) ? [joiner] : [],
            []
        );

    /// <summary>With another key a device is a new one: who has an account's tokens can enrol a key of their own for a device that is in.</summary>
    public static bool IsNew(LeafNode leaf, StagedCommit staged) =>
        !staged.Removed.Any(entry => entry.Leaf.SignatureKey.Span.SequenceEqual(leaf.SignatureKey.Span));

    /// <summary>Leaves change with the epoch alone: what is read here after the conversation's row holds if the compare-and-swap does. Whose own account wanted it has not lost its leaf.</summary>
    public static async Task<LeafChanges> DecideAsync(
        MlsDbContext context,
        string convoId,
        IReadOnlyList<uint> removed,
        IReadOnlyList<(uint LeafIndex, Device Device)> added,
        IReadOnlyList<Device> newDevices,
        IReadOnlySet<uint> byOwner,
        CancellationToken cancellation
    )
    {
        if (removed.Count == 0)
            return new(removed, added, newDevices, []);
        var indices = removed.Select(index => (long)index).ToList();
        var gone = await context
            .Set<Leaf>()
            .Where(leaf => leaf.ConvoId == convoId && indices.Contains(leaf.LeafIndex))
            .Join(
                context.Set<Device>(),
                leaf => leaf.DeviceRow,
                device => device.Id,
                (leaf, device) => new { leaf.LeafIndex, device.Did }
            )
            .ToListAsync(cancellation);
        // delivery-service §4: an account counts as removed only if another one takes its last leaf away without an Add for it.
        var lost = gone.Where(row => !byOwner.Contains((uint)row.LeafIndex))
            .Select(row => row.Did)
            .Except(added.Select(entry => entry.Device.Did))
            .ToList();
        if (lost.Count > 0)
            lost =
            [
                .. lost.Except(
                    await context
                        .Set<Leaf>()
                        .Where(leaf => leaf.ConvoId == convoId && !indices.Contains(leaf.LeafIndex))
                        .Join(
                            context.Set<Device>(),
                            leaf => leaf.DeviceRow,
                            device => device.Id,
                            (_, device) => device.Did
                        )
                        .Where(did => lost.Contains(did))
                        .ToListAsync(cancellation)
                ),
            ];
        return new(removed, added, newDevices, lost);
    }
}

/// <summary>The answer to a commit.</summary>
/// <param name="Epoch">The epoch that the commit created.</param>
/// <param name="Seq">Its place in the conversation's log.</param>
/// <param name="AcceptedAt">When it was written.</param>
public sealed record CommitResult(ulong Epoch, long Seq, DateTimeOffset AcceptedAt);

/// <summary>Writes an epoch: compare-and-swap on the conversation's row, then all that belongs to it.</summary>
internal static class EpochWriter
{
    /// <exception cref="RefusedException">EpochMismatch: another commit was first. LeavePending: somebody left in between.</exception>
    public static Task<CommitResult> WriteAsync(
        Attempts attempts,
        Attempt attempt,
        EpochChange change,
        int snapshotInterval,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        ulong from = (ulong)change.Conversation.Epoch,
            to = change.Group.Epoch;
        return attempts.CommitAsync(
            attempt,
            StatementsOf(change, snapshotInterval, now),
            seq => new Done<CommitResult>(new(to, seq, now), from, to, change.Reason),
            (current, left) =>
                current != from ? Refusal.EpochMismatch(current, from)
                : change.Join is null && left >= change.Conversation.NextSeq ? Refusal.LeavePending
                : null,
            cancellation
        );
    }

    private static Statements StatementsOf(EpochChange change, int snapshotInterval, DateTimeOffset now)
    {
        string id = change.Conversation.Id;
        long from = change.Conversation.Epoch,
            to = checked((long)change.Group.Epoch),
            at = now.ToUnixTimeMilliseconds();
        var statements = new Statements(
            $"""
            UPDATE conversations SET epoch = {to}, next_seq = next_seq + 1, group_info = {change.GroupInfo}, group_info_epoch = {to}, group_info_updated_at = {at}
            WHERE id = {id} AND epoch = {from} AND ({change.Join
                is not null} OR left_seq < {change.Conversation.NextSeq}) RETURNING next_seq - 1 AS "Value"
            """
        );
        statements.AddToLog(
            new()
            {
                ConvoId = id,
                Kind = LogKind.Commit,
                Epoch = to,
                Message = change.Commit,
                Sender = change.Sender,
                External = change.Join is not null,
                JoinedBy = change.Join?.DeviceRow,
                CreatedAt = now,
            },
            to
        );
        if (to % snapshotInterval == 0)
            statements.Add(
                $"INSERT INTO snapshots (convo_id, epoch, state) VALUES ({id}, {to}, {change.Group.Snapshot()})"
            );
        if (change.SignatureKeyId != change.Conversation.SignatureKeyId)
            statements.Add($"UPDATE conversations SET signature_key_id = {change.SignatureKeyId} WHERE id = {id}");
        AddLeaves(statements, id, change, now);
        change.Welcome?.AddTo(statements, id, change.Group, now);
        if (change.Join is { TurnId: { } turn } join)
            JoinTurns.End(statements, id, join.DeviceRow, turn);
        return statements;
    }

    private static void AddLeaves(Statements statements, string id, EpochChange change, DateTimeOffset now)
    {
        var leaves = change.Leaves;
        foreach (long index in leaves.Removed)
            statements.Add($"DELETE FROM leaves WHERE convo_id = {id} AND leaf_index = {index}");
        PendingRemovals.Settle(
            statements,
            id,
            (long)change.Group.Epoch,
            change.Join is null ? null : change.Sender,
            now
        );
        foreach (var (index, device) in leaves.Added)
            statements.Add(
                $"INSERT INTO leaves (convo_id, leaf_index, device_row) VALUES ({id}, {(long)index}, {device.Id})"
            );
        RejoinRequests.Answer(statements, id, leaves.Added.Select(entry => entry.Device), now);
        if (change.Conversation.RequiresApproval)
            foreach (var (_, device) in leaves.Added)
                Approvals.Use(statements, id, device, now);
        foreach (var device in leaves.NewDevices)
            statements.AddEvent(OutboxEvent.NewDevice(id, device.Did, device.DeviceId, now));
        foreach (string did in leaves.LostDids.Union(change.Expelled is { } expelled ? [expelled] : []))
            Roster.Remove(statements, id, did, now);
        foreach (string did in leaves.Added.Select(entry => entry.Device.Did).Distinct())
        {
            // After its leaf: a ban from the service waits for that, or is there to be seen.
            Ban.Forbid(statements, did, id);
            Roster.Join(statements, id, did, now);
        }
    }
}
