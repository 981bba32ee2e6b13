using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <param name="Cursor">From the page before; null for the first.</param>
/// <param name="Limit">Most conversations of the page.</param>
public sealed record GetConvosInput(string? Cursor, int Limit);

/// <param name="Cursor">For the next page; null if this is the last.</param>
public sealed record GetConvosResult(IReadOnlyList<ConvoView> Convos, string? Cursor);

/// <param name="ShouldBeInGroup">Whether the account may be in the group, so that a device without a leaf should join.</param>
/// <param name="DeviceInGroup">Whether the device, or any of the account's if none was named, has a leaf.</param>
/// <param name="LastActivity">When the last commit, proposal or message came; null if none is kept.</param>
public sealed record ExpectedConversation(
    string ConvoId,
    bool ShouldBeInGroup,
    bool DeviceInGroup,
    ulong Epoch,
    DateTimeOffset? LastActivity
);

/// <summary>Answers questions about conversations: their members, which ones a device should be in, and their commits.</summary>
public sealed class ConversationReader
{
    /// <summary>Most commits of one answer; for more, ask from the last one's epoch.</summary>
    public const int MaxCommits = 200;

    /// <summary>Most conversations that <see cref="GetExpectedConversationsAsync"/> answers with.</summary>
    public const int MaxExpected = 10_000;

    // A page ends early rather than having more members than this; one conversation is always whole.
    private const int MaxLeavesOfPage = 20_000;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal ConversationReader(CallRunner calls, Database database, CoreSettings settings, TimeProvider clock) =>
        (_calls, _database, _settings, _clock) = (calls, database, settings, clock);

