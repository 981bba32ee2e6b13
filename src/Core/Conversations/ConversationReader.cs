using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Conversations;

/// <summary>The question for a page of the caller's conversations.</summary>
/// <param name="Cursor">The cursor that the page before came with; null for the first page.</param>
/// <param name="Limit">How many conversations the page has at most.</param>
public sealed record GetConvosRequest(string? Cursor, int Limit);

/// <summary>A page of the caller's conversations.</summary>
/// <param name="Convos">The conversations, in the order of their ids.</param>
/// <param name="Cursor">The cursor for the next page; null if this page is the last.</param>
public sealed record GetConvosResult(IReadOnlyList<ConversationDetails> Convos, string? Cursor);

/// <summary>
/// Answers questions about conversations: their members, the conversations that a device should be in, and their
/// commits.
/// </summary>
public sealed partial class ConversationReader
{
    // The most leaves that the conversations of one page have in sum. A page ends early rather than having more, but
    // the first conversation of a page is always whole.
    private const int MaxLeavesOfPage = 20_000;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal ConversationReader(CallRunner calls, Database database, CoreSettings settings, TimeProvider clock) =>
        (_calls, _database, _settings, _clock) = (calls, database, settings, clock);

    /// <summary>One conversation with its members.</summary>
    /// <exception cref="RefusedException">Unauthorized: the caller is no member of the conversation.</exception>
    public async Task<ConversationDetails> GetConvoAsync(Caller caller, string convoId, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var conversation = (
            await _calls.AskAsync(
                Call.Query(caller, MethodNames.GetConvo, convoId),
                () => Access.RequireMemberAsync(context, caller, convoId, cancellation)
            )
        ).Conversation;
        var seats = await SeatsAsync(context, [conversation.Id], cancellation);
        return View(
            new(
                conversation.Id,
                conversation.GroupId,
                conversation.CipherSuite,
                conversation.Metadata,
                conversation.CreatedAt,
                conversation.RequiresApproval,
                conversation.Epoch,
                seats.Count
            ),
            seats
        );
    }

    /// <summary>
    /// A page of the conversations that the caller is a member of. They are ordered by their ids, which never change,
    /// so a cursor stays good while conversations come and go.
    /// </summary>
    public async Task<GetConvosResult> GetConvosAsync(
        Caller caller,
        GetConvosRequest input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        string did = caller.Did.Value,
            cursor = input.Cursor ?? "";
        bool hasDevice = await context
            .Set<Device>()
            .AnyAsync(device => device.Did == did && device.DeletedAt == null, cancellation);
        // An account without an enrolled device is treated as a member of nothing (delivery-service §5.1).
        if (!hasDevice)
            return new([], null);

        var rows = await context
            .Members()
            .Where(entry => entry.Did == did && entry.ConvoId.CompareTo(cursor) > 0)
            .OrderBy(entry => entry.ConvoId)
            .Take(input.Limit + 1)
            .Join(context.Set<Conversation>(), entry => entry.ConvoId, convo => convo.Id, (_, convo) => convo)
            .OrderBy(convo => convo.Id)
            .Select(convo => new ConversationRow(
                convo.Id,
                convo.GroupId,
                convo.CipherSuite,
                convo.Metadata,
                convo.CreatedAt,
                convo.RequiresApproval,
                convo.Epoch,
                context.Set<Leaf>().Count(leaf => leaf.ConvoId == convo.Id)
            ))
            .ToListAsync(cancellation);
        var page = PageOf(rows, input.Limit);
        var seats = (await SeatsAsync(context, [.. page.Select(row => row.Id)], cancellation)).ToLookup(seat =>
            seat.ConvoId
        );
        return new(
            [.. page.Select(row => View(row, [.. seats[row.Id]]))],
            page.Count < rows.Count ? page[^1].Id : null
        );
    }

    private static List<ConversationRow> PageOf(List<ConversationRow> rows, int limit)
    {
        int leaves = 0;
        return [.. rows.Take(limit).TakeWhile((row, i) => (leaves += row.Leaves) <= MaxLeavesOfPage || i == 0)];
    }

    /// <summary>
    /// The leaves of the conversations with the devices in them, and the epoch of each conversation. One statement
    /// reads both, so that members and epoch are of the same moment.
    /// </summary>
    private static Task<List<Seat>> SeatsAsync(
        MlsDbContext context,
        IReadOnlyList<string> ids,
        CancellationToken cancellation
    ) =>
        context
            .Set<Leaf>()
            .Where(leaf => ids.Contains(leaf.ConvoId))
            .Join(
                context.Set<Conversation>(),
                leaf => leaf.ConvoId,
                convo => convo.Id,
                (leaf, convo) => new { leaf, convo.Epoch }
            )
            .Join(
                context.Set<Device>(),
                seat => seat.leaf.DeviceRow,
                device => device.Id,
                (seat, device) =>
                    new
                    {
                        seat.leaf,
                        seat.Epoch,
                        device.Did,
                        device.DeviceId,
                    }
            )
            .Join(
                context.Set<RosterEntry>(),
                seat => new { seat.leaf.ConvoId, seat.Did },
                entry => new { entry.ConvoId, entry.Did },
                (seat, entry) =>
                    new Seat(
                        seat.leaf.ConvoId,
                        seat.Epoch,
                        seat.leaf.LeafIndex,
                        seat.Did,
                        seat.DeviceId,
                        entry.IsAdmin,
                        context
                            .Set<PendingRemoval>()
                            .Any(pending => pending.ConvoId == entry.ConvoId && pending.Did == entry.Did)
                    )
            )
            .ToListAsync(cancellation);

    /// <remarks>
    /// The epoch is the one that was read together with the members, because a commit may have come since
    /// <paramref name="row"/> was read. Without a member there is only the epoch of <paramref name="row"/>.
    /// </remarks>
    private static ConversationDetails View(ConversationRow row, IReadOnlyList<Seat> seats) =>
        new(
            row.Id,
            Convert.ToHexStringLower(row.GroupId),
            (ulong)(seats.Count == 0 ? row.Epoch : seats[0].Epoch),
            row.CipherSuite,
            [
                .. seats
                    .OrderBy(seat => seat.LeafIndex)
                    .Select(seat => new Member(
                        seat.Did,
                        seat.DeviceId,
                        (uint)seat.LeafIndex,
                        seat.IsAdmin,
                        seat.RemovalPending
                    )),
            ],
            row.Metadata,
            row.CreatedAt,
            row.RequiresApproval
        );

    /// <summary>
    /// What was read of a conversation a moment before its members: what never changes about the conversation, the rule
    /// on approvals, the epoch and the number of leaves.
    /// </summary>
    private sealed record ConversationRow(
        string Id,
        byte[] GroupId,
        int CipherSuite,
        string? Metadata,
        DateTimeOffset CreatedAt,
        bool RequiresApproval,
        long Epoch,
        int Leaves
    );

    /// <summary>A leaf of a conversation, and the conversation's epoch when the leaf was read.</summary>
    private sealed record Seat(
        string ConvoId,
        long Epoch,
        long LeafIndex,
        string Did,
        string DeviceId,
        bool IsAdmin,
        bool RemovalPending
    );
}
