using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.JoinTurns;

/// <summary>A turn that a device has.</summary>
/// <param name="Id">The id of the turn, which the device sends with its external commit.</param>
/// <param name="ExpiresAt">When the turn ends, so that the next device can get the turn.</param>
/// <param name="Epoch">The conversation's epoch when the turn began.</param>
/// <param name="Waited">
/// Whether the device had to wait for the turn, so that what the caller read before may have changed.
/// </param>
internal sealed record GivenTurn(string Id, DateTimeOffset ExpiresAt, long Epoch, bool Waited);

/// <summary>
/// Gives turns to join a conversation (delivery-service §6.3), in the order of the conversation's line. The line is in
/// the database, so all hosts share it. Turns are advice: which commit is accepted, the compare-and-swap on the epoch
/// decides.
/// </summary>
/// <remarks>
/// Every change is made in three steps: the line is read, the new line is made from it, and the difference is written
/// on the condition that the rows which change are as they were read. Where another request was faster, so that the
/// condition does not hold, the steps are taken again.
/// </remarks>
public sealed partial class JoinTurnConductor
{
    /// <summary>How often a request tries to write its line while others are faster.</summary>
    private const int MaxTries = 20;

    private static readonly CompiledQuery<Func<MlsDbContext, string, IAsyncEnumerable<LineRow>>> s_line = new(() =>
        EF.CompileAsyncQuery(
            (MlsDbContext context, string convoId) =>
                from conversation in context.Set<Conversation>().AsNoTracking()
                where conversation.Id == convoId
                join place in context.Set<JoinPlace>() on conversation.Id equals place.ConvoId into places
                from place in places.DefaultIfEmpty()
                orderby place.Place, place.DeviceRow
                select new LineRow(conversation.Epoch, place)
        )
    );

    private readonly Database _database;
    private readonly ActivityFeed _feed;
    private readonly TimeProvider _clock;

    internal JoinTurnConductor(Database database, ActivityFeed feed, TimeProvider clock) =>
        (_database, _feed, _clock) = (database, feed, clock);

    /// <summary>
    /// Puts a device in line and waits until the device has the turn. While it waits, no connection to the database is
    /// held.
    /// </summary>
    /// <param name="convoId">The conversation.</param>
    /// <param name="epoch">The conversation's epoch as the caller has read it.</param>
    /// <param name="device">The row of the device that wants to join.</param>
    /// <param name="leaves">The number of leaves in the group, on which the length of the turn depends.</param>
    /// <param name="cancellation">Ends the wait; the place in line is kept for a while.</param>
    /// <exception cref="RefusedException">
    /// TurnPending: the turn did not come within five seconds (<see cref="JoinLine.Wait"/>), or the line is full.
    /// RateLimitExceeded: the device is barred because it left its turns unused.
    /// </exception>
    internal async Task<GivenTurn> TakeAsync(
        string convoId,
        long epoch,
        long device,
        int leaves,
        CancellationToken cancellation
    )
    {
        long asked = _clock.GetTimestamp();
        for (int i = 0; i < MaxTries; i++)
        {
            // Nearly always nobody is in line. So the first try reads nothing and assumes an empty line; the statement
            // that writes the new line has this as a condition.
            var line = i == 0 ? new(convoId, epoch, []) : await ReadAsync(convoId, cancellation);
            var now = _clock.GetUtcNow();
            var next = line.Enter(device, NewTurnId(), now, JoinLine.TurnLength(leaves));
            switch (next.Of(device))
            {
                case null:
                    throw Refusal.TurnPending(JoinLine.MaxPlaces + 1).AsException();
                case { Place: 0 } barred:
                    if (!await WriteAsync(line, next, cancellation))
                        continue;
                    throw Refusal.RateLimitExceeded(RefusalReasons.UnusedTurns, barred.Until - now).AsException();
                case { HasTurn: true } own:
                    if (!await WriteAsync(line, next, cancellation))
                        continue;
                    // A turn that the device had before goes on, and was published when it was given.
                    if (line.Of(device)?.TurnId != own.TurnId)
                        PublishGiven(own, _clock.GetElapsedTime(asked));
                    return new(own.TurnId!, own.Until, own.Epoch, Waited: false);
                default:
                    if (!await WriteAsync(line, next, cancellation))
                        continue;
                    var turn = await WaitAsync(convoId, device, leaves, next.PositionOf(device), cancellation);
                    PublishGiven(turn, _clock.GetElapsedTime(asked));
                    return new(turn.TurnId!, turn.Until, turn.Epoch, Waited: true);
            }
        }
        throw Refusal.TurnPending(1).AsException();
    }

    /// <summary>
    /// Adds to the list of an epoch that the turn which the commit used ends. The turn of another device stays, even if
    /// the commit names it.
    /// </summary>
    internal static void EndTurn(Statements statements, string convoId, long device, string turnId) =>
        statements.Add(DeleteOfTurn(convoId, device, turnId));

    /// <summary>
    /// Ends a turn that its device cannot use, through no fault of its own. The turn does not count as unused, and the
    /// next device in line does not have to wait for its end.
    /// </summary>
    internal async Task GiveBackAsync(string convoId, long device, string turnId, CancellationToken cancellation)
    {
        await _database.WriteAsync(
            context => context.Database.ExecuteSqlAsync(DeleteOfTurn(convoId, device, turnId)),
            cancellation
        );
        Wake(convoId);
    }