    /// <summary>One conversation with its members.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public async Task<ConvoView> GetConvoAsync(Caller caller, string convoId, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var row = (
            await _calls.AskAsync(
                Call.Query(caller, MethodNames.GetConvo, convoId),
                () => Access.RequireMemberAsync(context, caller, convoId, cancellation)
            )
        ).Conversation;
        var seats = await SeatsAsync(context, [row.Id], cancellation);
        return View(
            new(
                row.Id,
                row.GroupId,
                row.CipherSuite,
                row.Metadata,
                row.CreatedAt,
                row.RequiresApproval,
                row.Epoch,
                seats.Count
            ),
            seats
        );
    }

    /// <summary>The conversations that the caller is a member of, in an order that stays.</summary>
    public async Task<GetConvosResult> GetConvosAsync(
        Caller caller,
        GetConvosInput input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        string did = caller.Did.Value,
            cursor = input.Cursor ?? "";
        bool hasDevice = await context
            .Set<Device>()
            .AnyAsync(device => device.Did == did && device.DeletedAt == null, cancellation);
        if (!hasDevice)
            return new([], null);

        var rows = await context
            .Members()
            .Where(entry => entry.Did == did && entry.ConvoId.CompareTo(cursor) > 0)
            .OrderBy(entry => entry.ConvoId)
            .Take(input.Limit + 1)
            .Join(context.Set<Conversation>(), entry => entry.ConvoId, convo => convo.Id, (_, convo) => convo)
            .OrderBy(convo => convo.Id)
            .Select(convo => new Row(
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

    /// <summary>What a device compares with the groups that it has: where it belongs, where it has a leaf, and which epoch is the last.</summary>
    /// <exception cref="RefusedException">Unauthorized: the account has no such device.</exception>
    public async Task<IReadOnlyList<ExpectedConversation>> GetExpectedConversationsAsync(
        Caller caller,
        string? deviceId,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        await using var context = _database.Read();
        var devices = await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetExpectedConversations, deviceId),
            () => DevicesAsync(context, did, deviceId, cancellation)
        );
        var rows = await context
            .Set<RosterEntry>()
            .Where(entry => entry.Did == did)
            .OrderBy(entry => entry.ConvoId)
            .Join(
                context.Set<Conversation>(),
                entry => entry.ConvoId,
                convo => convo.Id,
                (entry, convo) =>
                    new
                    {
                        convo.Id,
                        entry.State,
                        entry.EndedAt,
                        convo.Epoch,
                        IsBanned = context
                            .Set<Ban>()
                            .Any(ban => ban.Did == did && (ban.ConvoId == convo.Id || ban.ConvoId == Ban.FromService)),
                        HasLeaf = context
                            .Set<Leaf>()
                            .Any(leaf => leaf.ConvoId == convo.Id && devices.Contains(leaf.DeviceRow)),
                        LastActivity = context
                            .Set<LogEntry>()
                            .Where(row => row.ConvoId == convo.Id)
                            .OrderByDescending(row => row.Seq)
                            .Select(row => (DateTimeOffset?)row.CreatedAt)
                            .FirstOrDefault(),
                    }
            )
            .ToListAsync(cancellation);
        // Whoever may not is told nothing, not even that there was a conversation.
        return
        [
            .. rows.Select(row =>
                    (
                        row,
                        Should: RejoinPolicy.IsMember(
                            RejoinPolicy.Decide(
                                new(row.State, row.EndedAt, row.HasLeaf, devices.Count > 0, row.IsBanned),
                                default,
                                TimeSpan.MaxValue
                            )
                        )
                    )
                )
                .Where(item => item.Should)
                .Take(MaxExpected)
                .Select(item => new ExpectedConversation(
                    item.row.Id,
                    item.Should,
                    item.row.HasLeaf,
                    (ulong)item.row.Epoch,
                    item.row.LastActivity
                )),
        ];
    }

    /// <summary>The commits after the epoch that the caller is at.</summary>
    public async Task<IReadOnlyList<CommitView>> GetCommitsAsync(
        Caller caller,
        GetCommitsInput input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetCommits, input.ConvoId),
            () => Access.RequireJoinerAsync(context, caller, input.ConvoId, _clock.GetUtcNow(), _settings, cancellation)
        );
        // Epochs on the wire are below 2^53, those beyond the last one have no commits.
        long from = (long)Math.Min(input.FromEpoch, long.MaxValue),
            to = (long)Math.Min(input.ToEpoch ?? long.MaxValue, long.MaxValue);
        var rows = await context
            .Set<LogEntry>()
            .Where(row =>
                row.ConvoId == input.ConvoId && row.Kind == LogKind.Commit && row.Epoch > from && row.Epoch <= to
            )
            .OrderBy(row => row.Epoch)
            .Take(MaxCommits)
            .ToListAsync(cancellation);
        var commits = rows.Select(row => MlsMessage.Decode(row.Message).PublicMessage!.Content).ToList();
        var proposals = await ProposalLog.FindAsync(context, input.ConvoId, commits, cancellation);
        return
        [
            .. rows.Zip(
                commits,
                (row, commit) =>
                    new CommitView(
                        (ulong)row.Epoch,
                        row.Seq,
                        row.Message,
                        ProposalLog.Of(commit, proposals),
                        row.External,
                        row.CreatedAt
                    )
            ),
        ];
    }

    /// <summary>The rows of the account's device of that name, or of all its devices.</summary>
    /// <exception cref="RefusedException">Unauthorized: the account has no device of that name.</exception>
    private static async Task<List<long>> DevicesAsync(
        MlsDbContext context,
        string did,
        string? deviceId,
        CancellationToken cancellation
    )
    {
        var devices = await context
            .Set<Device>()
            .Where(device =>
                device.Did == did && device.DeletedAt == null && (deviceId == null || device.DeviceId == deviceId)
            )
            .Select(device => device.Id)
            .ToListAsync(cancellation);
        return deviceId is null || devices.Count > 0
            ? devices
            : throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
    }

    private static List<Row> PageOf(List<Row> rows, int limit)
    {
        int leaves = 0;
        return [.. rows.Take(limit).TakeWhile((row, i) => (leaves += row.Leaves) <= MaxLeavesOfPage || i == 0)];
    }

    /// <summary>Who sits where, with the epoch of that moment: one statement, so that both are of one moment.</summary>
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

    private static ConvoView View(Row row, IReadOnlyList<Seat> seats) =>
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

    /// <summary>What never changes about a conversation, and its epoch and number of leaves a moment before its members are read.</summary>
    private sealed record Row(
        string Id,
        byte[] GroupId,
        int CipherSuite,
        string? Metadata,
        DateTimeOffset CreatedAt,
        bool RequiresApproval,
        long Epoch,
        int Leaves
    );

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

public sealed record GetCommitsInput(string ConvoId, ulong FromEpoch, ulong? ToEpoch);

/// <param name="Epoch">The epoch that the commit creates.</param>
/// <param name="Proposals">Those that it names by reference, in its order.</param>
public sealed record CommitView(
    ulong Epoch,
    long Seq,
    byte[] Commit,
    IReadOnlyList<byte[]> Proposals,
    bool External,
    DateTimeOffset CreatedAt
);
