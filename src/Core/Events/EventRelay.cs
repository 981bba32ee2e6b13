using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Events;

/// <summary>Gives events their places in the stream, without gaps and in the order of commits.</summary>
/// <remarks>
/// Ids come from a counter that transactions take before they commit, so a smaller id can appear after a greater one. A
/// place is given only to what is there to be seen, under a lease that one host has, so nothing ever appears behind a
/// reader who has gone past it.
/// </remarks>
public sealed class EventRelay
{
    internal const string LeaseName = "events";
    private const int Batch = 1000;

    private readonly Database _database;
    private readonly Leases _leases;

    internal EventRelay(Database database, Leases leases) => (_database, _leases) = (database, leases);

    /// <summary>
    /// Gives places to the events that have none. A batch that is not full is the last one: events that are written
    /// meanwhile wait for the next call, because under load this call would never end otherwise.
    /// </summary>
    /// <returns>How many events got a place; 0 if there are none without, or if another host is the relay.</returns>
    public async Task<int> RelayAsync(CancellationToken cancellation)
    {
        int relayed = 0;
        await using var context = _database.Read();
        while (
            await context.Set<OutboxEvent>().AnyAsync(row => row.Seq == null, cancellation)
            && !await _leases.IsOthersAsync(context, LeaseName, cancellation)
        )
        {
            int count = await _database.WriteAsync(RelayBatchAsync, cancellation);
            relayed += count;
            if (count < Batch)
                break;
        }
        return relayed;
    }

    internal async Task<int> RelayBatchAsync(MlsDbContext context)
    {
        if (await _leases.TakeAsync(context, LeaseName) is not { } lease)
            return 0;
        int count = await context.Database.ExecuteSqlAsync(
            $"""
            UPDATE outbox SET seq = {lease.Position} + waiting.place
            FROM (
                SELECT id, row_number() OVER (ORDER BY id) AS place FROM outbox
                WHERE seq IS NULL ORDER BY id LIMIT {Batch}
            ) AS waiting
            WHERE outbox.id = waiting.id
            """
        );
        await context
            .Set<Lease>()
            .Where(row => row.Name == LeaseName)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Position, row => row.Position + count));
        return count;
    }
}
