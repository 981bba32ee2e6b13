using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Forks;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Retention;

/// <summary>Takes away what has become too old: events, acknowledgements, application messages, answers kept for retries, requests to be added again, and places in lines of joiners. Commits stay, they are what a group is rebuilt from.</summary>
public sealed class Pruning
{
    /// <summary>So long the same call gets its first answer.</summary>
    internal static readonly TimeSpan AnswerRetention = TimeSpan.FromDays(2);

    private const int Batch = 5000;

    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal Pruning(Database database, CoreSettings settings, TimeProvider clock) =>
        (_database, _settings, _clock) = (database, settings, clock);

    /// <summary>Deletes in transactions of bounded size, so that nobody waits long for one. Hosts that prune at once do each other no harm.</summary>
    /// <returns>How many events and messages are gone.</returns>
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
        // Up to the first one that is young enough, whatever the clocks of the hosts said: what is kept has no holes.
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

    /// <summary>Those of an epoch in which somebody disagrees are evidence, and stay.</summary>
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

    /// <summary>Of keys with several parts SQLite finds a number of rows by going through all of the table; by their time it finds them by an index.</summary>
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
