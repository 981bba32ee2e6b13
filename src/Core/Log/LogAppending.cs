using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Log;

internal static class LogAppending
{
    /// <summary>Appends an entry, with its event, at the sequence number that the first statement took.</summary>
    /// <param name="statements">The first took the number, if the conversation is at an epoch from that of the entry to <paramref name="lastEpoch"/>. If not, or if the sender is banned, a constraint breaks: there is no number, or another commit has the epoch.</param>
    /// <param name="entry">Without its number.</param>
    /// <param name="lastEpoch">The last epoch of the conversation at which the entry is taken.</param>
    public static void AddToLog(this Statements statements, LogEntry entry, long lastEpoch)
    {
        long at = entry.CreatedAt.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO log (convo_id, seq, kind, epoch, message, sender, external, joined_by, created_at)
            VALUES ({entry.ConvoId}, (SELECT next_seq - 1 FROM conversations WHERE id = {entry.ConvoId} AND epoch >= {entry.Epoch} AND epoch <= {lastEpoch}),
                {(int)
                entry.Kind}, {entry.Epoch}, {entry.Message}, {entry.Sender}, {entry.External}, {entry.JoinedBy}, {at})
            """
        );
        Ban.Forbid(statements, entry.Sender, entry.ConvoId);
        var told = OutboxEvent.Of(entry);
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, log_seq, epoch, created_at)
            VALUES ({(int)told.Kind}, {(int)
                told.Audience}, {entry.ConvoId}, (SELECT next_seq - 1 FROM conversations WHERE id = {entry.ConvoId}), {entry.Epoch}, {at})
            """
        );
    }
}
