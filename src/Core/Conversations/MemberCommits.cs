using MlsConsole.Core.Calls;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Core.Welcomes;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <summary>A commit of a member, with what has to come with it.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="Commit">The commit as an MLSMessage with a PublicMessage (RFC 9420 §6).</param>
/// <param name="GroupInfo">
/// The GroupInfo of the epoch that the commit creates, as an MLSMessage or bare (RFC 9420 §12.4.3).
/// </param>
/// <param name="RatchetTree">
/// The content of the ratchet_tree extension of that epoch; null if the tree is in the GroupInfo or left out.
/// </param>
/// <param name="Welcome">The Welcome for the members that the commit adds; null if it adds none.</param>
/// <param name="IdempotencyKey">
/// The caller's key for retries (delivery-service §7); null to have the hash of the commit stand in for it.
/// </param>
/// <param name="RejoinRequestIds">
/// The ids of the requests to be added again that <c>addMembers</c> answers (delivery-service §9); null for none.
/// </param>
public sealed record MemberCommitRequest(
    string ConvoId,
    ReadOnlyMemory<byte> Commit,
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    ReadOnlyMemory<byte>? Welcome,
    string? IdempotencyKey,
    IReadOnlyList<string>? RejoinRequestIds = null
);

/// <summary>
/// Takes members' commits (delivery-service §4.3). A commit is verified completely, together with the GroupInfo of the
/// epoch that the commit creates, before anything is written.
/// </summary>
public sealed partial class MemberCommits
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal MemberCommits(
        CallRunner calls,
        Database database,
        PublicGroups groups,
        CoreSettings settings,
        TimeProvider clock
    ) => (_calls, _database, _groups, _settings, _clock) = (calls, database, groups, settings, clock);

    /// <summary>
    /// Takes a commit that adds members, together with the Welcome for them. The commit removes only leaves that wait
    /// for their removal, and leaves of devices whose requests to be added again it answers.
    /// </summary>
    /// <exception cref="RefusedException">
    /// The commit, its GroupInfo or its Welcome is refused (delivery-service §4); nothing has changed.
    /// </exception>
    public Task<CommitResult> AddMembersAsync(
        Caller caller,
        MemberCommitRequest input,
        CancellationToken cancellation
    ) => RunAsync(caller, MethodNames.AddMembers, input, null, RequireOnlyAdds, cancellation);

    /// <summary>
    /// Takes a commit that removes all leaves of an account, which is no member of the conversation from then on.
    /// </summary>
    /// <param name="caller">An admin. Where the target has left or was banned, any member.</param>
    /// <param name="input">The commit; it comes without a Welcome.</param>
    /// <param name="target">The account that is removed.</param>
    /// <param name="reason">Why the account is removed, for the audit log; null if no reason is given.</param>
    /// <param name="cancellation">Ends the verification and the wait for the turn to write, not the write.</param>
    /// <exception cref="RefusedException">
    /// The commit or its GroupInfo is refused (delivery-service §4); nothing has changed.
    /// </exception>
    public Task<CommitResult> RemoveMemberAsync(
        Caller caller,
        MemberCommitRequest input,
        Did target,
        string? reason,
        CancellationToken cancellation
    ) =>
        RunAsync(
            caller,
            MethodNames.RemoveMember,
            input,
            new RemovalTarget(target.Value, reason),
            RequireOnlyRemoves,
            cancellation
        );

    /// <summary>Takes a commit of a member, whatever proposals it contains.</summary>
    /// <exception cref="RefusedException">
    /// The commit, its GroupInfo or its Welcome is refused (delivery-service §4); nothing has changed.
    /// </exception>
    public Task<CommitResult> CommitAsync(Caller caller, MemberCommitRequest input, CancellationToken cancellation) =>
        RunAsync(caller, MethodNames.Commit, input, null, static (_, _, _) => { }, cancellation);

    private Task<CommitResult> RunAsync(
        Caller caller,
        string method,
        MemberCommitRequest input,
        RemovalTarget? target,
        ContentRule requireContent,
        CancellationToken cancellation
    )
    {
        var requestIds = input.RejoinRequestIds ?? [];
        var call = Call.Procedure(
            caller,
            method,
            input.ConvoId,
            input.IdempotencyKey ?? Call.KeyOf(input.Commit),
            [input.ConvoId, input.Commit, input.GroupInfo, input.RatchetTree, input.Welcome, target?.Did, .. requestIds]
        );
        return _calls.RunAsync(
            call,
            () => DecideAsync(call, input, target, requireContent, cancellation),
            cancellation
        );
    }

    private async Task<Change<CommitResult>> DecideAsync(
        Call call,
        MemberCommitRequest input,
        RemovalTarget? target,
        ContentRule requireContent,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var access = await Access.RequireMemberAsync(context, call.Caller, input.ConvoId, cancellation);
        var (epoch, staged, owners) = await call.JudgeAsync(
            access.Conversation,
            () => JudgeAsync(context, access, input, target, requireContent, cancellation)
        );
        return EpochWriter.ChangeOf(
            epoch,
            _settings.SnapshotInterval,
            _clock.GetUtcNow(),
            written: _ => _groups.Keep(access.Conversation.Id, epoch.Group),
            otherReason: async () =>
            {
                // The statements of the epoch fail also where an account that the commit adds was banned meanwhile.
                await using var later = _database.Read();
                await RequireNotBannedAsync(later, access, staged, owners, CancellationToken.None);
            }
        );
    }

    /// <summary>
    /// Verifies the commit with all that comes with it, for the epoch of the conversation as it was read.
    /// </summary>
    private async Task<(EpochChange Change, StagedCommit Staged, LeafOwners Owners)> JudgeAsync(
        MlsDbContext context,
        Access access,
        MemberCommitRequest input,
        RemovalTarget? target,
        ContentRule requireContent,
        CancellationToken cancellation
    )
    {
        string convoId = access.Conversation.Id;
        var message = DecodeMemberCommit(input.Commit, access.Conversation);
        var group = await _groups.GetAsync(access.Conversation, cancellation);
        var pending = await PendingRemovals.OfAsync(context, convoId, cancellation);
        var staged = await StageAsync(context, convoId, group, message, cancellation);
        var answered = await AnsweredAsync(context, convoId, staged, cancellation);
        requireContent(staged, pending, RequireNamed(input.RejoinRequestIds ?? [], answered));
        var owners = await LeafOwners.FindAsync(context, MemberLeafChanges.LeavesOf(staged, group), cancellation);
        Authorise(access, group, staged, owners, FreeLeaves(pending, answered));
        string? expelled = target is null
            ? null
            : await RequireTargetAsync(context, access, target.Did, staged, pending, cancellation);
        await RequireNotBannedAsync(context, access, staged, owners, cancellation);
        PendingRemovals.RequireRemoved(pending, staged.Removed.Select(entry => entry.LeafIndex.Value));
        var leaves = await MemberLeafChanges.DecideAsync(context, convoId, staged, group, owners, cancellation);
        if (group.MemberCount + staged.Added.Count > _settings.MaxLeaves)
            throw Refusal.TooManyMembers.AsException();
        var welcome = WelcomeOf(input, staged, leaves);
        var next = HandshakeMessages.Accept(staged, input.GroupInfo, input.RatchetTree);

        var change = new EpochChange(
            access.Conversation,
            next,
            input.Commit.ToArray(),
            HandshakeMessages.AsMessage(input.GroupInfo),
            access.Entry.Did,
            null,
            leaves,
            welcome,
            expelled,
            target?.Reason
        );
        // Which key of the service the group lists can change only with the group's extensions.
        if (!next.Context.Extensions.SameAs(group.Context.Extensions))
            change = change with { SignatureKeyId = await SignatureKeys.ListedAsync(context, next, cancellation) };
        return (change, staged, owners);
    }

    private static PublicMessage DecodeMemberCommit(ReadOnlyMemory<byte> commit, Conversation conversation)
    {
        var message = HandshakeMessages.DecodeCommit(commit, conversation);
        if (message.Content.Sender.Type != SenderType.Member)
            throw Refusal.InvalidCommit(DeliveryRules.NotACommit.Id).AsException();
        return message;
    }

    /// <summary>Authenticates the commit and applies it to the group, with the proposals that it names.</summary>
    private async Task<StagedCommit> StageAsync(
        MlsDbContext context,
        string convoId,
        PublicGroup group,
        PublicMessage message,
        CancellationToken cancellation
    )
    {
        var proposals = await ProposalLog.FindAsync(context, convoId, [message.Content], cancellation);
        return HandshakeMessages.InvalidCommit(() =>
        {
            var authenticated = group.Authenticate(message);
            return group.Stage(
                authenticated,
                ProposalLog.AuthenticatedOf(message.Content, proposals, group),
                _clock.GetUtcNow()
            );
        });
    }

    /// <summary>The open requests to be added again whose key packages the commit adds.</summary>
    private async Task<IReadOnlyList<OpenRejoinRequest>> AnsweredAsync(
        MlsDbContext context,
        string convoId,
        StagedCommit staged,
        CancellationToken cancellation
    ) =>
        staged.AddedKeyPackages.Count == 0
            ? []
            : await OpenRejoinRequest.FindAsync(
                context,
                convoId,
                [.. staged.AddedKeyPackages.Select(package => package.Reference.ToArray())],
                _clock.GetUtcNow(),
                _settings.RejoinGracePeriod,
                cancellation
            );

    private static NewWelcome? WelcomeOf(MemberCommitRequest input, StagedCommit staged, LeafChanges leaves)
    {
        if (staged.Added.Count == 0 && input.Welcome is null)
            return null;
        if (staged.Added.Count == 0 || input.Welcome is not { } welcome)
            throw Refusal.InvalidWelcome(DeliveryRules.WelcomeMissing.Id).AsException();
        return NewWelcome.Verify(welcome, staged, [.. leaves.Added.Select(entry => entry.Device)]);
    }

    /// <summary>The account that <c>removeMember</c> removes.</summary>
    /// <param name="Did">The DID of the account.</param>
    /// <param name="Reason">Why the account is removed, for the audit log; null if no reason was given.</param>
    private sealed record RemovalTarget(string Did, string? Reason);
}
