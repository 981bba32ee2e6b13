using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.RateLimits;

/// <summary>Counts for each key and window of time that all hosts over one database share.</summary>
public sealed class RateWindows(Database database, TimeProvider clock)
{
    private long _nextPurge;

    /// <summary>Adds to the count of a key in a window.</summary>
    /// <param name="key">What is counted, as a hash, so that no name of a user stands in the table.</param>
    /// <param name="start">When the window starts.</param>
    /// <param name="length">How long a window is. Counts of windows before the last one are deleted.</param>
    /// <param name="amount">How much is added to the count.</param>
    /// <returns>The count before the amount was added.</returns>
    public async Task<long> AddAsync(byte[] key, DateTimeOffset start, TimeSpan length, long amount)
    {
        long window = start.ToUnixTimeMilliseconds(),
            last = window - (long)length.TotalMilliseconds;
        long now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (now > Interlocked.Read(ref _nextPurge))
        {
            Interlocked.Exchange(ref _nextPurge, now + 60_000);
            await database.WriteAsync(
                context => context.Database.ExecuteSqlAsync($"DELETE FROM rate_windows WHERE window_start < {last}"),
                CancellationToken.None
            );
        }
        long? count = await database.WriteAsync(
            $"""
            INSERT INTO rate_windows (key, window_start, used) VALUES ({key}, {window}, {amount})
            ON CONFLICT (key, window_start) DO UPDATE SET used = rate_windows.used + excluded.used
            RETURNING used AS "Value"
            """,
            CancellationToken.None
        );
        return count!.Value - amount;
    }

    internal sealed class Row
    {
        public required byte[] Key { get; init; }
        public DateTimeOffset WindowStart { get; init; }
        public long Used { get; init; }

        internal sealed class Table : IEntityTypeConfiguration<Row>
        {
            public void Configure(EntityTypeBuilder<Row> builder)
            {
                builder.ToTable("rate_windows");
                builder.HasKey(row => new { row.Key, row.WindowStart });
                builder.HasIndex(row => row.WindowStart);
            }
        }
    }
}
