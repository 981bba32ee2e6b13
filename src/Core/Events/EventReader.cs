using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Events;

/// <summary>Reads the stream of events. Whoever may have an event is asked of the roster at the moment of reading, not of the moment of the event.</summary>
public sealed class EventReader
{
    private const int PageSize = 200;

    // A page of ten-megabyte messages must not be two gigabytes.
    private const long PageBytes = 8 << 20;

    private readonly Database _database;

    internal EventReader(Database database) => _database = database;

    /// <summary>How far the stream reaches at the moment.</summary>
    public async Task<EventRange> RangeAsync(CancellationToken cancellation)
    {
        await using var context = _database.Read();
        // The oldest first: it can only move towards the head.
        long? oldest = await context
            .Set<OutboxEvent>()
            .Where(row => row.Seq != null)
            .OrderBy(row => row.Seq)
            .Select(row => row.Seq)
            .FirstOrDefaultAsync(cancellation);
        long head = await HeadAsync(context, cancellation);
        return new(oldest ?? head + 1, head);
    }

    /// <summary>The events after a place that an account may have.</summary>
    public async Task<EventPage> ReadForAsync(string did, long after, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        long head = await HeadAsync(context, cancellation);
        var roster = context.Members();
        var rows = context
            .Set<OutboxEvent>()
            .Where(row =>
                row.Seq > after
                && row.Seq <= head
                && (
                    (
                        row.Audience == EventAudience.Members
                        && roster.Any(entry => entry.ConvoId == row.ConvoId && entry.Did == did)
                    )
                    || (
                        row.Audience == EventAudience.Account
                        && row.Did == did
                        && (
                            row.ConvoId == null || roster.Any(entry => entry.ConvoId == row.ConvoId && entry.Did == did)
                        )
                    )
                    || (
                        row.Audience == EventAudience.Contacts
                        && roster.Any(mine =>
                            mine.Did == did
                            && roster.Any(theirs => theirs.ConvoId == mine.ConvoId && theirs.Did == row.Did)
                        )
                    )
                )
            );
        var (events, whole) = await LoadAsync(context, rows, bodies: true, cancellation);
        return new(events, whole ? head : events[^1].Seq);
    }

    /// <summary>The events after a place, and who may have them.</summary>
    /// <param name="after">A place in the stream.</param>
    /// <param name="bodies">Whether the log entries are wanted.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <returns>Some of them, in order, without gaps; the sets are empty if the log entries are not wanted.</returns>
    public async Task<IReadOnlyList<AddressedEvent>> ReadAsync(long after, bool bodies, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        long head = await HeadAsync(context, cancellation);
        if (head <= after)
            return [];
        var (events, _) = await LoadAsync(
            context,
            context.Set<OutboxEvent>().Where(row => row.Seq > after && row.Seq <= head),
            bodies,
            cancellation
        );
        if (!bodies)
            return [.. events.Select(one => new AddressedEvent(one, new HashSet<string>()))];

        var roster = context.Members();
        var convos = events.Select(one => one.ConvoId).OfType<string>().Distinct().ToList();
        var members = (
            await roster
                .Where(entry => convos.Contains(entry.ConvoId))
                .Select(entry => new { entry.ConvoId, entry.Did })
                .ToListAsync(cancellation)
        )
            .GroupBy(entry => entry.ConvoId)
            .ToDictionary(
                group => group.Key,
                group => group.Select(entry => entry.Did).ToHashSet(StringComparer.Ordinal)
            );
        var accounts = events.Where(one => one.ConvoId is null).Select(one => one.Did!).Distinct().ToList();
        var contacts =
            accounts.Count == 0
                ? []
                : (
                    await roster
                        .Where(entry => accounts.Contains(entry.Did))
                        .Join(
                            roster,
                            theirs => theirs.ConvoId,
                            other => other.ConvoId,
                            (theirs, other) => new { Account = theirs.Did, other.Did }
                        )
                        .Distinct()
                        .ToListAsync(cancellation)
                )
                    .GroupBy(pair => pair.Account)
                    .ToDictionary(
                        group => group.Key,
                        group => group.Select(pair => pair.Did).ToHashSet(StringComparer.Ordinal)
                    );
        return [.. events.Select(one => new AddressedEvent(one, Audience(one)))];

        HashSet<string> Audience(ConvoEvent one)
        {
            if (one.Kind == EventKind.SubscriptionsEnded)
                return [one.Did!];
            var all =
                (one.ConvoId is { } convo ? members.GetValueOrDefault(convo) : contacts.GetValueOrDefault(one.Did!))
                ?? [];
            return one.Kind == EventKind.Welcome
                ? all.Where(did => did == one.Did).ToHashSet(StringComparer.Ordinal)
                : all;
        }
    }

    private static async Task<long> HeadAsync(MlsDbContext context, CancellationToken cancellation) =>
        await context
            .Set<Lease>()
            .Where(lease => lease.Name == EventRelay.LeaseName)
            .Select(lease => (long?)lease.Position)
            .FirstOrDefaultAsync(cancellation)
        ?? 0;

    /// <returns>A page of the rows, and whether it is all of them.</returns>
    private static async Task<(List<ConvoEvent> Events, bool Whole)> LoadAsync(
        MlsDbContext context,
        IQueryable<OutboxEvent> rows,
        bool bodies,
        CancellationToken cancellation
    )
    {
        var log = context.Set<LogEntry>();
        var page = await rows.OrderBy(row => row.Seq)
            .Take(PageSize)
            .Select(row => new
            {
                Row = row,
                Bytes = log.Where(entry => entry.ConvoId == row.ConvoId && entry.Seq == row.LogSeq)
                    .Select(entry => entry.Message.Length)
                    .FirstOrDefault(),
            })
            .ToListAsync(cancellation);
        int count = 0;
        for (
            long bytes = 0;
            count < page.Count && (count == 0 || !bodies || bytes + page[count].Bytes <= PageBytes);
            count++
        )
            bytes += page[count].Bytes;
        var taken = page.Take(count).Select(item => item.Row).ToList();
        Dictionary<long, LoggedMessage> messages = [];
        if (bodies && taken.Exists(row => row.LogSeq is not null))
        {
            var ids = taken.Where(row => row.LogSeq is not null).Select(row => row.Id).ToList();
            messages = await context
                .Set<OutboxEvent>()
                .Where(row => ids.Contains(row.Id))
                .Join(
                    log,
                    row => new { ConvoId = row.ConvoId!, Seq = row.LogSeq!.Value },
                    entry => new { entry.ConvoId, entry.Seq },
                    (row, entry) => new { row.Id, Entry = entry }
                )
                .ToDictionaryAsync(
                    pair => pair.Id,
                    pair => new LoggedMessage(
                        pair.Entry.Seq,
                        (ulong)pair.Entry.Epoch,
                        pair.Entry.Message,
                        pair.Entry.External,
                        pair.Entry.CreatedAt
                    ),
                    cancellation
                );
        }
        return (
            [
                .. taken.Select(row => new ConvoEvent(
                    row.Seq!.Value,
                    row.Kind,
                    row.CreatedAt,
                    row.ConvoId,
                    (ulong?)row.Epoch,
                    row.Did,
                    row.DeviceId,
                    row.Detail,
                    messages.GetValueOrDefault(row.Id)
                )),
            ],
            count == page.Count && page.Count < PageSize
        );
    }
}
