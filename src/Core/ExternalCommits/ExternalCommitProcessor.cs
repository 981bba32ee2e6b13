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

/// <summary>The input of processExternalCommit.</summary>
/// <param name="ConvoId">The conversation that the device joins.</param>
/// <param name="ExternalCommit">The external commit: an MLSMessage with a PublicMessage (RFC 9420 §12.4.3.2).</param>
/// <param name="GroupInfo">
/// The GroupInfo of the epoch that the commit creates, with or without the header of an MLSMessage.
/// </param>
/// <param name="RatchetTree">
/// The tree of that epoch as the content of a ratchet_tree extension, which must equal the service's; null if the
/// caller does not send it.
/// </param>
/// <param name="TurnId">The id of the turn that the device got for this commit; null if it asked for none.</param>
/// <param name="IdempotencyKey">The caller's key for retries; the hash of the commit stands in for null.</param>
public sealed record ProcessExternalCommitRequest(
    string ConvoId,
    ReadOnlyMemory<byte> ExternalCommit,
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    string? TurnId,
    string? IdempotencyKey
);

/// <summary>
/// Takes external commits, by which a device that lost its state, or a new device, joins without waiting for a member.
/// </summary>
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

    /// <summary>Verifies an external commit and its GroupInfo, and writes the epoch that the commit creates.</summary>
    /// <exception cref="RefusedException">
    /// ExternalCommitsDisabled, Unauthorized, RateLimitExceeded, EpochMismatch, InvalidCommit, WrongUser, GhostLeaf,
    /// DeviceNotApproved, TooManyMembers, InvalidGroupInfo or IdempotencyConflict.
    /// </exception>
    public Task<CommitResult> ProcessExternalCommitAsync(
        Caller caller,
        ProcessExternalCommitRequest input,
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
        ProcessExternalCommitRequest input,
        CancellationToken cancellation
    )
    {
        // The flag is asked before anything about the conversation, so its answer says nothing about the conversation.
        if (!await _flag.IsOnForAsync(call.Caller))
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
        call.Caller.Progress.Admitted = true;
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
        ProcessExternalCommitRequest input,
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
        var currentLeaf = GroupLeaves.LeafOf(group, joiner);
        JoinRules.RequireOwnLeaf(currentLeaf, removes, access.Leaves);
        await RequireApprovedAsync(
            context,
            access,
            joiner,
            authenticated.JoinerLeaf!,
            currentLeaf is { } index ? group.Leaf(index) : null,
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

    /// <summary>
    /// Refuses a device that needs an approval and has none, and then gives back the turn of the device.
    /// </summary>
    /// <remarks>
    /// A device can get a turn and be refused here: a device that has a leaf gets a turn without an approval, because
    /// only its commit tells whether the device comes with the signature key of that leaf or with another one. The turn
    /// is given back so that it does not count as unused.
    /// </remarks>
    /// <param name="context">The database.</param>
    /// <param name="access">The access of the joining account to the conversation.</param>
    /// <param name="joiner">The device that joins.</param>
    /// <param name="newLeaf">The leaf that the commit gives to the device.</param>
    /// <param name="currentLeaf">The leaf that the device has before the commit; null if it has none.</param>
    /// <param name="turnId">The turn that the commit names; null if it names none.</param>
    /// <param name="cancellation">Ends the check.</param>
    /// <exception cref="RefusedException">DeviceNotApproved</exception>
    private async Task RequireApprovedAsync(
        MlsDbContext context,
        Access access,
        Device joiner,
        LeafNode newLeaf,
        LeafNode? currentLeaf,
        string? turnId,
        CancellationToken cancellation
    )
    {
        try
        {
            await ApprovalRequirement.RequireAsync(
                context,
                access,
                joiner,
                newLeaf.SignatureKey,
                currentLeaf,
                cancellation
            );
        }
        catch (RefusedException) when (turnId is not null)
        {
            await _turns.GiveBackAsync(access.Conversation.Id, joiner.Id, turnId, cancellation);
            throw;
        }
    }
}
