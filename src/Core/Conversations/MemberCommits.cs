using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

public sealed record MemberCommitInput(string ConvoId, ReadOnlyMemory<byte> Commit, ReadOnlyMemory<byte> GroupInfo, ReadOnlyMemory<byte>? RatchetTree, ReadOnlyMemory<byte>? Welcome, string? IdempotencyKey);

/// <summary>Takes members' commits: verified whole, with the GroupInfo of the epoch that they create.</summary>
public sealed class MemberCommits
{
    private readonly Attempts _attempts;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal MemberCommits(Attempts attempts, Database database, PublicGroups groups, CoreSettings settings, TimeProvider clock) =>
        (_attempts, _database, _groups, _settings, _clock) = (attempts, database, groups, settings, clock);

    /// <summary>A commit that only adds, with the Welcome of those it adds.</summary>
    public Task<CommitResult> AddMembers(Caller caller, MemberCommitInput input, CancellationToken cancellation) =>
        Run(caller, "addMembers", input, null, RequireOnlyAdds, cancellation);

    /// <summary>An admin's commit that removes all leaves of an account, which is no member from then on.</summary>
    /// <param name="caller">An admin; of an account that left, any member.</param>
    /// <param name="input">Without a Welcome.</param>
    /// <param name="target">Whom to remove.</param>
    /// <param name="reason">For the audit log.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task<CommitResult> RemoveMember(Caller caller, MemberCommitInput input, Did target, string? reason, CancellationToken cancellation) =>
        Run(caller, "removeMember", input, new(target.Value, reason), RequireOnlyRemoves, cancellation);

    /// <summary>Any commit of a member.</summary>
    public Task<CommitResult> Commit(Caller caller, MemberCommitInput input, CancellationToken cancellation) =>
        Run(caller, "commit", input, null, static (_, _) => { }, cancellation);

    /// <param name="Did">Whom removeMember removes.</param>
    private sealed record Target(string Did, string? Reason);

    private static void RequireOnlyAdds(StagedCommit staged, IReadOnlyList<PendingLeaf> pending)
    {
        if (staged.Added.Count == 0 || staged.Proposals.Any(item => item.Proposal is not AddProposal && !IsOfPending(item, pending))) throw new MlsException(DeliveryRules.OnlyAdds);
    }

    private static void RequireOnlyRemoves(StagedCommit staged, IReadOnlyList<PendingLeaf> pending)
    {
        if (staged.Proposals.Any(item => item.Proposal is not (RemoveProposal or SelfRemoveProposal))) throw new MlsException(DeliveryRules.RemoveOfTarget);
    }

    private static bool IsOfPending(CommittedProposal item, IReadOnlyList<PendingLeaf> pending) => item.Proposal switch
    {
        RemoveProposal remove => pending.Any(leaf => leaf.LeafIndex == remove.Removed.Value),
        SelfRemoveProposal => pending.Any(leaf => leaf.LeafIndex == item.Sender.Index),
        _ => false,
    };

    private Task<CommitResult> Run(Caller caller, string method, MemberCommitInput input, Target? target, Action<StagedCommit, IReadOnlyList<PendingLeaf>> requireShape, CancellationToken cancellation)
    {
        var hash = Attempt.HashOf(Encoding.UTF8.GetBytes(input.ConvoId), input.Commit, input.GroupInfo, input.RatchetTree ?? default, input.Welcome ?? default, Encoding.UTF8.GetBytes(target?.Did ?? ""));
        var attempt = new Attempt(caller, method, input.ConvoId, input.IdempotencyKey ?? Convert.ToHexStringLower(Attempt.HashOf(input.Commit)), hash);
        return _attempts.RunAsync(attempt, async () =>
        {
            await using var context = _database.Read();
            var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
            var message = Handshakes.DecodeCommit(input.Commit, access.Conversation);
            if (message.Content.Sender.Type != SenderType.Member) throw Refusal.InvalidCommit(DeliveryRules.NotACommit.Id).AsException();
            var group = await _groups.GetAsync(access.Conversation, cancellation);
            var pending = await PendingRemovals.OfAsync(context, access.Conversation.Id, cancellation);
            var proposals = await ProposalLog.FindAsync(context, access.Conversation.Id, [message.Content], cancellation);
            var staged = Handshakes.InvalidCommit(() =>
            {
                var authenticated = group.Authenticate(message);
                var commit = group.Stage(authenticated, ProposalLog.AuthenticatedOf(message.Content, proposals, group), _clock.GetUtcNow());
                requireShape(commit, pending);
                return commit;
            });
            var owners = await LeafOwners.FindAsync(context, Handshakes.LeavesOf(staged, group), cancellation);
            Authorise(access, group, staged, owners, pending);
            string? expelled = target is null ? null : await RequireTargetAsync(context, access, target.Did, staged, pending, cancellation);
            await RequireNotBannedAsync(context, access, staged, owners, cancellation);
            PendingRemovals.RequireRemoved(pending, staged.Removed.Select(entry => entry.LeafIndex.Value));
            var leaves = await Handshakes.LeafChangesAsync(context, access.Conversation.Id, staged, group, owners, null, cancellation);
            if (group.MemberCount + staged.Added.Count > _settings.MaxLeaves) throw Refusal.TooManyMembers.AsException();
            var welcome = WelcomeOf(input, staged, leaves);
            var next = Handshakes.Accept(staged, input.GroupInfo, input.RatchetTree);

            var change = new EpochChange(access.Conversation, next, input.Commit.ToArray(), Handshakes.AsMessage(input.GroupInfo), caller.Did.Value, null, leaves, welcome, expelled, target?.Reason);
            var result = await EpochWriter.WriteAsync(_attempts, attempt, change, _settings.SnapshotInterval, _clock.GetUtcNow(), cancellation);
            _groups.Keep(access.Conversation.Id, next);
            return result;
        }, cancellation);
    }

