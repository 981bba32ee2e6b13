using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Rows;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// Every row of the policy, with and without a leaf, banned or not: for the GroupInfo, the commits, the external commit
/// and the request to be added again.
/// </summary>
public class Who_may_rejoin
{
    public enum Row
    {
        Member,
        LeftLately,
        LeftLongAgo,
        Removed,
        Never,
        NoConversation,
    }

    public enum BannedFrom
    {
        Nothing,
        Conversation,
        Service,
    }

    public static TheoryData<Row, bool, BannedFrom> Rows
    {
        get
        {
            var rows = new TheoryData<Row, bool, BannedFrom>();
            foreach (var one in Enum.GetValues<Row>())
            foreach (bool hasLeaf in (bool[])[true, false])
            foreach (var banned in Enum.GetValues<BannedFrom>())
                rows.Add(one, hasLeaf, banned);
            return rows;
        }
    }

    private static RejoinReason Expected(Row row, bool hasLeaf, BannedFrom banned) =>
        banned != BannedFrom.Nothing && row != Row.NoConversation
            ? RejoinReason.Banned
            : row switch
            {
                Row.Member => hasLeaf ? RejoinReason.MemberWithLeaf : RejoinReason.MemberWithoutLeaf,
                Row.LeftLately => RejoinReason.Left,
                Row.LeftLongAgo => RejoinReason.MembershipExpired,
                Row.Removed => RejoinReason.Removed,
                _ => RejoinReason.NotMember,
            };

    [Theory, MemberData(nameof(Rows))]
    public async Task The_policy_answers_as_its_table_says(Row row, bool hasLeaf, BannedFrom banned)
    {
        await using var service = await Service.StartAsync();
        var (convo, bob, commit) = await SceneAsync(service, row, hasLeaf, banned);
        var expected = Expected(row, hasLeaf, banned);
        foreach (var call in Calls(service, convo, bob, commit))
        {
            if (RejoinPolicy.Allows(expected))
            {
                await call();
                continue;
            }
            var refused = (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
            Assert.Equal(Refusal.Unauthorized(expected.ToString()), refused);
        }
    }

    public enum Approval
    {
        NotRequired,
        Missing,
        OfAnotherKey,
        Given,
        GivenByOneWhoIsGone,
    }

    public static TheoryData<Row, bool, Approval> RowsOfApproval
    {
        get
        {
            var rows = new TheoryData<Row, bool, Approval>();
            foreach (var one in Enum.GetValues<Row>())
            foreach (bool hasLeaf in (bool[])[true, false])
            foreach (var approval in Enum.GetValues<Approval>())
                rows.Add(one, hasLeaf, approval);
            return rows;
        }
    }

    /// <summary>
    /// Bob comes with the key of his leaf where he has one; where not, the approval decides, and says so to those alone
    /// who might come otherwise.
    /// </summary>
    [Theory, MemberData(nameof(RowsOfApproval))]
    public async Task Where_approval_is_required_the_policy_asks_for_it_after_all_else(
        Row row,
        bool hasLeaf,
        Approval approval
    )
    {
        await using var service = await Service.StartAsync();
        var (convo, bob, commit) = await SceneAsync(service, row, hasLeaf, BannedFrom.Nothing, approval);
        var expected = Expected(row, hasLeaf, BannedFrom.Nothing);
        bool lacks = !hasLeaf && approval is not (Approval.NotRequired or Approval.Given);
        if (lacks && RejoinPolicy.Allows(expected))
            expected = RejoinReason.DeviceNotApproved;
        var calls = Calls(service, convo, bob, commit);
        foreach (var call in (Func<Task>[])[calls[2], calls[3]])
        {
            if (RejoinPolicy.Allows(expected))
                await call();
            else
                Assert.Equal(
                    expected == RejoinReason.DeviceNotApproved
                        ? Refusal.DeviceNotApproved
                        : Refusal.Unauthorized(expected.ToString()),
                    (await Assert.ThrowsAsync<RefusedException>(call)).Refusal
                );
        }
    }

    [Fact]
    public void The_decision_is_the_same_for_who_may_not_whether_or_not_an_approval_lacks()
    {
        var now = DateTimeOffset.UtcNow;
        foreach (
            RosterState? state in (RosterState?[])[null, RosterState.Member, RosterState.Left, RosterState.Removed]
        )
        foreach (int days in (int[])[1, 31])
        foreach (int flags in Enumerable.Range(0, 8))
        {
            var standing = new Standing(
                state,
                now.AddDays(-days),
                (flags & 1) != 0,
                (flags & 2) != 0,
                (flags & 4) != 0
            );
            RejoinReason without = Decide(standing),
                lacking = Decide(standing with { LacksApproval = true });
            Assert.Equal(RejoinPolicy.Allows(without) ? RejoinReason.DeviceNotApproved : without, lacking);
            Assert.False(RejoinPolicy.Allows(lacking) || RejoinPolicy.IsMember(lacking));
        }

        RejoinReason Decide(Standing standing) => RejoinPolicy.Decide(standing, now, TimeSpan.FromDays(30));
    }

    [Fact]
    public async Task Every_no_costs_the_same_commands_of_the_database_and_cryptographic_operations()
    {
        var seen = new Dictionary<int, HashSet<string>>();
        int refusals = 0;
        foreach (var row in Enum.GetValues<Row>())
        {
            foreach (
                var (hasLeaf, banned, approval) in new[]
                {
                    (true, BannedFrom.Nothing, Approval.NotRequired),
                    (false, BannedFrom.Nothing, Approval.NotRequired),
                    (false, BannedFrom.Conversation, Approval.NotRequired),
                    (true, BannedFrom.Service, Approval.NotRequired),
                    (false, BannedFrom.Nothing, Approval.Missing),
                    (false, BannedFrom.Conversation, Approval.Given),
                    (true, BannedFrom.Service, Approval.Missing),
                }
            )
            {
                if (RejoinPolicy.Allows(Expected(row, hasLeaf, banned)))
                    continue;
                await using var service = await Service.StartAsync();
                var (convo, bob, commit) = await SceneAsync(service, row, hasLeaf, banned, approval);
                var calls = Calls(service, convo, bob, commit);
                for (int i = 0; i < calls.Count; i++)
                {
                    IReadOnlyList<SentCommand> sent = [];
                    string operations = await CountedOperations.OfAsync(async () =>
                        sent = await SentCommands.OfAsync(() => Assert.ThrowsAsync<RefusedException>(calls[i]))
                    );
                    seen.TryAdd(i, []);
                    seen[i].Add($"{string.Join("\n;\n", sent.Select(command => command.Text))}\n{operations}");
                    refusals++;
                }
            }
        }
        Assert.True(refusals >= 60, $"{refusals}");
        Assert.All(seen.Values, texts => Assert.Single(texts));
    }

    [Fact]
    public async Task A_yes_costs_operations_that_are_counted()
    {
        await using var service = await Service.StartAsync();
        var (convo, bob, commit) = await SceneAsync(service, Row.Member, hasLeaf: true, BannedFrom.Nothing);
        var operations = new List<string>();
        foreach (var call in Calls(service, convo, bob, commit))
            operations.Add(await CountedOperations.OfAsync(call));
        // The signatures of commit, leaf and GroupInfo.
        Assert.Matches(@"hash \d+, verify 3$", operations[^1]);
    }

    private static List<Func<Task>> Calls(Service service, TestConvo convo, TestDevice bob, BuiltCommit commit) =>
        [
            () =>
                service
                    .Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None),
            () =>
                service
                    .Get<ConversationReader>()
                    .GetCommitsAsync(bob.Caller, new(convo.Id, 0, null), CancellationToken.None),
            () =>
                service
                    .Get<RejoinRequests>()
                    .RejoinAsync(
                        bob.Caller,
                        new(convo.Id, bob.Client.KeyPackage(), null, null),
                        CancellationToken.None
                    ),
            () => service.JoinAsync(convo, bob, commit),
        ];

