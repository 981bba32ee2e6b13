using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Forks;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Retention;

/// <summary>
/// Deletes what is too old: events, acknowledgements, application messages, answers kept for retries, requests to be
/// added again, and places in lines of joiners (delivery-service §14). Commits and proposals stay, because groups are
/// rebuilt from them.
/// </summary>
public sealed class Pruning
{
    /// <summary>How long a call that is sent again gets its first answer.</summary>
    internal static readonly TimeSpan AnswerRetention = TimeSpan.FromDays(2);

    private const int Batch = 5000;

    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal Pruning(Database database, CoreSettings settings, TimeProvider clock) =>
        (_database, _settings, _clock) = (database, settings, clock);

    /// <summary>
    /// Deletes in transactions of bounded size, so that no other write waits long for one of them. Hosts that prune at
    /// the same time do each other no harm.
    /// </summary>
    /// <returns>How many events and how many messages were deleted.</returns>
    public async Task<(int Events, int Messages)> PruneAsync(CancellationToken cancellation)
    {
        var now = _clock.GetUtcNow();
        await _database.WriteAsync(
            write => write.Set<JoinPlace>().Where(place => place.Until < now - JoinLine.Memory).ExecuteDeleteAsync(),
            cancellation
        );
        await _database.WriteAsync(
            write => write.Set<RejoinRequest>().Where(request => request.ExpiresAt < now).ExecuteDeleteAsync(),
            cancellation
        );
        await AcknowledgementsAsync(now - _settings.EventRetention, cancellation);
        await AnswersAsync(now - AnswerRetention, cancellation);
        return (
            await EventsAsync(now - _settings.EventRetention, cancellation),
            await MessagesAsync(now - _settings.MessageRetention, cancellation)
        );
    }

    private async Task<int> EventsAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        // Events are deleted from the oldest place up to the first event that is young enough. Their times come from
        // the clocks of several hosts, so an older event may stand after a younger one; it stays, so that the places
        // that are kept have no gaps.
        long? first = await context
            .Set<OutboxEvent>()
            .Where(row => row.Seq != null && row.CreatedAt >= before)
            .OrderBy(row => row.Seq)
            .Select(row => row.Seq)
            .FirstOrDefaultAsync(cancellation);
        long until = first - 1 ?? await context.Set<OutboxEvent>().MaxAsync(row => row.Seq, cancellation) ?? 0;
        return await InBatchesAsync(
            write =>
                write
                    .Set<OutboxEvent>()
                    .Where(row => row.Seq <= until)
                    .OrderBy(row => row.Seq)
                    .Take(Batch)
                    .ExecuteDeleteAsync(),
            cancellation
        );
    }

    private Task<int> MessagesAsync(DateTimeOffset before, CancellationToken cancellation) =>
        InBatchesAsync(
            async write =>
            {
                var old = await write
                    .Set<LogEntry>()
                    .Where(row => row.Kind == LogKind.Message && row.CreatedAt < before)
                    .OrderBy(row => row.CreatedAt)
                    .Take(Batch)
                    .Select(row => new { row.ConvoId, row.Seq })
                    .ToListAsync();
                foreach (var convo in old.GroupBy(row => row.ConvoId))
                {
                    var seqs = convo.Select(row => row.Seq).ToList();
                    await write
                        .Set<LogEntry>()
                        .Where(row => row.ConvoId == convo.Key && seqs.Contains(row.Seq))
                        .ExecuteDeleteAsync();
                }
                return old.Count;
            },
            cancellation
        );

    /// <summary>Acknowledgements of an epoch in which a device disagrees are evidence, and stay.</summary>
    private Task<int> AcknowledgementsAsync(DateTimeOffset before, CancellationToken cancellation) =>
        InBatchesAsync(
            async write =>
            {
                var old = write
                    .Set<Acknowledgement>()
                    .Where(row =>
                        row.At < before
                        && !write
                            .Set<EpochAgreement>()
                            .Any(epoch =>
                                epoch.ConvoId == row.ConvoId && epoch.Epoch == row.Epoch && epoch.DisputedAt != null
                            )
                    );
                var last = await LastOfBatchAsync(old.Select(row => row.At));
                return await old.Where(row => row.At <= last).ExecuteDeleteAsync();
            },
            cancellation
        );

    private Task<int> AnswersAsync(DateTimeOffset before, CancellationToken cancellation) =>
        InBatchesAsync(
            async write =>
            {
                var old = write.Set<StoredAnswer>().Where(answer => answer.CreatedAt < before);
                var last = await LastOfBatchAsync(old.Select(answer => answer.CreatedAt));
                return await old.Where(answer => answer.CreatedAt <= last).ExecuteDeleteAsync();
            },
            cancellation
        );

    /// <summary>
    /// The time of the last row of a batch, so that a batch is deleted by time. SQLite would find a number of rows by a
    /// key of several parts only by reading the whole table; by their time it finds them with an index.
    /// </summary>
    private static async Task<DateTimeOffset> LastOfBatchAsync(IQueryable<DateTimeOffset> times) =>
        await times.Order().Skip(Batch - 1).Select(at => (DateTimeOffset?)at).FirstOrDefaultAsync()
        ?? DateTimeOffset.MaxValue;

    private async Task<int> InBatchesAsync(Func<MlsDbContext, Task<int>> delete, CancellationToken cancellation)
    {
        int total = 0;
        while (true)
        {
            int count = await _database.WriteAsync(delete, cancellation);
            total += count;
            if (count < Batch)
                return total;
        }
    }
}
