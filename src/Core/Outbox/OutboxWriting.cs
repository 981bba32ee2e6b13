using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Outbox;

internal static class OutboxWriting
{
    /// <summary>
    /// Adds an event to what the context writes: the event is told if, and only if, the transaction of the context
    /// commits.
    /// </summary>
    public static void AddEvent(this MlsDbContext context, OutboxEvent happened) => context.Add(happened);

    /// <summary>
    /// Adds an event to a list of statements: the event is told if, and only if, the list is written.
    /// </summary>
    public static void AddEvent(this Statements statements, OutboxEvent happened)
    {
        int kind = (int)happened.Kind,
            audience = (int)happened.Audience;
        long at = happened.CreatedAt.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, epoch, did, device_id, detail, created_at)
            VALUES (
                {kind}, {audience}, {happened.ConvoId}, {happened.Epoch}, {happened.Did}, {happened.DeviceId},
                {happened.Detail}, {at}
            )
            """
        );
    }
}