    /// <summary>
    /// Bob in a state, written as only real requests would; and his external commit, right in every other respect.
    /// </summary>
    private static async Task<(TestConvo Convo, TestDevice Bob, BuiltCommit Commit)> SceneAsync(
        Service service,
        Row row,
        bool hasLeaf,
        BannedFrom banned,
        Approval approval = Approval.NotRequired
    )
    {
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        if (!hasLeaf)
        {
            var remove = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
            await service.CommitAsync(convo, alice, remove);
            convo = convo with { Group = remove.After! };
        }
        var commit = convo.Group.ExternalCommit(bob.Client);
        if (hasLeaf)
            commit = commit.Remove(convo.Group.LeafOf(bob.Client));
        var now = DateTimeOffset.UtcNow;
        await service.Database.WriteAsync(
            async context =>
            {
                var entry = await context
                    .Set<RosterEntry>()
                    .AsTracking()
                    .SingleAsync(row => row.ConvoId == convo.Id && row.Did == bob.Did);
                (entry.State, entry.EndedAt) = row switch
                {
                    Row.LeftLately => (RosterState.Left, now.AddDays(-29)),
                    Row.LeftLongAgo => (RosterState.Left, now.AddDays(-31)),
                    Row.Removed => (RosterState.Removed, now),
                    _ => (RosterState.Member, (DateTimeOffset?)null),
                };
                if (row == Row.Never)
                    context.Remove(entry);
                if (approval != Approval.NotRequired)
                    await context
                        .Set<Conversation>()
                        .Where(item => item.Id == convo.Id)
                        .ExecuteUpdateAsync(set => set.SetProperty(item => item.RequiresApproval, true));
                if (approval > Approval.Missing)
                {
                    // The approval is by Alice's phone, which the service would never take: what counts here is
                    // whether the approving device has a leaf; Alice's phone has one, the tablet has none.
                    var devices = await context.Set<Device>().ToListAsync();
                    context.Add(
                        new DeviceApproval
                        {
                            ConvoId = convo.Id,
                            DeviceRow = RowOf(bob),
                            Epoch = 1,
                            ApprovedAt = now,
                            SignatureKey =
                                approval == Approval.OfAnotherKey ? new byte[32] : bob.Client.SignatureKey.PublicKey,
                            ApprovedBy = RowOf(approval == Approval.GivenByOneWhoIsGone ? tablet : alice),
                        }
                    );

                    long RowOf(TestDevice one) =>
                        devices.Single(device => device.Did == one.Did && device.DeviceId == one.DeviceId).Id;
                }
                return 0;
            },
            CancellationToken.None
        );
        if (banned != BannedFrom.Nothing)
            await service.BanAsync(bob.Did, banned == BannedFrom.Service ? Ban.FromService : convo.Id);
        return (row == Row.NoConversation ? convo with { Id = "no-such-conversation" } : convo, bob, commit.Build());
    }
}
