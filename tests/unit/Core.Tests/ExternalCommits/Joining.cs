using MlsConsole.Core.Conversations;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rollouts;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Joining
{
    public static TheoryData<ushort> Suites => [1, 2, 3];

    [Theory, MemberData(nameof(Suites))]
    public async Task A_lost_device_rejoins_and_a_second_device_joins(ushort suite)
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync(suite);
        var resync = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        Assert.Equal(2ul, (await service.JoinAsync(convo, bob, resync)).Epoch);

        var tablet = await service.EnrolAsync(bob.Did, "tablet", suite);
        var info = await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(tablet.Caller, new(convo.Id, true), CancellationToken.None);
        Assert.Equal(resync.GroupInfo, info.GroupInfo);
        Assert.Equal(resync.After!.RatchetTree, info.RatchetTree);
        var join = resync.After.ExternalCommit(tablet.Client).Build();
        Assert.Equal(3ul, (await service.JoinAsync(convo, tablet, join)).Epoch);
        Assert.Equal(3, join.After!.Group.MemberCount);
    }

    [Fact]
    public async Task A_retry_gets_the_first_answer_and_other_objects_under_its_key_are_refused()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var commit = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        var first = await service.JoinAsync(convo, bob, commit, "key");
        string state = await service.StateAsync();
        Assert.Equal(first, await service.JoinAsync(convo, bob, commit, "key"));
        await service.RestartAsync();
        Assert.Equal(first, await service.JoinAsync(convo, bob, commit, "key"));
        var other = commit.After!.ExternalCommit(bob.Client).Remove(commit.After.LeafOf(bob.Client)).Build();
        Assert.Equal(
            "IdempotencyConflict",
            (await Assert.ThrowsAsync<RefusedException>(() => service.JoinAsync(convo, bob, other, "key")))
                .Refusal
                .Error
        );
        Assert.Equal(state, await service.StateAsync());
    }

    [Fact]
    public async Task Strangers_and_unknown_conversations_get_one_answer()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, _) = await service.AliceAndBobAsync();
        var charlie = await service.EnrolAsync("did:example:charlie", "phone");
        var commit = convo.Group.ExternalCommit(charlie.Client).Build();
        var refusals = new List<Refusal>();
        foreach (string id in (string[])[convo.Id, "unknown", ""])
        {
            var there = convo with { Id = id };
            refusals.Add(
                (await Assert.ThrowsAsync<RefusedException>(() => service.JoinAsync(there, charlie, commit))).Refusal
            );
            refusals.Add(
                (
                    await Assert.ThrowsAsync<RefusedException>(() =>
                        service
                            .Get<GroupInfoProvider>()
                            .GetGroupInfoAsync(charlie.Caller, new(id, true), CancellationToken.None)
                    )
                ).Refusal
            );
        }
        Assert.Single(refusals.Distinct());
        Assert.Equal(("Unauthorized", nameof(RejoinReason.NotMember)), (refusals[0].Error, refusals[0].Reason));
    }

    [Fact]
    public async Task A_removed_member_may_not_return()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var remove = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.CommitAsync(convo, alice, remove);
        var refused = await Assert.ThrowsAsync<RefusedException>(() =>
            service.JoinAsync(convo, bob, remove.After!.ExternalCommit(bob.Client).Build())
        );
        Assert.Equal(("Unauthorized", nameof(RejoinReason.Removed)), (refused.Refusal.Error, refused.Refusal.Reason));
    }

    [Fact]
    public async Task Off_means_off_before_anything_about_the_conversation()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        await service
            .Get<ExternalCommitsFlag>()
            .SetAsync(FlagState.Off, 0, "test", new("tester", ConsoleRole.Admin), null);
        foreach (string id in (string[])[convo.Id, "unknown"])
            Assert.Equal(
                "ExternalCommitsDisabled",
                (
                    await Assert.ThrowsAsync<RefusedException>(() =>
                        service
                            .Get<GroupInfoProvider>()
                            .GetGroupInfoAsync(bob.Caller, new(id, true), CancellationToken.None)
                    )
                )
                    .Refusal
                    .Error
            );
        var commit = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        Assert.Equal(
            "ExternalCommitsDisabled",
            (await Assert.ThrowsAsync<RefusedException>(() => service.JoinAsync(convo, bob, commit))).Refusal.Error
        );
    }

    [Fact]
    public async Task A_cold_group_is_the_last_snapshot_and_the_commits_after_it()
    {
        await using var service = await Service.StartAsync(Service.NoLimits with { SnapshotInterval = 4 });
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var group = convo.Group;
        for (int i = 0; i < 10; i++)
        {
            var commit = group.ExternalCommit(bob.Client).Remove(group.LeafOf(bob.Client)).Build();
            await service.JoinAsync(convo, bob, commit);
            group = commit.After!;
            if (i % 3 == 0)
                await service.RestartAsync();
        }
        await service.RestartAsync();
        var update = group.Commit(alice.Client).WithPath().Build();
        Assert.Equal(12ul, (await service.CommitAsync(convo, alice, update)).Epoch);
        var commits = await service
            .Get<ConversationReader>()
            .GetCommitsAsync(alice.Caller, new(convo.Id, 0, null), CancellationToken.None);
        Assert.Equal(Enumerable.Range(1, 12).Select(i => (ulong)i), commits.Select(commit => commit.Epoch));
        Assert.Equal(Enumerable.Range(1, 12).Select(i => (long)i), commits.Select(commit => commit.Seq));
    }

    [Fact]
    public async Task Of_two_commits_for_one_epoch_exactly_one_wins()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var group = convo.Group;
        for (int i = 0; i < 100; i++)
        {
            BuiltCommit[] rivals =
            [
                group.Commit(alice.Client).WithPath().Build(),
                group.ExternalCommit(bob.Client).Remove(group.LeafOf(bob.Client)).Build(),
            ];
            var outcomes = await Task.WhenAll(
                Try(() => service.CommitAsync(convo, alice, rivals[0])),
                Try(() => service.JoinAsync(convo, bob, rivals[1]))
            );
            int winner = Array.FindIndex(outcomes, outcome => outcome is null);
            Assert.Equal(1, outcomes.Count(outcome => outcome is null));
            var loser = outcomes[1 - winner]!;
            Assert.Equal(
                ("EpochMismatch", group.Group.Epoch + 1, "stale"),
                (loser.Error, loser.CurrentEpoch, loser.Mismatch)
            );
            group = rivals[winner].After!;
        }

        static async Task<Refusal?> Try(Func<Task<CommitResult>> commit)
        {
            try
            {
                await Task.Run(commit);
                return null;
            }
            catch (RefusedException refused)
            {
                return refused.Refusal;
            }
        }
    }
}
