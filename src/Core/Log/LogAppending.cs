using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Log;

internal static class LogAppending
{
    /// <summary>
    /// Adds to a list of statements that an entry and its event are written, unless the sender is banned: the entry is
    /// appended to the conversation's log, at the sequence number that the first statement of the list has taken, and
    /// the event tells the entry to the members.
    /// </summary>
    /// <param name="statements">
    /// Their first statement takes a sequence number, if the conversation's epoch is at least that of the entry and at
    /// most <paramref name="lastEpoch"/>. If the conversation is in another epoch, the whole list fails here: the entry
    /// has no number, or the log has another commit of its epoch. The list also fails if the sender is banned from the
    /// conversation or from the service.
    /// </param>
    /// <param name="entry">The entry, whose sequence number is not known yet.</param>
    /// <param name="lastEpoch">The last epoch of the conversation in which the entry is taken.</param>
    public static void AppendUnlessBanned(this Statements statements, LogEntry entry, long lastEpoch)
    {
        var told = OutboxEvent.Of(entry);
        int logKind = (int)entry.Kind,
            eventKind = (int)told.Kind,
            audience = (int)told.Audience;
        long at = entry.CreatedAt.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO log (convo_id, seq, kind, epoch, message, sender, external, joined_by, created_at)
            VALUES (
                {entry.ConvoId},
                (
                    SELECT next_seq - 1 FROM conversations
                    WHERE id = {entry.ConvoId} AND epoch >= {entry.Epoch} AND epoch <= {lastEpoch}
                ),
                {logKind}, {entry.Epoch}, {entry.Message}, {entry.Sender}, {entry.External}, {entry.JoinedBy}, {at}
            )
            """
        );
        Ban.BreakIfBanned(statements, entry.Sender, entry.ConvoId);
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, log_seq, epoch, created_at)
            VALUES (
                {eventKind}, {audience}, {entry.ConvoId},
                (SELECT next_seq - 1 FROM conversations WHERE id = {entry.ConvoId}), {entry.Epoch}, {at}
            )
            """
        );
    }
}
