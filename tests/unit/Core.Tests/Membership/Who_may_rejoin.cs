using Microsoft.EntityFrameworkCore;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>Every row of the policy, with and without a leaf, banned or not: for the GroupInfo, the commits, the external commit and the request to be added again.</summary>
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
                    foreach (var banned in Enum.GetValues<BannedFrom>()) rows.Add(one, hasLeaf, banned);
            return rows;
        }
    }

    private static RejoinReason Expected(Row row, bool hasLeaf, BannedFrom banned) => banned != BannedFrom.Nothing && !(row == Row.NoConversation && banned == BannedFrom.Conversation) ? RejoinReason.Banned : row switch
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

    [Fact]
    public async Task Every_no_costs_the_same_commands_of_the_database_and_cryptographic_operations()
    {
        var seen = new Dictionary<int, HashSet<string>>();
        int refusals = 0;
        foreach (var row in Enum.GetValues<Row>())
        {
            foreach (var (hasLeaf, banned) in new[] { (true, BannedFrom.Nothing), (false, BannedFrom.Nothing), (false, BannedFrom.Conversation), (true, BannedFrom.Service) })
            {
                if (RejoinPolicy.Allows(Expected(row, hasLeaf, banned))) continue;
                await using var service = await Service.StartAsync();
                var (convo, bob, commit) = await SceneAsync(service, row, hasLeaf, banned);
                var calls = Calls(service, convo, bob, commit);
                for (int i = 0; i < calls.Count; i++)
                {
                    IReadOnlyList<SentCommand> sent = [];
                    string operations = await CountedOperations.OfAsync(async () => sent = await SentCommands.OfAsync(() => Assert.ThrowsAsync<RefusedException>(calls[i])));
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
        foreach (var call in Calls(service, convo, bob, commit)) operations.Add(await CountedOperations.OfAsync(call));
        // The signatures of commit, leaf and GroupInfo.
        Assert.Matches(@"hash \d+, verify 3$", operations[^1]);
    }

    private static List<Func<Task>> Calls(Service service, TestConvo convo, TestDevice bob, BuiltCommit commit) =>
    [
        () => service.Get<GroupInfos>().GetGroupInfo(bob.Caller, new(convo.Id, true), CancellationToken.None),
        () => service.Get<Conversations>().GetCommits(bob.Caller, new(convo.Id, 0, null), CancellationToken.None),
        () => service.Get<RejoinRequests>().Rejoin(bob.Caller, new(convo.Id, bob.Client.KeyPackage(), null, null), CancellationToken.None),
        () => service.JoinAsync(convo, bob, commit),
    ];

    /// <summary>Bob in a state, written as only real requests would; and his external commit, right in every other respect.</summary>
    private static async Task<(TestConvo Convo, TestDevice Bob, BuiltCommit Commit)> SceneAsync(Service service, Row row, bool hasLeaf, BannedFrom banned)
    {
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        if (!hasLeaf)
        {
            var remove = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
            await service.CommitAsync(convo, alice, remove);
            convo = convo with { Group = remove.After! };
        }
        var commit = convo.Group.ExternalCommit(bob.Client);
        if (hasLeaf) commit = commit.Remove(convo.Group.LeafOf(bob.Client));
        var now = DateTimeOffset.UtcNow;
        await service.Database.WriteAsync(async context =>
        {
            var entry = await context.Set<RosterEntry>().AsTracking().SingleAsync(row => row.ConvoId == convo.Id && row.Did == bob.Did);
            (entry.State, entry.EndedAt) = row switch
            {
                Row.LeftLately => (RosterState.Left, now.AddDays(-29)),
                Row.LeftLongAgo => (RosterState.Left, now.AddDays(-31)),
                Row.Removed => (RosterState.Removed, now),
                _ => (RosterState.Member, (DateTimeOffset?)null),
            };
            if (row == Row.Never) context.Remove(entry);
            return 0;
        }, CancellationToken.None);
        if (banned != BannedFrom.Nothing) await service.BanAsync(bob.Did, banned == BannedFrom.Service ? Ban.FromService : convo.Id);
        return (row == Row.NoConversation ? convo with { Id = "no-such-conversation" } : convo, bob, commit.Build());
    }
}
