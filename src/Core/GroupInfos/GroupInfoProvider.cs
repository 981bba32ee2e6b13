using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.GroupInfos;

/// <summary>The question for the GroupInfo of a conversation.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="IncludeTree">Whether the answer contains the ratchet tree.</param>
/// <param name="TurnOf">
/// The id of the caller's device that waits for its turn to join (delivery-service §6.3); null to have the GroupInfo
/// at once.
/// </param>
public sealed record GetGroupInfoRequest(string ConvoId, bool IncludeTree, string? TurnOf = null);

/// <summary>A device's turn to join by an external commit (delivery-service §6.3).</summary>
/// <param name="Id">The id of the turn, which the device sends with its external commit.</param>
/// <param name="ExpiresAt">When the turn ends and the next device gets it.</param>
public sealed record JoinTurn(string Id, DateTimeOffset ExpiresAt);

/// <summary>What a device needs to join a conversation by an external commit (RFC 9420 §12.4.3.2).</summary>
/// <param name="GroupInfo">The GroupInfo as an MLSMessage, as the member signed it who published it last.</param>
/// <param name="RatchetTree">The content of the ratchet_tree extension; null if it was not asked for.</param>
/// <param name="Epoch">The epoch of the GroupInfo, the only one for which it is good.</param>
/// <param name="ExpiresAt">A hint how long the client should keep the GroupInfo.</param>
/// <param name="SelfRemoves">
/// The SelfRemove proposals that wait in the epoch, as MLSMessages; the joiner's commit should name them.
/// </param>
/// <param name="Turn">The device's turn; null if the device did not ask for one.</param>
public sealed record GroupInfoResult(
    byte[] GroupInfo,
    byte[]? RatchetTree,
    ulong Epoch,
    DateTimeOffset ExpiresAt,
    IReadOnlyList<byte[]> SelfRemoves,
    JoinTurn? Turn
);

/// <summary>
/// Hands out the GroupInfo of the current epoch to accounts that may join by external commit (delivery-service §3,
/// §5).
/// </summary>
public sealed class GroupInfoProvider
{
    // The sequence number by which the row of the GroupInfo is told from the rows of proposals in the query below. The
    // sequence numbers of a log begin at 1.
    private const long OfGroupInfo = 0;

    // The GroupInfo of an epoch and the proposals that wait in it, in one statement, so that they are of one epoch. The
    // rows come in no order: if they are wanted in the order of seq, SQLite walks through the whole log of the
    // conversation.
    private static readonly CompiledQuery<
        Func<MlsDbContext, string, long, IAsyncEnumerable<ProposalLog.Waiting>>
    > s_stored = new(() =>
        EF.CompileAsyncQuery(
            (MlsDbContext context, string convoId, long epoch) =>
                context
                    .Set<StoredGroupInfo>()
                    .Where(row => row.ConvoId == convoId && row.Epoch == epoch)
                    .Select(row => new { Seq = OfGroupInfo, row.Message })
                    .Concat(
                        context
                            .Set<LogEntry>()
                            .Where(row => row.ConvoId == convoId && row.Kind == LogKind.Proposal && row.Epoch == epoch)
                            .Select(row => new { row.Seq, row.Message })
                    )
                    .Select(row => new ProposalLog.Waiting(row.Seq, row.Message))
        )
    );

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly ExternalCommitsFlag _flag;
    private readonly JoinTurnConductor _turns;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal GroupInfoProvider(
        CallRunner calls,
        Database database,
        PublicGroups groups,
        ExternalCommitsFlag flag,
        JoinTurnConductor turns,
        CoreSettings settings,
        TimeProvider clock
    ) =>
        (_calls, _database, _groups, _flag, _turns, _settings, _clock) = (
            calls,
            database,
            groups,
            flag,
            turns,
            settings,
            clock
        );

