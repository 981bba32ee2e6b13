using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Figures;

/// <summary>
/// Adds steps of five seconds to the sums of their minutes, and minutes to the sums of their hours, each exactly once
/// whatever order they come in, and deletes what is older than its retention.
/// </summary>
public sealed class FigureRollUp
{
    /// <summary>How long the steps of each length are kept.</summary>
    public static readonly TimeSpan StepRetention = LiveFigures.Horizon,
        MinuteRetention = TimeSpan.FromDays(35),
        HourRetention = TimeSpan.FromDays(396);

    internal const string LeaseName = "figures";
    private const int Minute = 60,
        Hour = 3600,
        Batch = 500;

    /// <summary>
    /// A minute is summed up when most of its steps are there, so that its row is not written again and again.
    /// </summary>
    private static readonly TimeSpan s_settled = TimeSpan.FromMinutes(1);

    private readonly Database _database;
    private readonly Leases _leases;
    private readonly TimeProvider _clock;

    internal FigureRollUp(Database database, Leases leases, TimeProvider clock) =>
        (_database, _leases, _clock) = (database, leases, clock);

    /// <summary>Sums up and deletes in transactions of bounded size, if it is this host's turn.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (await _database.WriteAsync(context => BatchAsync(context, FigureStep.Seconds, Minute), cancellation)) { }
        while (await _database.WriteAsync(context => BatchAsync(context, Minute, Hour), cancellation)) { }
        var now = _clock.GetUtcNow();
        await DeleteAsync(FigureStep.Seconds, now - StepRetention, cancellation);
        await DeleteAsync(Minute, now - MinuteRetention, cancellation);
        await DeleteAsync(Hour, now - HourRetention, cancellation);
        await _database.WriteAsync(
            context => context.Set<HostRow>().Where(row => row.SeenAt < now - MinuteRetention).ExecuteDeleteAsync(),
            cancellation
        );
    }

    /// <returns>Whether there may be more to sum up.</returns>
    internal async Task<bool> BatchAsync(MlsDbContext context, int width, int into)
    {
        if (await _leases.TakeAsync(context, LeaseName) is null)
            return false;
        long until = (_clock.GetUtcNow() - s_settled).ToUnixTimeSeconds() / into * into;
        var rows = await context
            .Set<FigureRow>()
            .AsTracking()
            .Where(row => row.Width == width && !row.RolledUp && row.StartsAt < until)
            .OrderBy(row => row.Id)
            .Take(Batch)
            .ToListAsync();
        foreach (var sum in rows.GroupBy(row => (StartsAt: row.StartsAt / into * into, row.Cohort)))
        {
            var counts = new FigureCounts();
            foreach (var row in sum)
            {
                counts.Add(row.Decode());
                row.RolledUp = true;
            }
            await AddAsync(context, into, sum.Key.StartsAt, sum.Key.Cohort, counts);
        }
        return rows.Count == Batch;
    }

    private static async Task AddAsync(
        MlsDbContext context,
        int width,
        long startsAt,
        Cohort cohort,
        FigureCounts counts
    )
    {
        var known = await context
            .Set<FigureRow>()
            .AsTracking()
            .SingleOrDefaultAsync(row =>
                row.Writer == "" && row.Width == width && row.StartsAt == startsAt && row.Cohort == cohort
            );
        if (known is null)
        {
            known = new FigureRow
            {
                Writer = "",
                Width = width,
                StartsAt = startsAt,
                Cohort = cohort,
                Counts = "{}",
                Outcomes = "[]",
                Latency = [],
            };
            context.Add(known);
        }
        var sum = known.Decode();
        sum.Add(counts);
        known.Encode(sum);
        // A late step: its minute is in the sum of the hour already, so the hour needs what the minute got.
        if (known.RolledUp)
            await AddAsync(context, Hour, startsAt / Hour * Hour, cohort, counts);
    }

    private async Task DeleteAsync(int width, DateTimeOffset before, CancellationToken cancellation)
    {
        long oldest = before.ToUnixTimeSeconds();
        bool more = true;
        while (more)
            more =
                await _database.WriteAsync(
                    context =>
                        context
                            .Set<FigureRow>()
                            .Where(row => row.Width == width && row.StartsAt < oldest)
                            .Where(row => row.RolledUp || width == Hour)
                            .OrderBy(row => row.StartsAt)
                            .Take(Batch)
                            .ExecuteDeleteAsync(),
                    cancellation
                ) == Batch;
    }
}
