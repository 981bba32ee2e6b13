using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Rows;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Keeping_groups_in_memory
{
    private static async Task<bool> IsLoadedForAsync(Service service, TestConvo convo)
    {
        await using var context = service.Database.Read();
        var conversation = await context.Set<Conversation>().SingleAsync(row => row.Id == convo.Id);
        var sent = await SentCommands.OfAsync(async () =>
            Assert.Equal(
                convo.Group.Group.TreeHash.ToArray(),
                (await service.Get<PublicGroups>().GetAsync(conversation, CancellationToken.None)).TreeHash.ToArray()
            )
        );
        return sent.Count > 0;
    }

    [Fact]
    public async Task What_is_kept_never_takes_more_than_its_bound_and_whoever_comes_later_takes_the_place_of_others()
    {
        await using var probe = await Service.StartAsync();
        long one = PublicGroups.BytesOf(
            (await probe.CreateConvoAsync(await probe.EnrolAsync("did:example:alice", "phone"))).Group.Group
        );
        await using var service = await Service.StartAsync(
            Service.NoLimits with
            {
                GroupCacheBytes = 3 * one + one / 2,
            }
        );
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var convos = new List<TestConvo>();
        for (int i = 0; i < 10; i++)
        {
            convos.Add(await service.CreateConvoAsync(alice));
            Assert.InRange(service.Get<PublicGroups>().LiveBytes, 1, 3 * one + one / 2);
        }
        for (int round = 0; round < 3; round++)
            foreach (var convo in convos)
            {
                // Ten groups do not fit into the memory, so each has been dropped before its next turn.
                Assert.True(await IsLoadedForAsync(service, convo));
                Assert.False(await IsLoadedForAsync(service, convo));
                Assert.InRange(service.Get<PublicGroups>().LiveBytes, one, 3 * one + one / 2);
            }
    }

    [Fact]
    public async Task After_its_time_it_is_compared_with_what_is_stored_however_many_commits_there_were()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var service = await Service.StartAsync(clock: clock);
        var (convo, alice, _) = await service.AliceAndBobAsync();
        for (int minute = 0; minute < 5; minute++)
        {
            Assert.False(await IsLoadedForAsync(service, convo));
            var commit = convo.Group.Commit(alice.Client).WithPath().Build();
            await service.CommitAsync(convo, alice, commit);
            convo = convo with { Group = commit.After! };
            clock.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.True(await IsLoadedForAsync(service, convo));
        Assert.False(await IsLoadedForAsync(service, convo));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(2000)]
    public void What_a_group_is_said_to_take_is_about_what_it_takes(int members)
    {
        byte[] snapshot = PublicGroup
            .FromGroupInfo(UnverifiedGroupInfo.Decode(new SyntheticGroup(members, populated: true).GroupInfo), null)
            .Snapshot();
        var groups = new PublicGroup[Math.Max(1, 8000 / members)];
        double nearest = double.PositiveInfinity;
        // Other tests allocate meanwhile: one try of a few that is right is enough.
        for (int tries = 0; tries < 10 && nearest is < 0.5 or > 2; tries++)
        {
            Array.Clear(groups);
            long before = GC.GetTotalMemory(forceFullCollection: true);
            for (int i = 0; i < groups.Length; i++)
                groups[i] = PublicGroup.Restore(snapshot.ToArray());
            nearest =
                (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)groups.Sum(PublicGroups.BytesOf);
        }
        Assert.InRange(nearest, 0.5, 2);
        GC.KeepAlive(groups);
    }
}
