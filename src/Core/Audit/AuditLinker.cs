using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Audit;

/// <summary>
/// Links audit entries into the chain, some time after the entries were written. So commits of different conversations
/// never wait for each other to get a place in the chain.
/// </summary>
/// <remarks>
/// One linker works at a time, however many hosts there are. If the linker's host is killed in the middle of a batch,
/// the entries of the batches before stay linked.
/// </remarks>
public sealed class AuditLinker
{
    internal const string LeaseName = "audit";
    private const int Batch = 500;

    private readonly Database _database;
    private readonly Leases _leases;

    internal AuditLinker(Database database, Leases leases) => (_database, _leases) = (database, leases);

    /// <summary>
    /// Links the unlinked entries in the order of their ids. A batch that is not full is the last one: entries that are
    /// written meanwhile wait for the next call, because under load this call would never end otherwise.
    /// </summary>
    /// <returns>How many entries were linked; 0 if there are none, or if another host is the linker.</returns>
    public async Task<int> LinkAsync(CancellationToken cancellation)
    {
        int linked = 0;
        await using var context = _database.Read();
        while (
            await context.Set<AuditEntry>().AnyAsync(entry => entry.Position == null, cancellation)
            && !await _leases.IsOthersAsync(context, LeaseName, cancellation)
        )
        {
            int count = await _database.WriteAsync(LinkBatchAsync, cancellation);
            linked += count;
            if (count < Batch)
                break;
        }
        return linked;
    }

    internal async Task<int> LinkBatchAsync(MlsDbContext context)
    {
        if (await _leases.TakeAsync(context, LeaseName) is not { } lease)
            return 0;
        var entries = await context
            .Set<AuditEntry>()
            .AsTracking()
            .Where(entry => entry.Position == null)
            .OrderBy(entry => entry.Id)
            .Take(Batch)
            .ToListAsync();
        var (position, hash) = (lease.Position, lease.Hash ?? AuditChain.Start);
        foreach (var entry in entries)
        {
            hash = AuditChain.HashOf(entry, ++position, hash);
            context.Entry(entry).Property(row => row.Position).CurrentValue = position;
            context.Entry(entry).Property(row => row.Hash).CurrentValue = hash;
        }
        await context
            .Set<Lease>()
            .Where(row => row.Name == LeaseName)
            .ExecuteUpdateAsync(set =>
                set.SetProperty(row => row.Position, position).SetProperty(row => row.Hash, hash)
            );
        return entries.Count;
    }
}
