using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Audit;

/// <summary>
/// The audit log. An entry is written in the transaction of the change that it records; the activity feed tells of the
/// entry after the commit.
/// </summary>
public sealed class AuditLog(Database database, ActivityFeed feed)
{
    /// <summary>Writes one entry in a transaction of its own.</summary>
    public async Task AppendAsync(AuditEntry entry, CancellationToken cancellation)
    {
        await database.WriteAsync(Insert(entry), cancellation);
        Announce(entry);
    }

    /// <summary>
    /// The statement that writes an entry, for a transaction of the caller's. It returns the entry's id.
    /// </summary>
    internal static FormattableString Insert(AuditEntry entry) =>
        $"""
            INSERT INTO audit
            (at, actor, action, subject, outcome, reason, epoch_before, epoch_after, correlation_id, times, details)
            VALUES ({entry.At.ToUnixTimeMilliseconds()}, {entry.Actor}, {entry.Action}, {entry.Subject},
            {entry.Outcome}, {entry.Reason}, {(long?)entry.EpochBefore}, {(long?)entry.EpochAfter},
            {entry.CorrelationId}, {entry.Times}, {entry.Details})
            RETURNING id AS "Value"
            """;

    /// <summary>The newest entries, newest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> LatestAsync(int count, CancellationToken cancellation)
    {
        await using var context = database.Read();
        return await context
            .Set<AuditEntry>()
            .OrderByDescending(entry => entry.Id)
            .Take(count)
            .ToListAsync(cancellation);
    }

    /// <summary>Tells the activity feed of an entry whose transaction has committed.</summary>
    public void Announce(AuditEntry entry) =>
        feed.Publish(
            new AuditEntryAppended
            {
                At = entry.At,
                Action = entry.Action,
                Outcome = entry.Outcome,
                Epoch = entry.EpochAfter,
                CorrelationId = entry.CorrelationId,
            }
        );
}
