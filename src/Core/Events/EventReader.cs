using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Events;

/// <summary>
/// Reads the stream of events. Who may have an event is decided by the roster as it is when the event is read, not as
/// it was when the event happened.
/// </summary>
public sealed class EventReader
{
    private const int PageSize = 200;

    // A page also ends after so many bytes of log entries: 200 messages of ten megabytes would take two gigabytes of
    // memory.
    private const long PageBytes = 8 << 20;

    private readonly Database _database;

    internal EventReader(Database database) => _database = database;

    /// <summary>The part of the stream that is stored at the moment.</summary>
    public async Task<EventRange> RangeAsync(CancellationToken cancellation)
    {
        await using var context = _database.Read();
        // The oldest place is read before the head. Both only grow, so the oldest place that is returned is never
        // beyond the head by more than one.
        long? oldest = await context
            .Set<OutboxEvent>()
            .Where(row => row.Seq != null)
            .OrderBy(row => row.Seq)
            .Select(row => row.Seq)
            .FirstOrDefaultAsync(cancellation);
        long head = await HeadAsync(context, cancellation);
        return new(oldest ?? head + 1, head);
    }

    /// <summary>A page of the events after a place that an account may have.</summary>
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

    /// <summary>A page of all events after a place, each with the accounts that may have it.</summary>
    /// <param name="after">A place in the stream.</param>
    /// <param name="bodies">Whether the log entries and the accounts are wanted.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <returns>
    /// Events in the order of the stream, without gaps; none if there are none after the place. If
    /// <paramref name="bodies"/> is false, they have neither log entries nor accounts.
    /// </returns>
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
        var members = await MembersAsync(roster, events, cancellation);
        var contacts = await ContactsAsync(roster, events, cancellation);
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

    /// <summary>The members of the conversations that the events are of, by conversation.</summary>
    private static async Task<Dictionary<string, HashSet<string>>> MembersAsync(
        IQueryable<RosterEntry> roster,
        IReadOnlyCollection<ConvoEvent> events,
        CancellationToken cancellation
    )
    {
        var convos = events.Select(one => one.ConvoId).OfType<string>().Distinct().ToList();
        var members = await roster
            .Where(entry => convos.Contains(entry.ConvoId))
            .Select(entry => new { entry.ConvoId, entry.Did })
            .ToListAsync(cancellation);
        return members
            .GroupBy(entry => entry.ConvoId)
            .ToDictionary(
                group => group.Key,
                group => group.Select(entry => entry.Did).ToHashSet(StringComparer.Ordinal)
            );
    }

    /// <summary>
    /// For the events that are of no conversation: the members of every conversation of the account that the event is
    /// about, by account.
    /// </summary>
    private static async Task<Dictionary<string, HashSet<string>>> ContactsAsync(
        IQueryable<RosterEntry> roster,
        IReadOnlyCollection<ConvoEvent> events,
        CancellationToken cancellation
    )
    {
        var accounts = events.Where(one => one.ConvoId is null).Select(one => one.Did!).Distinct().ToList();
        if (accounts.Count == 0)
            return [];
        var pairs = await roster
            .Where(entry => accounts.Contains(entry.Did))
            .Join(
                roster,
                theirs => theirs.ConvoId,
                other => other.ConvoId,
                (theirs, other) => new { Account = theirs.Did, other.Did }
            )
            .Distinct()
            .ToListAsync(cancellation);
        return pairs
            .GroupBy(pair => pair.Account)
            .ToDictionary(
                group => group.Key,
                group => group.Select(pair => pair.Did).ToHashSet(StringComparer.Ordinal)
            );
    }

    private static async Task<long> HeadAsync(MlsDbContext context, CancellationToken cancellation) =>
        await context
            .Set<Lease>()
            .Where(lease => lease.Name == EventRelay.LeaseName)
            .Select(lease => (long?)lease.Position)
            .FirstOrDefaultAsync(cancellation)
        ?? 0;

    /// <returns>A page of the events of <paramref name="rows"/>, and whether the page has all of them.</returns>
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
        var messages = bodies ? await MessagesAsync(context, taken, cancellation) : [];
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

    /// <summary>The log entries that the events tell, by the id of the event's row.</summary>
    private static async Task<Dictionary<long, LoggedMessage>> MessagesAsync(
        MlsDbContext context,
        IReadOnlyList<OutboxEvent> events,
        CancellationToken cancellation
    )
    {
        var ids = events.Where(row => row.LogSeq is not null).Select(row => row.Id).ToList();
        if (ids.Count == 0)
            return [];
        return await context
            .Set<OutboxEvent>()
            .Where(row => ids.Contains(row.Id))
            .Join(
                context.Set<LogEntry>(),
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
}
