using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Audit;

/// <summary>The audit log. An entry is written in the transaction of what it records; listeners hear of it after the commit.</summary>
public sealed class AuditLog(Database database)
{
    /// <summary>Raised after an entry is on disk. Handlers must not block; what they throw is theirs to catch.</summary>
    public event Action<AuditEntry>? Appended;

    /// <summary>Writes one entry in a transaction of its own.</summary>
    public async Task AppendAsync(AuditEntry entry, CancellationToken cancellation)
    {
        await database.WriteAsync(Insert(entry), cancellation);
        Announce(entry);
    }

    /// <summary>The statement that writes an entry, for those whose transaction it belongs to; it returns the entry's id.</summary>
    internal static FormattableString Insert(AuditEntry entry) =>
        $"""
            INSERT INTO audit (at, actor, action, subject, outcome, reason, epoch_before, epoch_after, correlation_id, times)
            VALUES ({entry.At.ToUnixTimeMilliseconds()}, {entry.Actor}, {entry.Action}, {entry.Subject}, {entry.Outcome}, {entry.Reason}, {(long?)
                entry.EpochBefore}, {(long?)entry.EpochAfter}, {entry.CorrelationId}, {entry.Times})
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

    /// <summary>Tells listeners of an entry whose transaction has committed.</summary>
    public void Announce(AuditEntry entry) => Appended?.Invoke(entry);
}
