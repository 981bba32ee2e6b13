using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Storage;

/// <summary>A duty that exactly one of several hosts does at a time, and how far it has come.</summary>
internal sealed class Lease
{
    public required string Name { get; init; }

    /// <summary>The host that has it; a name of its own for each process.</summary>
    public required string Holder { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The last number that the duty gave out.</summary>
    public long Position { get; init; }

    /// <summary>What belongs to that number; null where a duty needs nothing.</summary>
    public byte[]? Hash { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Lease>
    {
        public void Configure(EntityTypeBuilder<Lease> builder)
        {
            builder.ToTable("leases");
            builder.HasKey(lease => lease.Name);
        }
    }
}

/// <summary>Takes leases. The row is taken in the transaction of the work that it is for, so its lock excludes a second worker whatever the hosts' clocks say; the time only keeps the others from trying.</summary>
internal sealed class Leases(TimeProvider clock)
{
    /// <summary>How long a host that was killed keeps the others waiting.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    private readonly string _holder = Guid.NewGuid().ToString("N");

    /// <summary>Takes or renews a lease in the caller's transaction.</summary>
    /// <returns>Where the duty stands, or null if another host has it.</returns>
    public async Task<Lease?> TakeAsync(MlsDbContext context, string name)
    {
        long now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
            expires = now + (long)Duration.TotalMilliseconds;
        int taken = await context.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO leases (name, holder, expires_at, position) VALUES ({name}, {_holder}, {expires}, 0)
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
            WHERE leases.holder = excluded.holder OR leases.expires_at < {now}
            """
        );
        return taken == 0 ? null : await context.Set<Lease>().AsNoTracking().SingleAsync(lease => lease.Name == name);
    }

    /// <summary>Whether another host has the lease: then there is no reason to open a transaction.</summary>
    public Task<bool> IsOthersAsync(MlsDbContext context, string name, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        return context
            .Set<Lease>()
            .AnyAsync(lease => lease.Name == name && lease.Holder != _holder && lease.ExpiresAt >= now, cancellation);
    }
}