    private static FormattableString DeleteOfTurn(string convoId, long device, string turnId) =>
        $"DELETE FROM join_line WHERE convo_id = {convoId} AND device_row = {device} AND turn_id = {turnId}";

    private async Task<JoinLine> ReadAsync(string convoId, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var rows = await s_line.For(context)(context, convoId).ToListAsync(cancellation);
        return new(convoId, rows[0].Epoch, [.. rows.Select(row => row.Place).OfType<JoinPlace>()]);
    }

    /// <summary>
    /// Writes the difference between two lines, on the condition that the places which change or go are as they were
    /// read, and that no other place is in the way of those which come.
    /// </summary>
    /// <returns>
    /// False if the condition does not hold; then nothing was written, and the line has to be read again.
    /// </returns>
    private async Task<bool> WriteAsync(JoinLine before, JoinLine after, CancellationToken cancellation)
    {
        List<JoinPlace> removed = [.. before.Places.Except(after.Places)],
            added = [.. after.Places.Except(before.Places)];
        if (removed.Count + added.Count == 0)
            return true;
        if (removed.Count == 0 && added is [var only])
        {
            // One statement is enough, which may share its transaction with statements of other callers.
            var insert = before.Places.Count == 0 ? InsertOfFirst(only, before.Epoch) : Insert(only);
            return await _database.WriteAsync(insert, cancellation) is not null;
        }
        try
        {
            await _database.WriteAsync(context => ReplaceAsync(context, removed, added), cancellation);
        }
        catch (LineMovedException)
        {
            return false;
        }
        foreach (var place in added)
            if (removed.Exists(former => former.DeviceRow == place.DeviceRow && former.Unused < place.Unused))
                PublishExpired(place);
        return true;
    }

    /// <exception cref="LineMovedException">The line in the database is not as it was read.</exception>
    private static async Task<bool> ReplaceAsync(
        MlsDbContext context,
        IReadOnlyList<JoinPlace> removed,
        IReadOnlyList<JoinPlace> added
    )
    {
        foreach (var place in removed)
        {
            string turnId = place.TurnId ?? "";
            int deleted = await context.Database.ExecuteSqlAsync(
                $"""
                DELETE FROM join_line WHERE convo_id = {place.ConvoId} AND device_row = {place.DeviceRow}
                AND until = {place.Until.ToUnixTimeMilliseconds()} AND coalesce(turn_id, '') = {turnId}
                """
            );
            if (deleted == 0)
                throw new LineMovedException();
        }
        foreach (var place in added)
            if ((await context.Database.SqlQuery<long>(Insert(place)).ToListAsync()).Count == 0)
                throw new LineMovedException();
        return true;
    }

    /// <summary>
    /// A statement that inserts a place and returns its number, if the line has neither a place of the same device nor,
    /// where the place has the turn, another place that has the turn.
    /// </summary>
    private static FormattableString Insert(JoinPlace place)
    {
        string turnId = place.TurnId ?? "";
        long until = place.Until.ToUnixTimeMilliseconds();
        return $"""
            INSERT INTO join_line (convo_id, device_row, place, turn_id, until, epoch, unused)
            VALUES (
                {place.ConvoId}, {place.DeviceRow}, {place.Place}, nullif({turnId}, ''), {until}, {place.Epoch},
                {place.Unused}
            )
            ON CONFLICT DO NOTHING RETURNING place AS "Value"
            """;
    }

    /// <summary>
    /// A statement that inserts the first place of a line and returns its number, if the line is empty and the epoch of
    /// the conversation is the one that was read.
    /// </summary>
    private static FormattableString InsertOfFirst(JoinPlace place, long epoch)
    {
        string turnId = place.TurnId ?? "";
        long until = place.Until.ToUnixTimeMilliseconds();
        return $"""
            INSERT INTO join_line (convo_id, device_row, place, turn_id, until, epoch, unused)
            SELECT
                {place.ConvoId}, {place.DeviceRow}, {place.Place}, nullif({turnId}, ''), {until}, {place.Epoch},
                {place.Unused}
            FROM conversations WHERE id = {place.ConvoId} AND epoch = {epoch}
            AND NOT EXISTS (SELECT 1 FROM join_line WHERE convo_id = {place.ConvoId})
            ON CONFLICT DO NOTHING RETURNING place AS "Value"
            """;
    }

    private void PublishGiven(JoinPlace place, TimeSpan waited) =>
        _feed.Publish(
            new JoinTurnGiven
            {
                At = _clock.GetUtcNow(),
                ConvoId = place.ConvoId,
                Epoch = (ulong)place.Epoch,
                Waited = waited,
            }
        );

    private void PublishExpired(JoinPlace place) =>
        _feed.Publish(
            new JoinTurnExpired
            {
                At = _clock.GetUtcNow(),
                ConvoId = place.ConvoId,
                Epoch = (ulong)place.Epoch,
            }
        );

    private static string NewTurnId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Thrown to undo a transaction, because the line in the database is not as it was read.</summary>
    private sealed class LineMovedException : Exception;

    /// <summary>
    /// A row of the query: the conversation's epoch, and one place of its line; null for an empty line.
    /// </summary>
    private sealed record LineRow(long Epoch, JoinPlace? Place);
}
