using MlsConsole.Core.Approvals;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.Groups;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.ExternalCommits;

public sealed record ProcessExternalCommitInput(
    string ConvoId,
    ReadOnlyMemory<byte> ExternalCommit,
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    string? TurnId,
    string? IdempotencyKey
);

/// <summary>Takes external commits: a device that lost its state, or a new one, joins at once.</summary>
public sealed class ExternalCommitProcessor
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly ExternalCommitsFlag _flag;
    private readonly JoinTurnConductor _turns;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal ExternalCommitProcessor(
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

    /// <summary>Verifies the commit and its GroupInfo and writes the epoch that it creates.</summary>
    public Task<CommitResult> ProcessExternalCommitAsync(
        Caller caller,
        ProcessExternalCommitInput input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.ProcessExternalCommit,
            input.ConvoId,
            input.IdempotencyKey ?? Call.KeyOf(input.ExternalCommit),
            input.ConvoId,
            input.ExternalCommit,
            input.GroupInfo,
            input.RatchetTree
        );
        return _calls.RunAsync(call, () => DecideAsync(call, input, cancellation), cancellation);
    }

    private async Task<Change<CommitResult>> DecideAsync(
        Call call,
        ProcessExternalCommitInput input,
        CancellationToken cancellation
    )
    {
        // The flag is asked before anything about the conversation, so that its answer says nothing about that.
        if (!await _flag.IsOnForAsync(call.Caller.Did))
            throw Refusal.ExternalCommitsDisabled.AsException();
        await using var context = _database.Read();
        var access = await Access.RequireJoinerAsync(
            context,
            call.Caller,
            input.ConvoId,
            _clock.GetUtcNow(),
            _settings,
            cancellation
        );
        access.Limits.RequireFewRefused();
        var epoch = await call.JudgeAsync(access.Conversation, () => JudgeAsync(context, access, input, cancellation));
        return EpochWriter.ChangeOf(
            epoch,
            _settings.SnapshotInterval,
            _clock.GetUtcNow(),
            written: _ =>
            {
                _groups.Keep(access.Conversation.Id, epoch.Group);
                _turns.Wake(access.Conversation.Id);
            }
        );
    }

    private async Task<EpochChange> JudgeAsync(
        MlsDbContext context,
        Access access,
        ProcessExternalCommitInput input,
        CancellationToken cancellation
    )
    {
        var message = HandshakeMessages.DecodeCommit(input.ExternalCommit, access.Conversation);
        if (message.Content.Sender.Type != SenderType.NewMemberCommit)
            throw Refusal.InvalidCommit(DeliveryRules.NotAnExternalCommit.Id).AsException();
        var group = await _groups.GetAsync(access.Conversation, cancellation);
        var authenticated = HandshakeMessages.InvalidCommit(() => group.Authenticate(message));

        var proposals = await ProposalLog.FindAsync(context, access.Conversation.Id, [message.Content], cancellation);
        var removes = JoinRules.RemovedLeaves(authenticated, group);
        var joiner = access.Leaves.DeviceOf(authenticated.JoinerLeaf!) ?? throw Refusal.WrongUser.AsException();
        access.Limits.Require(joiner);
        var own = GroupLeaves.LeafOf(group, joiner);
        JoinRules.RequireOwnLeaf(own, removes, access.Leaves);
        await RequireApprovedAsync(
            context,
            access,
            joiner,
            authenticated.JoinerLeaf!,
            own is { } index ? group.Leaf(index) : null,
            input.TurnId,
            cancellation
        );

        var staged = HandshakeMessages.InvalidCommit(() =>
            group.Stage(
                authenticated,
                ProposalLog.AuthenticatedOf(message.Content, proposals, group),
                _clock.GetUtcNow()
            )
        );
        if (group.MemberCount - staged.Removed.Count >= _settings.MaxLeaves)
            throw Refusal.TooManyMembers.AsException();
        var next = HandshakeMessages.Accept(staged, input.GroupInfo, input.RatchetTree);

        return new EpochChange(
            access.Conversation,
            next,
            input.ExternalCommit.ToArray(),
            HandshakeMessages.AsMessage(input.GroupInfo),
            access.Entry.Did,
            new(joiner.Id, input.TurnId),
            LeafChanges.OfJoin(staged, joiner),
            null
        );
    }

    /// <remarks>With a turn a device with a leaf gets this far: whether it comes with the key of that, only its commit tells.</remarks>
    private async Task RequireApprovedAsync(
        MlsDbContext context,
        Access access,
        Device joiner,
        LeafNode coming,
        LeafNode? own,
        string? turnId,
        CancellationToken cancellation
    )
    {
        try
        {
            await ApprovalRequirement.RequireAsync(context, access, joiner, coming.SignatureKey, own, cancellation);
        }
        catch (RefusedException) when (turnId is not null)
        {
            await _turns.GiveBackAsync(access.Conversation.Id, joiner.Id, turnId, cancellation);
            throw;
        }
    }
}
