using System.Text;
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
        Run(caller, "addMembers", input, RequireOnlyAdds, cancellation);

    /// <summary>Any commit of a member.</summary>
    public Task<CommitResult> Commit(Caller caller, MemberCommitInput input, CancellationToken cancellation) =>
        Run(caller, "commit", input, static _ => { }, cancellation);

    private static void RequireOnlyAdds(StagedCommit staged)
    {
        if (staged.Proposals.Count == 0 || staged.Proposals.Any(item => item.Proposal is not AddProposal)) throw new MlsException(DeliveryRules.OnlyAdds);
    }

    private Task<CommitResult> Run(Caller caller, string method, MemberCommitInput input, Action<StagedCommit> requireShape, CancellationToken cancellation)
    {
        var hash = Attempt.HashOf(Encoding.UTF8.GetBytes(input.ConvoId), input.Commit, input.GroupInfo, input.RatchetTree ?? default, input.Welcome ?? default);
        var attempt = new Attempt(caller, method, input.ConvoId, input.IdempotencyKey ?? Convert.ToHexStringLower(Attempt.HashOf(input.Commit)), hash);
        return _attempts.RunAsync(attempt, async () =>
        {
            await using var context = _database.Read();
            var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
            var message = Handshakes.DecodeCommit(input.Commit, access.Conversation);
            if (message.Content.Sender.Type != SenderType.Member) throw Refusal.InvalidCommit(DeliveryRules.NotACommit.Id).AsException();
            var group = await _groups.GetAsync(access.Conversation, cancellation);
            var proposals = await ProposalLog.FindAsync(context, access.Conversation.Id, [message.Content], cancellation);
            var staged = Handshakes.InvalidCommit(() =>
            {
                var authenticated = group.Authenticate(message);
                var commit = group.Stage(authenticated, ProposalLog.AuthenticatedOf(message.Content, proposals, group), _clock.GetUtcNow());
                requireShape(commit);
                return commit;
            });
            var owners = await LeafOwners.FindAsync(context, Handshakes.LeavesOf(staged, group), cancellation);
            Authorise(access, group, staged, owners);
            var leaves = await Handshakes.LeafChangesAsync(context, access.Conversation.Id, staged, group, owners, null, cancellation);
            if (group.MemberCount + staged.Added.Count > _settings.MaxLeaves) throw Refusal.TooManyMembers.AsException();
            var welcome = WelcomeOf(input, staged, leaves);
            var next = Handshakes.Accept(staged, input.GroupInfo, input.RatchetTree);

            var change = new EpochChange(access.Conversation, next, input.Commit.ToArray(), Handshakes.AsMessage(input.GroupInfo), caller.Did.Value, null, leaves, welcome);
            var result = await _attempts.CommitAsync(attempt, async write =>
                new Done<CommitResult>(await EpochWriter.WriteAsync(write, change, _settings.SnapshotInterval, _clock.GetUtcNow()), group.Epoch, next.Epoch), cancellation);
            _groups.Keep(access.Conversation.Id, next);
            return result;
        }, cancellation);
    }

    /// <summary>delivery-service §4: authorisation follows the proposals, whichever method brought them.</summary>
    private static void Authorise(Access access, PublicGroup group, StagedCommit staged, LeafOwners owners)
    {
        var before = group.Leaf(staged.Committer)!;
        Handshakes.RequireSender(access, before, owners, Refusal.InvalidCommit);
        foreach (var item in staged.Proposals)
            if (!item.ByReference) Authorisation.Require(access, item.Proposal, group, owners);
        Handshakes.RequireSameOwner(before, staged.CommitterLeaf, owners, Refusal.InvalidCommit);
        foreach (var (_, old, updated) in staged.Updated) Handshakes.RequireSameOwner(old, updated, owners, Refusal.InvalidCommit);
    }

    private static NewWelcome? WelcomeOf(MemberCommitInput input, StagedCommit staged, LeafChanges leaves)
    {
        if (staged.Added.Count == 0 && input.Welcome is null) return null;
        if (staged.Added.Count == 0 || input.Welcome is not { } welcome) throw Refusal.InvalidWelcome(DeliveryRules.WelcomeMissing.Id).AsException();
        return NewWelcome.Verify(welcome, staged, [.. leaves.Added.Select(entry => entry.Device)]);
    }
}
