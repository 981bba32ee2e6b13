namespace MlsConsole.Core;

internal static class LogWriting
{
    /// <summary>Appends an entry, with its event, at the sequence number that the first statement took. If it took none, or another commit has the epoch, a constraint breaks.</summary>
    public static void AddToLog(this Statements statements, LogEntry entry)
    {
        long at = entry.CreatedAt.ToUnixTimeMilliseconds();
        statements.Add($"""
            INSERT INTO log (convo_id, seq, kind, epoch, message, sender, external, joined_by, created_at)
            VALUES ({entry.ConvoId}, (SELECT next_seq - 1 FROM conversations WHERE id = {entry.ConvoId}), {(int)entry.Kind}, {entry.Epoch}, {entry.Message}, {entry.Sender}, {entry.External}, {entry.JoinedBy}, {at})
            """);
        var told = OutboxEvent.Of(entry);
        statements.Add($"""
            INSERT INTO outbox (kind, audience, convo_id, log_seq, epoch, created_at)
            VALUES ({(int)told.Kind}, {(int)told.Audience}, {entry.ConvoId}, (SELECT next_seq - 1 FROM conversations WHERE id = {entry.ConvoId}), {entry.Epoch}, {at})
            """);
    }
}
