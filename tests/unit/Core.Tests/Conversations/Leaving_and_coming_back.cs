using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Outbox;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Leaving_and_coming_back
{
    // Shorter than the lifetime of the tests' key packages.
    private static readonly TimeSpan s_grace = TimeSpan.FromDays(3);

    [Fact]
    public async Task Who_leaves_while_the_log_is_read_gets_nothing_of_what_is_sent_afterwards()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var messages = service.Get<MessageDelivery>();
        await Refused(
            "Unauthorized",
            () =>
                SentCommands.WithAnotherBeforeAsync(
                    "external",
                    async () =>
                    {
                        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
                        await messages.SendMessageAsync(
                            alice.Caller,
                            new(convo.Id, ProposalBuilder.RandomPrivateMessage(convo.Group), null),
                            CancellationToken.None
                        );
                    },
                    () => messages.GetMessagesAsync(bob.Caller, new(convo.Id, 0, 10), CancellationToken.None)
                )
        );
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Who_leaves_gets_nothing_more_and_the_next_members_commit_removes_every_leaf(bool byReference)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var joined = convo.Group.ExternalCommit(tablet.Client).Build();
        await service.JoinAsync(convo, tablet, joined);
        convo = convo with { Group = joined.After! };
        LeafIndex phones = convo.Group.LeafOf(bob.Client),
            tablets = convo.Group.LeafOf(tablet.Client);
        var proposals = await service.LeaveAsync(convo, bob, new SelfRemoveProposal(), new RemoveProposal(tablets));
        Assert.Empty(await Telling_events.For(service, bob.Did));
        await Refused(
            "Unauthorized",
            () =>
                service
                    .Get<MessageDelivery>()
                    .GetMessagesAsync(bob.Caller, new(convo.Id, 0, 10), CancellationToken.None)
        );
        await Refused(
            "LeavePending",
            () => service.CommitAsync(convo, alice, convo.Group.Commit(alice.Client).WithPath().Build())
        );
        await Refused(
            "LeavePending",
            () => service.CommitAsync(convo, alice, convo.Group.Commit(alice.Client).Remove(phones).Build())
        );

        var commit = convo.Group.Commit(alice.Client);
        commit = byReference
            ? commit.Reference(proposals[0]).Reference(proposals[1]).WithPath()
            : commit.Remove(phones).Remove(tablets);
        var removed = commit.Build();
        await service.CommitAsync(convo, alice, removed);
        Assert.Equal(
            ["joined", "joined", "left"],
            (await Telling_events.For(service, alice.Did))
                .Where(one => one.Kind == EventKind.Membership)
                .Select(one => one.Detail)
        );
        await service.CommitAsync(convo, alice, removed.After!.Commit(alice.Client).WithPath().Build());
    }

    [Fact]
    public async Task Any_member_may_remove_who_left()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        var remove = convo.Group.Commit(carol.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await Refused("NotAdmin", () => service.CommitAsync(convo, carol, remove));
        await Refused("NotAdmin", () => service.RemoveMemberAsync(convo, carol, bob.Did, remove));
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        await service.RemoveMemberAsync(convo, carol, bob.Did, remove);
        // Nobody has removed Bob's account but Bob himself, so it may come back.
        await service.JoinAsync(convo, bob, remove.After!.ExternalCommit(bob.Client).Build());
    }

    [Theory, InlineData(-1, true), InlineData(1, false)]
    public async Task The_time_to_come_back_is_counted_from_the_moment_of_leaving(int minutes, bool allowed)
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(new() { RejoinGracePeriod = s_grace }, clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        clock.Advance(TimeSpan.FromDays(10)); // a member for long
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        clock.Advance(s_grace / 2);
        var removed = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.CommitAsync(convo, alice, removed); // starts no new count
        clock.Advance(s_grace / 2 + TimeSpan.FromMinutes(minutes));
        var back = removed.After!.ExternalCommit(bob.Client).Build();
        if (allowed)
        {
            await service
                .Get<GroupInfoProvider>()
                .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None);
            await service
                .Get<ConversationReader>()
                .GetCommitsAsync(bob.Caller, new(convo.Id, 0, null), CancellationToken.None);
            await service.JoinAsync(convo, bob, back);
            return;
        }
        Assert.Equal(
            nameof(RejoinReason.MembershipExpired),
            (await Refused("Unauthorized", () => service.JoinAsync(convo, bob, back))).Reason
        );
        // The same people, added again.
        await service.AddAsync(convo with { Group = removed.After! }, alice, bob);
        await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None);
    }

    [Fact]
    public async Task An_external_commit_is_never_refused_for_a_leave_and_the_members_are_asked_again()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var proposals = await service.LeaveAsync(convo, bob, new RemoveProposal(convo.Group.LeafOf(bob.Client)));
        var tablet = await service.EnrolAsync(alice.Did, "tablet");
        var join = convo.Group.ExternalCommit(tablet.Client).Build();
        await service.JoinAsync(convo, tablet, join);
        var asked = (await Telling_events.For(service, alice.Did)).Single(one =>
            one.Kind == EventKind.RemovalRequested
        );
        Assert.Equal((bob.Did, 2ul), (asked.Did, asked.Epoch));
        await Refused(
            "LeavePending",
            () => service.CommitAsync(convo, alice, join.After!.Commit(alice.Client).WithPath().Build())
        );
        // The proposal of the last epoch is void in the new one.
        Assert.Throws<MlsException>(() => join.After!.Commit(alice.Client).Reference(proposals[0]));
        await service.CommitAsync(
            convo,
            alice,
            join.After!.Commit(alice.Client).Remove(join.After.LeafOf(bob.Client)).Build()
        );
    }

    [Fact]
    public async Task A_returning_leaver_settles_the_leave()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        await Refused("GhostLeaf", () => service.JoinAsync(convo, bob, convo.Group.ExternalCommit(bob.Client).Build()));
        var back = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.JoinAsync(convo, bob, back);
        Assert.Equal(
            "joined",
            (await Telling_events.For(service, bob.Did)).Last(one => one.Kind == EventKind.Membership).Detail
        );
        await service.CommitAsync(convo, alice, back.After!.Commit(alice.Client).WithPath().Build());
    }

    [Fact]
    public async Task A_conversation_always_has_an_admin()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await Refused("NotAdmin", () => service.PromoteAsync(convo, bob, bob.Did));
        await Refused("LastAdmin", () => service.DemoteAsync(convo, alice, alice.Did));
        await Refused("InvalidRequest", () => service.PromoteAsync(convo, alice, "did:example:carol"));
        Assert.True((await service.PromoteAsync(convo, alice, bob.Did)).IsAdmin);
        Assert.False((await service.DemoteAsync(convo, bob, alice.Did)).IsAdmin);
        await Refused("NotAdmin", () => service.DemoteAsync(convo, alice, bob.Did));
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        await service.CommitAsync(
            convo,
            alice,
            convo
                .Group.Commit(alice.Client)
                .With(new GroupContextExtensionsProposal(Extensions.None))
                .Remove(convo.Group.LeafOf(bob.Client))
                .Build()
        );
        Assert.Equal(
            ["promoted", "demoted", "left", "promoted"],
            (await Telling_events.For(service, alice.Did))
                .Where(one => one.Kind == EventKind.Membership)
                .Skip(2)
                .Select(one => one.Detail)
        );
    }

    [Fact]
    public async Task A_member_without_a_leaf_can_be_removed_and_the_reason_is_in_the_audit_log()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        byte[] selfRemove = convo.Group.Propose(bob.Client, new SelfRemoveProposal());
        await service.ProposeAsync(convo, bob, selfRemove);
        var gone = convo.Group.Commit(alice.Client).Reference(selfRemove).WithPath().Build();
        await service.CommitAsync(convo, alice, gone);
        await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None);
        await service.RemoveMemberAsync(
            convo,
            alice,
            bob.Did,
            gone.After!.Commit(alice.Client).WithPath().Build(),
            "spam"
        );
        Assert.Equal(
            ("removeMember", "spam"),
            (await service.Get<AuditLog>().LatestAsync(1, CancellationToken.None))
                .Select(entry => (entry.Action, entry.Reason))
                .Single()
        );
        Assert.Equal(
            nameof(RejoinReason.Removed),
            (
                await Refused(
                    "Unauthorized",
                    () =>
                        service
                            .Get<GroupInfoProvider>()
                            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None)
                )
            ).Reason
        );
    }

    [Fact]
    public async Task Phone_and_tablet_come_back_at_the_same_time_and_both_are_in_without_a_ghost()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(alice.Did, "tablet");
        var joined = convo.Group.ExternalCommit(tablet.Client).Build();
        await service.JoinAsync(convo, tablet, joined);
        var group = joined.After!;
        BuiltCommit[] commits = [Resync(group, alice), Resync(group, tablet)];
        TestDevice[] devices = [alice, tablet];
        var outcomes = await Task.WhenAll(
            devices.Select(
                (device, i) =>
                    Task.Run(async () =>
                    {
                        try
                        {
                            await service.JoinAsync(convo, device, commits[i]);
                            return true;
                        }
                        catch (RefusedException refused) when (refused.Refusal.Error == "EpochMismatch")
                        {
                            return false;
                        }
                    })
            )
        );
        int winner = Array.IndexOf(outcomes, true);
        Assert.False(outcomes[1 - winner]);
        var second = Resync(commits[winner].After!, devices[1 - winner]);
        await service.JoinAsync(convo, devices[1 - winner], second);
        var members = (
            await service.Get<ConversationReader>().GetConvoAsync(bob.Caller, convo.Id, CancellationToken.None)
        ).Members;
        Assert.Equal(["phone", "phone", "tablet"], members.Select(member => member.DeviceId).Order());
        Assert.Equal(3, second.After!.Group.MemberCount);
        byte[] message = ProposalBuilder.RandomPrivateMessage(second.After);
        await service
            .Get<MessageDelivery>()
            .SendMessageAsync(bob.Caller, new(convo.Id, message, null), CancellationToken.None);
        foreach (var device in devices)
            Assert.Equal(
                message,
                (
                    await service
                        .Get<MessageDelivery>()
                        .GetMessagesAsync(device.Caller, new(convo.Id, 0, 50), CancellationToken.None)
                )
                    .Messages[^1]
                    .Message
            );

        static BuiltCommit Resync(TestGroup group, TestDevice device) =>
            group.ExternalCommit(device.Client).Remove(group.LeafOf(device.Client)).Build();
    }

    private static async Task<Refusal> Refused(string error, Func<Task> call)
    {
        var refused = (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
        Assert.Equal(error, refused.Error);
        return refused;
    }
}
