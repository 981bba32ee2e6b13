using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Figures;

/// <summary>Steps that another writer has written, and how far its rows have been read.</summary>
internal sealed record ReadSteps(string Writer, long LastId, IReadOnlyList<FigureStep> Steps);

/// <summary>
/// Writes what this host counted, and reads what the other hosts have written. Every row is written once and read once
/// by each host, so that all hosts come to the same sums.
/// </summary>
public sealed class FigureStore
{
    private const int PageSize = 5000;

    private readonly Database _database;
    private readonly HostIdentity _host;
    private readonly TimeProvider _clock;
    private readonly DateTimeOffset _startedAt;

    internal FigureStore(Database database, HostIdentity host, TimeProvider clock) =>
        (_database, _host, _clock, _startedAt) = (database, host, clock, clock.GetUtcNow());

    /// <summary>
    /// Writes steps of this host, and that the host is there. Steps that were written before, by a transaction whose
    /// answer did not come, are left as they are.
    /// </summary>
    internal Task WriteAsync(IReadOnlyList<FigureStep> steps, bool stopping, CancellationToken cancellation) =>
        _database.WriteAsync(
            async context =>
            {
                var now = _clock.GetUtcNow();
                await SeenAsync(context, now, stopping);
                if (steps.Count == 0)
                    return 0;
                long first = steps.Min(step => step.Number) * FigureStep.Seconds;
                var known = await context
                    .Set<FigureRow>()
                    .Where(row => row.Writer == _host.Id && row.Width == FigureStep.Seconds && row.StartsAt >= first)
                    .Select(row => new { row.StartsAt, row.Cohort })
                    .ToListAsync();
                foreach (var row in steps.Select(step => FigureRow.Of(_host.Id, step)))
                    if (!known.Contains(new { row.StartsAt, row.Cohort }))
                        context.Add(row);
                return steps.Count;
            },
            cancellation
        );

    private async Task SeenAsync(MlsDbContext context, DateTimeOffset now, bool stopping)
    {
        int updated = await context
            .Set<HostRow>()
            .Where(row => row.Id == _host.Id)
            .ExecuteUpdateAsync(set =>
                set.SetProperty(row => row.SeenAt, now)
                    .SetProperty(row => row.StoppedAt, stopping ? now : (DateTimeOffset?)null)
            );
        if (updated == 0)
            context.Add(
                new HostRow
                {
                    Id = _host.Id,
                    Name = _host.Name,
                    StartedAt = _startedAt,
                    SeenAt = now,
                    StoppedAt = stopping ? now : null,
                }
            );
    }

    /// <summary>The runs of hosts that were there after <paramref name="since"/>, this one among them.</summary>
    internal async Task<IReadOnlyList<HostRow>> HostsAsync(DateTimeOffset since, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        return await context.Set<HostRow>().Where(row => row.SeenAt >= since).ToListAsync(cancellation);
    }

    /// <summary>The steps of a writer that come after those that were read, in pages.</summary>
    /// <param name="writer">The writer, never this host's own id.</param>
    /// <param name="after">The id of the writer's last row that was read; 0 before the first.</param>
    /// <param name="since">Older steps are left out.</param>
    /// <param name="cancellation">Ends the reading.</param>
    internal async IAsyncEnumerable<ReadSteps> ReadAsync(
        string writer,
        long after,
        DateTimeOffset since,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation
    )
    {
        long oldest = since.ToUnixTimeSeconds();
        await using var context = _database.Read();
        while (true)
        {
            var rows = await context
                .Set<FigureRow>()
                .Where(row => row.Writer == writer && row.Id > after && row.Width == FigureStep.Seconds)
                .Where(row => row.StartsAt >= oldest)
                .OrderBy(row => row.Id)
                .Take(PageSize)
                .ToListAsync(cancellation);
            if (rows.Count == 0)
                yield break;
            after = rows[^1].Id;
            yield return new(
                writer,
                after,
                [.. rows.Select(row => new FigureStep(row.StartsAt / FigureStep.Seconds, row.Cohort, row.Decode()))]
            );
            if (rows.Count < PageSize)
                yield break;
        }
    }

    /// <summary>All that was ever counted and is still kept, by cohort.</summary>
    public async Task<FigureTable> TotalsAsync(CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var table = new FigureTable();
        await foreach (
            var row in context
                .Set<FigureRow>()
                .Where(row => !row.RolledUp)
                .AsAsyncEnumerable()
                .WithCancellation(cancellation)
        )
            table.Add(row.Cohort, row.Decode());
        return table;
    }
}
