using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.JoinTurns;

/// <param name="Id">To be named by the external commit.</param>
/// <param name="ExpiresAt">When the next device gets its turn.</param>
/// <param name="Epoch">The conversation's epoch when the turn began.</param>
/// <param name="Waited">Whether time has passed since it was asked for.</param>
internal sealed record GivenTurn(string Id, DateTimeOffset ExpiresAt, long Epoch, bool Waited);

/// <summary>Turns to join a conversation, given in the order of the line in the database, which all hosts share. They are advice: the compare-and-swap on the epoch decides.</summary>
/// <remarks>A line is read, decided on and written under the condition that what changes is as it was read; where somebody was faster, that is done again.</remarks>
public sealed partial class JoinTurnConductor
{
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

    /// <summary>Puts the device in line and answers when it is its turn. Nothing of the database is held while it waits.</summary>
    /// <param name="convoId">The conversation.</param>
    /// <param name="epoch">Its epoch as the caller has read it.</param>
    /// <param name="device">Which wants to join.</param>
    /// <param name="leaves">How large the group is: by that a turn is measured.</param>
    /// <param name="cancellation">Ends the wait; the place is kept for a while.</param>
    /// <exception cref="RefusedException">TurnPending, after five seconds; RateLimitExceeded for a device that left its turns unused.</exception>
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
            // Nearly always nobody is there: that is asked with what is written.
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

    /// <summary>Ends the turn that a commit used, in the transaction of the epoch. The turn of another device is not touched.</summary>
    internal static void End(Statements statements, string convoId, long device, string turnId) =>
        statements.Add(
            $"DELETE FROM join_line WHERE convo_id = {convoId} AND device_row = {device} AND turn_id = {turnId}"
        );

    /// <summary>Ends a turn that its device cannot use by no fault of its own: it counts as no unused one, and nobody waits for its end.</summary>
    internal async Task GiveBackAsync(string convoId, long device, string turnId, CancellationToken cancellation)
    {
        await _database.WriteAsync(
            context =>
                context.Database.ExecuteSqlAsync(
                    $"DELETE FROM join_line WHERE convo_id = {convoId} AND device_row = {device} AND turn_id = {turnId}"
                ),
            cancellation
        );
        Wake(convoId);
    }

    private async Task<JoinLine> ReadAsync(string convoId, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var rows = await s_line.For(context)(context, convoId).ToListAsync(cancellation);
        return new(convoId, rows[0].Epoch, [.. rows.Select(row => row.Place).OfType<JoinPlace>()]);
    }

    /// <summary>Writes what is different, if what goes is still there and what comes finds room.</summary>
    private async Task<bool> WriteAsync(JoinLine before, JoinLine after, CancellationToken cancellation)
    {
        List<JoinPlace> gone = [.. before.Places.Except(after.Places)],
            come = [.. after.Places.Except(before.Places)];
        if (gone.Count + come.Count == 0)
            return true;
        if (gone.Count == 0 && come is [var one])
            return await _database.WriteAsync(
                before.Places.Count == 0 ? Begin(one, before.Epoch) : Enter(one),
                cancellation
            )
                is not null;
        try
        {
            await _database.WriteAsync(
                async context =>
                {
                    foreach (var place in gone)
                        if (
                            await context.Database.ExecuteSqlAsync(
                                $"DELETE FROM join_line WHERE convo_id = {place.ConvoId} AND device_row = {place.DeviceRow} AND until = {place.Until.ToUnixTimeMilliseconds()} AND coalesce(turn_id, '') = {place.TurnId ?? ""}"
                            ) == 0
                        )
                            throw new LineMovedException();
                    foreach (var place in come)
                        if ((await context.Database.SqlQuery<long>(Enter(place)).ToListAsync()).Count == 0)
                            throw new LineMovedException();
                    return true;
                },
                cancellation
            );
        }
        catch (LineMovedException)
        {
            return false;
        }
        foreach (var place in come)
            if (gone.Exists(former => former.DeviceRow == place.DeviceRow && former.Unused < place.Unused))
                PublishExpired(place);
        return true;
    }

    /// <summary>Returns a number if there was room.</summary>
    private static FormattableString Enter(JoinPlace place) =>
        $"""
            INSERT INTO join_line (convo_id, device_row, place, turn_id, until, epoch, unused)
            VALUES ({place.ConvoId}, {place.DeviceRow}, {place.Place}, nullif({place.TurnId
                ?? ""}, ''), {place.Until.ToUnixTimeMilliseconds()}, {place.Epoch}, {place.Unused})
            ON CONFLICT DO NOTHING RETURNING place AS "Value"
            """;

    /// <summary>The same of the first of a line, if there is nobody and the epoch is as it was read.</summary>
    private static FormattableString Begin(JoinPlace place, long epoch) =>
        $"""
            INSERT INTO join_line (convo_id, device_row, place, turn_id, until, epoch, unused)
            SELECT {place.ConvoId}, {place.DeviceRow}, {place.Place}, nullif({place.TurnId
                ?? ""}, ''), {place.Until.ToUnixTimeMilliseconds()}, {place.Epoch}, {place.Unused}
            FROM conversations WHERE id = {place.ConvoId} AND epoch = {epoch} AND NOT EXISTS (SELECT 1 FROM join_line WHERE convo_id = {place.ConvoId})
            ON CONFLICT DO NOTHING RETURNING place AS "Value"
            """;

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

    /// <summary>Undoes the transaction: the line is not as it was read.</summary>
    private sealed class LineMovedException : Exception;

    private sealed record LineRow(long Epoch, JoinPlace? Place);
}
