using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core;

/// <summary>The audit log. An entry is written in the transaction of what it records; listeners hear of it after the commit.</summary>
public sealed class AuditLog(Database database)
{
    /// <summary>Raised after an entry is on disk. Handlers must not block; what they throw is theirs to catch.</summary>
    public event Action<AuditEntry>? Appended;

    /// <summary>Writes one entry in a transaction of its own.</summary>
    public async Task AppendAsync(AuditEntry entry, CancellationToken cancellation)
    {
        await database.WriteAsync(context =>
        {
            context.Add(entry);
            return Task.FromResult(0);
        }, cancellation);
        Announce(entry);
    }

    /// <summary>The newest entries, newest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> LatestAsync(int count, CancellationToken cancellation)
    {
        await using var context = database.Read();
        return await context.Set<AuditEntry>().OrderByDescending(entry => entry.Id).Take(count).ToListAsync(cancellation);
    }

    /// <summary>Tells listeners of an entry whose transaction has committed.</summary>
    public void Announce(AuditEntry entry) => Appended?.Invoke(entry);
}