    /// <summary>delivery-service §4: authorisation follows the proposals, whichever method brought them.</summary>
    private static void Authorise(Access access, PublicGroup group, StagedCommit staged, LeafOwners owners, IReadOnlyList<PendingLeaf> pending)
    {
        var before = group.Leaf(staged.Committer)!;
        Handshakes.RequireSender(access, before, owners, Refusal.InvalidCommit);
        foreach (var item in staged.Proposals)
            if (!item.ByReference) Authorisation.Require(access, item.Proposal, group, owners, pending);
        Handshakes.RequireSameOwner(before, staged.CommitterLeaf, owners, Refusal.InvalidCommit);
        foreach (var (_, old, updated) in staged.Updated) Handshakes.RequireSameOwner(old, updated, owners, Refusal.InvalidCommit);
    }

    /// <returns>The account that is no member from then on; null if it left by itself.</returns>
    private static async Task<string?> RequireTargetAsync(MlsDbContext context, Access access, string target, StagedCommit staged, IReadOnlyList<PendingLeaf> pending, CancellationToken cancellation)
    {
        string id = access.Conversation.Id;
        bool waits = pending.Any(leaf => leaf.Did == target);
        if (!access.Entry.IsAdmin && !waits) throw Refusal.NotAdmin.AsException();
        bool isMember = await context.Set<RosterEntry>().AnyAsync(row => row.ConvoId == id && row.Did == target && row.State == RosterState.Member, cancellation);
        var leaves = await context.Set<Device>().Where(device => device.Did == target)
            .Join(context.Set<Leaf>().Where(leaf => leaf.ConvoId == id), device => device.Id, leaf => leaf.DeviceRow, (_, leaf) => (uint)leaf.LeafIndex).ToListAsync(cancellation);
        var removed = staged.Removed.Select(entry => entry.LeafIndex.Value).ToHashSet();
        if (target == access.Entry.Did || (!isMember && !waits) || !leaves.TrueForAll(removed.Contains)
            || !removed.All(leaf => leaves.Contains(leaf) || pending.Any(item => item.LeafIndex == leaf))) throw Refusal.InvalidCommit(DeliveryRules.RemoveOfTarget.Id).AsException();
        return isMember ? target : null;
    }

    private static async Task RequireNotBannedAsync(MlsDbContext context, Access access, StagedCommit staged, LeafOwners owners, CancellationToken cancellation)
    {
        if (staged.Added.Count == 0) return;
        string id = access.Conversation.Id;
        var dids = staged.Added.Select(entry => owners.ByIdentity(entry.Leaf)?.Did).OfType<string>().Distinct().ToList();
        if (await context.Set<Ban>().AnyAsync(ban => dids.Contains(ban.Did) && (ban.ConvoId == id || ban.ConvoId == Ban.FromService), cancellation))
            throw Refusal.InvalidCommit(DeliveryRules.AddOfBanned.Id).AsException();
    }

    private static NewWelcome? WelcomeOf(MemberCommitInput input, StagedCommit staged, LeafChanges leaves)
    {
        if (staged.Added.Count == 0 && input.Welcome is null) return null;
        if (staged.Added.Count == 0 || input.Welcome is not { } welcome) throw Refusal.InvalidWelcome(DeliveryRules.WelcomeMissing.Id).AsException();
        return NewWelcome.Verify(welcome, staged, [.. leaves.Added.Select(entry => entry.Device)]);
    }
}
