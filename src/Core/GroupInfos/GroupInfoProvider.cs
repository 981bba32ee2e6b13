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

/// <param name="TurnOf">The device that waits for its turn to join; null to have the GroupInfo at once.</param>
public sealed record GetGroupInfoInput(string ConvoId, bool IncludeTree, string? TurnOf = null);

/// <param name="Id">Goes with the external commit.</param>
/// <param name="ExpiresAt">When somebody else has the turn.</param>
public sealed record TurnView(string Id, DateTimeOffset ExpiresAt);

/// <param name="GroupInfo">MLSMessage, as the last committer signed it.</param>
/// <param name="RatchetTree">Content of the ratchet_tree extension; null if it was not asked for.</param>
/// <param name="Epoch">The only epoch that it is good for.</param>
/// <param name="ExpiresAt">A hint how long to keep it.</param>
/// <param name="SelfRemoves">The SelfRemoves that wait in the epoch; the joiner's commit should name them.</param>
/// <param name="Turn">The device's turn, if it asked for one.</param>
public sealed record GroupInfoResult(
    byte[] GroupInfo,
    byte[]? RatchetTree,
    ulong Epoch,
    DateTimeOffset ExpiresAt,
    IReadOnlyList<byte[]> SelfRemoves,
    TurnView? Turn
);

/// <summary>Hands out the GroupInfo of the current epoch to those who may join by external commit.</summary>
public sealed class GroupInfoProvider
{
    // No message has this sequence number.
    private const long OfGroupInfo = 0;

    // In no order: asked for one by seq, SQLite goes through the whole log of the conversation in that order.
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

    /// <summary>The GroupInfo and, unless the caller has no use for it, the ratchet tree.</summary>
    public async Task<GroupInfoResult> GetGroupInfoAsync(
        Caller caller,
        GetGroupInfoInput input,
        CancellationToken cancellation
    )
    {
        var call = Call.Query(caller, MethodNames.GetGroupInfo, input.ConvoId);
        return await _calls.AskAsync(call, () => AnswerAsync(caller, input, cancellation));
    }

    private async Task<GroupInfoResult> AnswerAsync(
        Caller caller,
        GetGroupInfoInput input,
        CancellationToken cancellation
    )
    {
        // The flag is asked before anything about the conversation, so that its answer says nothing about that.
        if (!await _flag.IsOnForAsync(caller.Did))
            throw Refusal.ExternalCommitsDisabled.AsException();
        var access = await AccessAsync(caller, input, cancellation);
        GivenTurn? turn = null;
        if (input.TurnOf is { } deviceId)
        {
            turn = await TakeTurnAsync(access, deviceId, cancellation);
            // Who may, and what there is to give, is asked again after a wait.
            if (turn.Waited || turn.Epoch != access.Conversation.Epoch)
                access = await AccessAsync(caller, input, cancellation);
        }
        while (true)
        {
            var group = await _groups.GetAsync(access.Conversation, cancellation);
            // All of one epoch, or a commit came in between, and who may is asked again.
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

    /// <summary>What is stored for the epoch as it was read; null if that is over.</summary>
    private async Task<(byte[] GroupInfo, IReadOnlyList<byte[]> SelfRemoves)?> FindAsync(
        Conversation conversation,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var rows = await s_stored.For(context)(context, conversation.Id, conversation.Epoch).ToListAsync(cancellation);
        return rows.Find(row => row.Seq == OfGroupInfo) is { } own
            ? (own.Message, ProposalLog.SelfRemoves(rows.Where(row => row != own)))
            : null;
    }

    /// <remarks>The context is closed before anybody waits.</remarks>
    private async Task<Access> AccessAsync(Caller caller, GetGroupInfoInput input, CancellationToken cancellation)
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
