using Microsoft.EntityFrameworkCore;
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

/// <param name="RejoinRequestIds">Those that addMembers answers.</param>
public sealed record MemberCommitInput(
    string ConvoId,
    ReadOnlyMemory<byte> Commit,
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    ReadOnlyMemory<byte>? Welcome,
    string? IdempotencyKey,
    IReadOnlyList<string>? RejoinRequestIds = null
);

/// <summary>Takes members' commits: verified whole, with the GroupInfo of the epoch that they create.</summary>
public sealed class MemberCommits
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

    /// <summary>A commit that adds, with the Welcome of those it adds, and removes only the leaves of devices whose requests it answers and those that wait for their removal.</summary>
    public Task<CommitResult> AddMembersAsync(Caller caller, MemberCommitInput input, CancellationToken cancellation) =>
        RunAsync(caller, "addMembers", input, null, RequireOnlyAdds, cancellation);

    /// <summary>An admin's commit that removes all leaves of an account, which is no member from then on.</summary>
    /// <param name="caller">An admin; of an account that left, any member.</param>
    /// <param name="input">Without a Welcome.</param>
    /// <param name="target">Whom to remove.</param>
    /// <param name="reason">For the audit log.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task<CommitResult> RemoveMemberAsync(
        Caller caller,
        MemberCommitInput input,
        Did target,
        string? reason,
        CancellationToken cancellation
    ) => RunAsync(caller, "removeMember", input, new(target.Value, reason), RequireOnlyRemoves, cancellation);

    /// <summary>Any commit of a member.</summary>
    public Task<CommitResult> CommitAsync(Caller caller, MemberCommitInput input, CancellationToken cancellation) =>
        RunAsync(caller, "commit", input, null, static (_, _, _) => { }, cancellation);

    /// <param name="Did">Whom removeMember removes.</param>
    private sealed record Target(string Did, string? Reason);

    private static void RequireOnlyAdds(
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        IReadOnlyList<OpenRejoinRequest> named
    )
    {
        var free = FreeLeaves(pending, named);
        bool only = staged.Proposals.All(item =>
            item.Proposal switch
            {
                AddProposal => true,
                RemoveProposal remove => free.Contains(remove.Removed.Value),
                SelfRemoveProposal => free.Contains(item.Sender.Index),
                _ => false,
            }
        );
        if (staged.Added.Count == 0 || !only)
            throw Refusal.InvalidCommit(DeliveryRules.OnlyAdds.Id).AsException();
    }

    private static void RequireOnlyRemoves(
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        IReadOnlyList<OpenRejoinRequest> named
    )
    {
        if (staged.Proposals.Any(item => item.Proposal is not (RemoveProposal or SelfRemoveProposal)))
            throw Refusal.InvalidCommit(DeliveryRules.RemoveOfTarget.Id).AsException();
    }

    /// <summary>The leaves that any member may remove: those that wait for it, and those of devices that the same commit adds again because they asked for it.</summary>
    private static HashSet<uint> FreeLeaves(
        IReadOnlyList<PendingLeaf> pending,
        IEnumerable<OpenRejoinRequest> answered
    ) => [.. PendingRemovals.LeavesOf(pending), .. answered.Select(request => request.Leaf).OfType<uint>()];

    private Task<CommitResult> RunAsync(
        Caller caller,
        string method,
        MemberCommitInput input,
        Target? target,
        Action<StagedCommit, IReadOnlyList<PendingLeaf>, IReadOnlyList<OpenRejoinRequest>> requireShape,
        CancellationToken cancellation
    )
    {
        var ids = input.RejoinRequestIds ?? [];
        var call = Call.Procedure(
            caller,
            method,
            input.ConvoId,
            input.IdempotencyKey ?? Call.KeyOf(input.Commit),
            [input.ConvoId, input.Commit, input.GroupInfo, input.RatchetTree, input.Welcome, target?.Did, .. ids]
        );
        return _calls.RunAsync(call, () => DecideAsync(call, input, target, requireShape, cancellation), cancellation);
    }

    private async Task<Change<CommitResult>> DecideAsync(
        Call call,
        MemberCommitInput input,
        Target? target,
        Action<StagedCommit, IReadOnlyList<PendingLeaf>, IReadOnlyList<OpenRejoinRequest>> requireShape,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var access = await Access.RequireMemberAsync(context, call.Caller, input.ConvoId, cancellation);
        var (epoch, staged, owners) = await call.JudgeAsync(
            access.Conversation,
            () => JudgeAsync(context, access, input, target, requireShape, cancellation)
        );
        return EpochWriter.ChangeOf(
            epoch,
            _settings.SnapshotInterval,
            _clock.GetUtcNow(),
            written: _ => _groups.Keep(access.Conversation.Id, epoch.Group),
            otherReason: async () =>
            {
                // An account that the commit adds may have been banned meanwhile.
                await using var later = _database.Read();
                await RequireNotBannedAsync(later, access, staged, owners, CancellationToken.None);
            }
        );
    }

    private async Task<(EpochChange Change, StagedCommit Staged, LeafOwners Owners)> JudgeAsync(
        MlsDbContext context,
        Access access,
        MemberCommitInput input,
        Target? target,
        Action<StagedCommit, IReadOnlyList<PendingLeaf>, IReadOnlyList<OpenRejoinRequest>> requireShape,
        CancellationToken cancellation
    )
    {
        var ids = input.RejoinRequestIds ?? [];
        var message = HandshakeMessages.DecodeCommit(input.Commit, access.Conversation);
        if (message.Content.Sender.Type != SenderType.Member)
            throw Refusal.InvalidCommit(DeliveryRules.NotACommit.Id).AsException();
        var group = await _groups.GetAsync(access.Conversation, cancellation);
        var pending = await PendingRemovals.OfAsync(context, access.Conversation.Id, cancellation);
        var proposals = await ProposalLog.FindAsync(context, access.Conversation.Id, [message.Content], cancellation);
        var staged = HandshakeMessages.InvalidCommit(() =>
        {
            var authenticated = group.Authenticate(message);
            return group.Stage(
                authenticated,
                ProposalLog.AuthenticatedOf(message.Content, proposals, group),
                _clock.GetUtcNow()
            );
        });
        var answered = await AnsweredAsync(context, access.Conversation.Id, staged, cancellation);
        if (!ids.All(id => answered.Any(request => request.Id == id)))
            throw Refusal.InvalidCommit(DeliveryRules.RejoinRequestAnswered.Id).AsException();
        requireShape(staged, pending, [.. answered.Where(request => ids.Contains(request.Id))]);
        var owners = await LeafOwners.FindAsync(context, MemberLeafChanges.LeavesOf(staged, group), cancellation);
        Authorise(access, group, staged, owners, FreeLeaves(pending, answered));
        string? expelled = target is null
            ? null
            : await RequireTargetAsync(context, access, target.Did, staged, pending, cancellation);
        await RequireNotBannedAsync(context, access, staged, owners, cancellation);
        PendingRemovals.RequireRemoved(pending, staged.Removed.Select(entry => entry.LeafIndex.Value));
        var leaves = await MemberLeafChanges.DecideAsync(
            context,
            access.Conversation.Id,
            staged,
            group,
            owners,
            cancellation
        );
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
        if (!next.Context.Extensions.SameAs(group.Context.Extensions))
            change = change with { SignatureKeyId = await SignatureKeys.ListedAsync(context, next, cancellation) };
        return (change, staged, owners);
    }

    /// <summary>delivery-service §4: authorisation follows the proposals, whichever method brought them.</summary>
    private static void Authorise(
        Access access,
        PublicGroup group,
        StagedCommit staged,
        LeafOwners owners,
        IReadOnlySet<uint> free
    )
    {
        var before = group.Leaf(staged.Committer)!;
        SenderRules.RequireSender(access, before, owners, Refusal.InvalidCommit);
        foreach (var item in staged.Proposals)
            if (!item.ByReference)
                Authorisation.Require(access, item.Proposal, group, owners, free);
        SenderRules.RequireSameOwner(before, staged.CommitterLeaf, owners, Refusal.InvalidCommit);
        foreach (var (_, old, updated) in staged.Updated)
            SenderRules.RequireSameOwner(old, updated, owners, Refusal.InvalidCommit);
    }

    /// <summary>The open requests whose key packages the commit adds.</summary>
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

    /// <returns>The account that is no member from then on; null if it left by itself.</returns>
    private static async Task<string?> RequireTargetAsync(
        MlsDbContext context,
        Access access,
        string target,
        StagedCommit staged,
        IReadOnlyList<PendingLeaf> pending,
        CancellationToken cancellation
    )
    {
        string id = access.Conversation.Id;
        bool waits = pending.Any(leaf => leaf.Did == target);
        if (!access.Entry.IsAdmin && !waits)
            throw Refusal.NotAdmin.AsException();
        bool isMember = await context
            .Set<RosterEntry>()
            .AnyAsync(row => row.ConvoId == id && row.Did == target && row.State == RosterState.Member, cancellation);
        var leaves = await context
            .Set<Device>()
            .Where(device => device.Did == target)
            .Join(
                context.Set<Leaf>().Where(leaf => leaf.ConvoId == id),
                device => device.Id,
                leaf => leaf.DeviceRow,
                (_, leaf) => (uint)leaf.LeafIndex
            )
            .ToListAsync(cancellation);
        var removed = staged.Removed.Select(entry => entry.LeafIndex.Value).ToHashSet();
        if (
            target == access.Entry.Did
            || (!isMember && !waits)
            || !leaves.TrueForAll(removed.Contains)
            || !removed.All(leaf => leaves.Contains(leaf) || pending.Any(item => item.LeafIndex == leaf))
        )
            throw Refusal.InvalidCommit(DeliveryRules.RemoveOfTarget.Id).AsException();
        return isMember ? target : null;
    }

    private static async Task RequireNotBannedAsync(
        MlsDbContext context,
        Access access,
        StagedCommit staged,
        LeafOwners owners,
        CancellationToken cancellation
    )
    {
        if (staged.Added.Count == 0)
            return;
        string id = access.Conversation.Id;
        var dids = staged
            .Added.Select(entry => owners.DeviceByIdentity(entry.Leaf)?.Did)
            .OfType<string>()
            .Distinct()
            .ToList();
        if (
            await context
                .Set<Ban>()
                .AnyAsync(
                    ban => dids.Contains(ban.Did) && (ban.ConvoId == id || ban.ConvoId == Ban.FromService),
                    cancellation
                )
        )
            throw Refusal.InvalidCommit(DeliveryRules.AddOfBanned.Id).AsException();
    }

    private static NewWelcome? WelcomeOf(MemberCommitInput input, StagedCommit staged, LeafChanges leaves)
    {
        if (staged.Added.Count == 0 && input.Welcome is null)
            return null;
        if (staged.Added.Count == 0 || input.Welcome is not { } welcome)
            throw Refusal.InvalidWelcome(DeliveryRules.WelcomeMissing.Id).AsException();
        return NewWelcome.Verify(welcome, staged, [.. leaves.Added.Select(entry => entry.Device)]);
    }
}
