using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Calls;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Epochs;

/// <summary>
/// Writes an epoch (delivery-service §6.1) as one list of statements: first the compare-and-swap on the epoch in the
/// conversation's row, then everything else that the commit changes.
/// </summary>
internal static class EpochWriter
{
    /// <summary>The change that writes an epoch.</summary>
    /// <param name="epoch">What the commit changes, verified against the conversation as it was read.</param>
    /// <param name="snapshotInterval">After so many epochs each the group's public state is stored.</param>
    /// <param name="now">When the commit was accepted.</param>
    /// <param name="written">Called when the epoch is on disk.</param>
    /// <param name="otherReason">
    /// Called when the statements did not hold although the epoch is still the current one and nobody has left. It
    /// looks for another reason and throws the refusal for what it finds.
    /// </param>
    /// <returns>
    /// A change that is refused with EpochMismatch if another commit was first, and with LeavePending if somebody left
    /// after a member's commit was verified.
    /// </returns>
    public static Change<CommitResult> ChangeOf(
        EpochChange epoch,
        int snapshotInterval,
        DateTimeOffset now,
        Action<CommitResult> written,
        Func<Task>? otherReason = null
    )
    {
        ulong from = (ulong)epoch.Conversation.Epoch,
            to = epoch.Group.Epoch;
        return new StatementsChange<CommitResult>(
            StatementsOf(epoch, snapshotInterval, now),
            seq => new(new(to, seq, now), from, to, epoch.Reason),
            WhyOvertakenAsync
        )
        {
            Written = written,
        };

        async Task<Refusal?> WhyOvertakenAsync(ulong current, long leftSeq)
        {
            if (current != from)
                return Refusal.EpochMismatch(current, from);
            if (epoch.Join is null && leftSeq >= epoch.Conversation.NextSeq)
                return Refusal.LeavePending;
            if (otherReason is not null)
                await otherReason();
            return null;
        }
    }

    private static Statements StatementsOf(EpochChange change, int snapshotInterval, DateTimeOffset now)
    {
        string id = change.Conversation.Id;
        long from = change.Conversation.Epoch,
            to = checked((long)change.Group.Epoch),
            at = now.ToUnixTimeMilliseconds();
        // A member's commit is not written if somebody left after the conversation was read, because the commit does
        // not remove the leaves that wait since then. An external commit is written: it could not remove them anyway.
        bool isExternal = change.Join is not null;
        var statements = new Statements(
            $"""
            UPDATE conversations SET epoch = {to}, next_seq = next_seq + 1,
                group_info = {change.GroupInfo}, group_info_epoch = {to}, group_info_updated_at = {at}
            WHERE id = {id} AND epoch = {from} AND ({isExternal} OR left_seq < {change.Conversation.NextSeq})
            RETURNING next_seq - 1 AS "Value"
            """
        );
        statements.AppendUnlessBanned(
            new()
            {
                ConvoId = id,
                Kind = LogKind.Commit,
                Epoch = to,
                Message = change.Commit,
                Sender = change.Sender,
                External = isExternal,
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
            JoinTurnConductor.EndTurn(statements, id, join.DeviceRow, turn);
        return statements;
    }

    /// <summary>
    /// Adds what follows from the leaves that change: for the leaves themselves, and for their devices and accounts.
    /// </summary>
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
                ApprovalRequirement.Use(statements, id, device, now);
        foreach (var device in leaves.NewDevices)
            statements.AddEvent(OutboxEvent.NewDevice(id, device.Did, device.DeviceId, now));
        foreach (string did in leaves.LostDids.Union(change.Expelled is { } expelled ? [expelled] : []))
            Roster.Remove(statements, id, did, now);
        foreach (string did in leaves.Added.Select(entry => entry.Device.Did).Distinct())
        {
            // This statement comes after that of the account's leaf. A ban from the service that is written at the same
            // time waits for the row of the leaf's device, and then sees the leaf; or the ban is written already, and
            // this statement sees the ban.
            Ban.BreakIfBanned(statements, did, id);
            Roster.Join(statements, id, did, now);
        }
    }
}
