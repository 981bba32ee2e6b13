using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Outbox;

internal static class OutboxWriting
{
    /// <summary>Tells an event if, and only if, the transaction of this context commits.</summary>
    public static void AddEvent(this MlsDbContext context, OutboxEvent happened) => context.Add(happened);

    /// <summary>The same for a list of statements.</summary>
    public static void AddEvent(this Statements statements, OutboxEvent happened) =>
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, epoch, did, device_id, detail, created_at)
            VALUES ({(int)happened.Kind}, {(int)
                happened.Audience}, {happened.ConvoId}, {happened.Epoch}, {happened.Did}, {happened.DeviceId}, {happened.Detail}, {happened.CreatedAt.ToUnixTimeMilliseconds()})
            """
        );
}