    /// <summary>
    /// The GroupInfo of the current epoch and, if it is asked for, the ratchet tree. If a device asks for its turn, the
    /// answer comes when the device has the turn.
    /// </summary>
    /// <exception cref="RefusedException">
    /// ExternalCommitsDisabled: the flag is off for the caller. Unauthorized: the caller may not join, or has no device
    /// with the given id. DeviceNotApproved: the device needs an approval and has none. TurnPending: the device has not
    /// got its turn in time. RateLimitExceeded: the device joined too often, or did not use its turns.
    /// </exception>
    public async Task<GroupInfoResult> GetGroupInfoAsync(
        Caller caller,
        GetGroupInfoRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Query(caller, MethodNames.GetGroupInfo, input.ConvoId);
        return await _calls.AskAsync(call, () => AnswerAsync(caller, input, cancellation));
    }

    private async Task<GroupInfoResult> AnswerAsync(
        Caller caller,
        GetGroupInfoRequest input,
        CancellationToken cancellation
    )
    {
        // The flag is asked before anything about the conversation is read, so that ExternalCommitsDisabled says
        // nothing about the conversation.
        if (!await _flag.IsOnForAsync(caller))
            throw Refusal.ExternalCommitsDisabled.AsException();
        var access = await AccessAsync(caller, input, cancellation);
        GivenTurn? turn = null;
        if (input.TurnOf is { } deviceId)
        {
            turn = await TakeTurnAsync(access, deviceId, cancellation);
            // After a wait, the caller may have lost the right to join, and the conversation may be in a later epoch.
            // So both are read again.
            if (turn.Waited || turn.Epoch != access.Conversation.Epoch)
                access = await AccessAsync(caller, input, cancellation);
        }
        while (true)
        {
            var group = await _groups.GetAsync(access.Conversation, cancellation);
            // Tree, GroupInfo and proposals of an answer are of one epoch. If a commit has ended the epoch since the
            // access was read, nothing is found for the epoch; then the access is read again, with the new epoch.
            if (await FindAsync(access.Conversation, cancellation) is { } found)
                return new(
                    found.GroupInfo,
                    input.IncludeTree ? group.EncodeRatchetTree() : null,
                    group.Epoch,
                    _clock.GetUtcNow() + _settings.GroupInfoCacheLifetime,
                    found.SelfRemoves,
                    turn is null ? null : new(turn.Id, turn.ExpiresAt)
                );
            access = await AccessAsync(caller, input, cancellation);
        }
    }

    /// <summary>
    /// The GroupInfo and the SelfRemoves of the epoch that the conversation was in when it was read; null if the epoch
    /// is over.
    /// </summary>
    private async Task<(byte[] GroupInfo, IReadOnlyList<byte[]> SelfRemoves)?> FindAsync(
        Conversation conversation,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var rows = await s_stored.For(context)(context, conversation.Id, conversation.Epoch).ToListAsync(cancellation);
        return rows.Find(row => row.Seq == OfGroupInfo) is { } groupInfo
            ? (groupInfo.Message, ProposalLog.SelfRemoves(rows.Where(row => row != groupInfo)))
            : null;
    }

    /// <summary>Refuses a caller who may not join, or whose device needs an approval and has none.</summary>
    /// <remarks>
    /// The database context is disposed at the end, so that a request that waits for a turn holds none.
    /// </remarks>
    private async Task<Access> AccessAsync(Caller caller, GetGroupInfoRequest input, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var access = await Access.RequireJoinerAsync(
            context,
            caller,
            input.ConvoId,
            _clock.GetUtcNow(),
            _settings,
            cancellation
        );
        await ApprovalRequirement.RequireAnyAsync(context, access, input.TurnOf, cancellation);
        return access;
    }

    /// <summary>Waits until the caller's device has the turn.</summary>
    private async Task<GivenTurn> TakeTurnAsync(Access access, string deviceId, CancellationToken cancellation)
    {
        var device =
            access.Devices.FirstOrDefault(device => device.DeviceId == deviceId)
            ?? throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
        access.Limits.Require(device);
        var group = await _groups.GetAsync(access.Conversation, cancellation);
        return await _turns.TakeAsync(
            access.Conversation.Id,
            access.Conversation.Epoch,
            device.Id,
            group.MemberCount,
            cancellation
        );
    }
}
