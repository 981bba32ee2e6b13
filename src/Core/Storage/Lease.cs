using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Storage;

/// <summary>A duty that one host at a time does, and how far the duty has come.</summary>
internal sealed class Lease
{
    public required string Name { get; init; }

    /// <summary>The host that has the lease: an id that each process makes for itself.</summary>
    public required string Holder { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>
    /// The last number that the duty has given out, for example the last position in the audit chain; 0 before the
    /// first.
    /// </summary>
    public long Position { get; init; }

    /// <summary>
    /// The hash that belongs to that number; null before the first number, and for a duty that has no hashes.
    /// </summary>
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

/// <summary>
/// Takes leases. A lease is taken in the transaction of the work that the lease is for. So the lock of the lease's row
/// excludes a second worker, even if the clocks of the hosts disagree; the time in the row only keeps the other hosts
/// from trying.
/// </summary>
internal sealed class Leases(HostIdentity host, TimeProvider clock)
{
    /// <summary>
    /// How long a lease lasts, and so how long the other hosts wait after the host that has the lease was killed.
    /// </summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    /// <summary>Takes or renews a lease in the transaction of <paramref name="context"/>.</summary>
    /// <returns>The lease, which says how far the duty has come; null if another host has the lease.</returns>
    public async Task<Lease?> TakeAsync(MlsDbContext context, string name)
    {
        long now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
            expires = now + (long)Duration.TotalMilliseconds;
        int taken = await context.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO leases (name, holder, expires_at, position) VALUES ({name}, {host.Id}, {expires}, 0)
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
            WHERE leases.holder = excluded.holder OR leases.expires_at < {now}
            """
        );
        return taken == 0 ? null : await context.Set<Lease>().AsNoTracking().SingleAsync(lease => lease.Name == name);
    }

    /// <summary>Whether another host has the lease, so that there is no reason to begin a transaction.</summary>
    public Task<bool> IsOthersAsync(MlsDbContext context, string name, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        return context
            .Set<Lease>()
            .AnyAsync(lease => lease.Name == name && lease.Holder != host.Id && lease.ExpiresAt >= now, cancellation);
    }
}
