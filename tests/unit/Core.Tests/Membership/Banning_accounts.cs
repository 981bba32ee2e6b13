using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Events;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Core.Welcomes;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Banning_accounts
{
    [Fact]
    public async Task Who_is_banned_from_a_conversation_gets_nothing_of_it_from_that_moment_and_the_members_are_told()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var other = await service.CreateConvoAsync(bob);
        Assert.True((await BanAsync(service, convo, alice, bob.Did, "spam")).IsBanned);
        Assert.True((await BanAsync(service, convo, alice, bob.Did)).IsBanned);

        foreach (var call in CallsOf(service, convo, bob))
            await RefusedAsBannedAsync(call);
        Assert.Equal(
            [other.Id],
            (await service.Get<ConversationReader>().GetConvosAsync(bob.Caller, new(null, 50), default)).Convos.Select(
                view => view.ConvoId
            )
        );
        Assert.Equal(
            [other.Id],
            (await service.Get<ConversationReader>().GetExpectedConversationsAsync(bob.Caller, null, default)).Select(
                view => view.ConvoId
            )
        );
        Assert.Empty(await service.Get<WelcomeDelivery>().GetWelcomesAsync(bob.Caller, bob.DeviceId, default));
        var told = await Telling_events.For(service, alice.Did);
        Assert.DoesNotContain(await Telling_events.For(service, bob.Did), one => one.ConvoId == convo.Id);
        Assert.All(
            await service.Get<EventReader>().ReadAsync(0, true, default),
            one => Assert.True(one.Event.ConvoId != convo.Id || !one.Members.Contains(bob.Did))
        );
        Assert.Equal(
            [(EventKind.Membership, "banned"), (EventKind.RemovalRequested, null)],
            told.Where(one => one.Did == bob.Did).TakeLast(2).Select(one => (one.Kind, one.Detail))
        );
        var entry = (await service.Get<AuditLog>().LatestAsync(50, default)).Last(entry => entry.Action == "banMember");
        Assert.Equal(
            (alice.Did, $"{convo.Id} {bob.Did}", "accepted", "spam"),
            (entry.Actor, entry.Subject, entry.Outcome, entry.Reason)
        );
    }

    [Fact]
    public async Task Who_is_banned_from_the_service_gets_no_conversation_ticket_key_package_or_device()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var own = await service.CreateConvoAsync(bob);
        own = await service.AddAsync(own, bob, alice);
        var ticket = await service.Get<SubscriptionTickets>().IssueAsync(bob.Caller, null, default);
        Assert.True(await service.Get<Bans>().BanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), "abuse", default));
        Assert.False(await service.Get<Bans>().BanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), null, default));

        foreach (var call in CallsOf(service, convo, bob).Concat(CallsOf(service, own, bob)))
            await RefusedAsBannedAsync(call);
        Func<Task>[] others =
        [
            () => service.ClaimAsync(bob, alice),
            () => service.CreateConvoAsync(bob),
            () => service.Get<SubscriptionTickets>().IssueAsync(bob.Caller, null, default),
            () => service.EnrolAsync(bob.Did, "tablet"),
            () => service.PublishAsync(bob, bob.Client.KeyPackage()),
        ];
        foreach (var call in others)
            await RefusedAsBannedAsync(call);
        Assert.Null(await service.Get<SubscriptionTickets>().TryUseAsync(ticket.Ticket, default));
        Assert.Empty(
            (await service.Get<ConversationReader>().GetConvosAsync(bob.Caller, new(null, 50), default)).Convos
        );
        Assert.Equal(
            [EventKind.SubscriptionsEnded],
            (await Telling_events.For(service, bob.Did)).Select(one => one.Kind).Distinct()
        );
        Assert.Equal([bob.Did], (await service.ClaimAsync(alice, bob)).Missing);
        // Bob was the admin of his own conversation.
        Assert.Equal(
            [("banned", bob.Did), ("promoted", alice.Did)],
            (await Telling_events.For(service, alice.Did))
                .Where(one => one.ConvoId == own.Id && one.Kind == EventKind.Membership)
                .TakeLast(2)
                .Select(one => (one.Detail!, one.Did!))
        );
        Assert.True((await service.PromoteAsync(own, alice, alice.Did)).IsAdmin);
        await Refused("InvalidRequest", () => service.PromoteAsync(own, alice, bob.Did));

        Assert.True(await service.Get<Bans>().UnbanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), null, default));
        Assert.False(await service.Get<Bans>().UnbanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), null, default));
        foreach (var call in others)
            await call();
        await service.Get<GroupInfoProvider>().GetGroupInfoAsync(bob.Caller, new(convo.Id, true), default);
        Assert.Equal(
            [
                ("unbanAccount", bob.Did, null),
                ("unbanAccount", bob.Did, null),
                ("banAccount", bob.Did, null),
                ("banAccount", bob.Did, "abuse"),
            ],
            (await service.Get<AuditLog>().LatestAsync(50, default))
                .Where(item => item.Actor == AuditEntry.Operator)
                .Select(item => (item.Action, item.Subject!, item.Reason))
        );
    }

    [Fact]
    public async Task A_members_commit_has_to_remove_the_leaves_of_who_is_banned_and_any_member_may()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        var remove = convo.Group.Commit(carol.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await Refused("NotAdmin", () => service.CommitAsync(convo, carol, remove));
        await BanAsync(service, convo, alice, bob.Did);
        var pending = await Refused(
            "LeavePending",
            () => service.CommitAsync(convo, carol, convo.Group.Commit(carol.Client).WithPath().Build())
        );
        Assert.Equal([convo.Group.LeafOf(bob.Client).Value], pending.Leaves!);
        Assert.Equal(
            [bob.Did],
            (await service.Get<ConversationReader>().GetConvoAsync(carol.Caller, convo.Id, default))
                .Members.Where(member => member.RemovalPending)
                .Select(member => member.Did)
        );
        await service.CommitAsync(convo, carol, remove);
        await service.CommitAsync(convo, alice, remove.After!.Commit(alice.Client).WithPath().Build());
    }

    [Fact]
    public async Task A_ban_of_another_refuses_no_external_commit_and_members_are_asked_again_until_the_leaf_is_gone()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await BanAsync(service, convo, alice, bob.Did);
        var resync = convo.Group.ExternalCommit(alice.Client).Remove(convo.Group.LeafOf(alice.Client)).Build();
        await service.JoinAsync(convo, alice, resync);
        Assert.Equal([1ul, 2], await Asked());
        await Refused(
            "LeavePending",
            () => service.CommitAsync(convo, alice, resync.After!.Commit(alice.Client).WithPath().Build())
        );
        var remove = resync.After!.Commit(alice.Client).Remove(resync.After.LeafOf(bob.Client)).Build();
        await service.CommitAsync(convo, alice, remove);
        await service.CommitAsync(convo, alice, remove.After!.Commit(alice.Client).WithPath().Build());
        Assert.Equal([1ul, 2], await Asked());

        async Task<IEnumerable<ulong>> Asked() =>
            (await Telling_events.For(service, alice.Did))
                .Where(one => one.Kind == EventKind.RemovalRequested && one.Did == bob.Did)
                .Select(one => one.Epoch!.Value);
    }

    [Fact]
    public async Task The_removed_the_banned_and_the_expired_come_back_by_external_commit_once_they_are_added_again()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(new() { RejoinGracePeriod = TimeSpan.FromDays(2) }, clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        foreach (string how in (string[])["Removed", "Banned", "MembershipExpired"])
        {
            var leaf = convo.Group.LeafOf(bob.Client);
            if (how == "Banned")
                await BanAsync(service, convo, alice, bob.Did);
            if (how == "MembershipExpired")
                await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
            var removed = convo.Group.Commit(alice.Client).Remove(leaf).Build();
            await service.RemoveMemberAsync(convo, alice, bob.Did, removed);
            convo = convo with { Group = removed.After! };
            if (how == "MembershipExpired")
                clock.Advance(TimeSpan.FromDays(2) + TimeSpan.FromMinutes(1));

            var back = convo.Group.ExternalCommit(bob.Client).Build();
            Assert.Equal(
                how,
                (
                    await Refused(
                        "Unauthorized",
                        () =>
                            service.Get<GroupInfoProvider>().GetGroupInfoAsync(bob.Caller, new(convo.Id, true), default)
                    )
                ).Reason
            );
            Assert.Equal(how, (await Refused("Unauthorized", () => service.JoinAsync(convo, bob, back))).Reason);
            if (how == "Banned")
            {
                await Refused("InvalidCommit", () => service.AddAsync(convo, alice, bob), DeliveryRules.AddOfBanned);
                Assert.False((await UnbanAsync(service, convo, alice, bob.Did)).IsBanned);
                // The ban is over, its removal is not.
                Assert.Equal(
                    "Removed",
                    (await Refused("Unauthorized", () => service.JoinAsync(convo, bob, back))).Reason
                );
            }

            convo = await service.AddAsync(convo, alice, bob);
            await service.Get<GroupInfoProvider>().GetGroupInfoAsync(bob.Caller, new(convo.Id, true), default);
            var resync = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
            await service.JoinAsync(convo, bob, resync);
            convo = convo with { Group = resync.After! };
            Assert.Equal(2, convo.Group.Group.MemberCount);
        }
    }

    [Fact]
    public async Task Who_is_unbanned_before_the_leaf_was_removed_is_a_member_as_before_and_nothing_waits()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await BanAsync(service, convo, alice, bob.Did);
        Assert.True(await service.Get<Bans>().BanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), null, default));
        Assert.True((await UnbanAsync(service, convo, alice, bob.Did)).IsBanned); // from the service
        await RefusedAsBannedAsync(() =>
            service.CommitAsync(convo, bob, convo.Group.Commit(bob.Client).WithPath().Build())
        );
        await Refused(
            "LeavePending",
            () => service.CommitAsync(convo, alice, convo.Group.Commit(alice.Client).WithPath().Build())
        );
        Assert.True(await service.Get<Bans>().UnbanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), null, default));
        await service.CommitAsync(convo, bob, convo.Group.Commit(bob.Client).WithPath().Build());
    }

    [Fact]
    public async Task Only_admins_ban_nobody_themselves_and_of_two_who_ban_each_other_one_stays()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        string before = await service.StateAsync();
        await Refused("NotAdmin", () => BanAsync(service, convo, bob, alice.Did));
        await Refused("NotAdmin", () => UnbanAsync(service, convo, bob, alice.Did));
        await Refused("InvalidRequest", () => BanAsync(service, convo, alice, alice.Did));
        await Refused("Unauthorized", () => BanAsync(service, convo with { Id = "no-such" }, alice, bob.Did));
        Assert.Equal(before, await service.StateAsync());

        await service.PromoteAsync(convo, alice, bob.Did);
        await using var second = await service.SecondHostAsync();
        var outcomes = await Task.WhenAll(
            OutcomeAsync(() => BanAsync(service, convo, alice, bob.Did)),
            OutcomeAsync(() => BanAsync(second, convo, bob, alice.Did))
        );
        Assert.Single(outcomes, "accepted");
    }

    [Fact]
    public async Task A_ban_on_one_host_is_one_on_the_other_at_once_also_for_what_was_verified_before_it()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        await using (var second = await service.SecondHostAsync())
        {
            // The second host has read the conversation and keeps its group.
            await second.Get<GroupInfoProvider>().GetGroupInfoAsync(bob.Caller, new(convo.Id, true), default);
            await BanAsync(service, convo, alice, bob.Did);
            foreach (var call in CallsOf(second, convo, bob))
                await RefusedAsBannedAsync(call);
        }
        // Written as if it had been verified a moment before the ban.
        var message = new LogEntry
        {
            ConvoId = convo.Id,
            Kind = LogKind.Message,
            Epoch = 1,
            Message = [1],
            Sender = bob.Did,
            CreatedAt = DateTimeOffset.UtcNow,
        };
        await Assert.ThrowsAsync<OvertakenException>(() =>
            service.Database.WriteAsync(MessageDelivery.StatementsOf(message), default)
        );
        Assert.True(await service.Get<Bans>().BanAccountAsync(Actor.CommandLine, Did.Parse(carol.Did), null, default));
        var statements = new Statements($"""SELECT 1 AS "Value" """);
        Ban.BreakIfBanned(statements, carol.Did, convo.Id);
        await Assert.ThrowsAsync<OvertakenException>(() => service.Database.WriteAsync(statements, default));
    }

    [Fact]
    public async Task Of_a_ban_and_what_the_banned_sends_at_the_same_time_nothing_comes_after_the_ban()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await using var second = await service.SecondHostAsync();
        for (int round = 0; round < 10; round++)
        {
            var sending = Enumerable
                .Range(0, 4)
                .Select(_ =>
                    OutcomeAsync(() =>
                        second
                            .Get<MessageDelivery>()
                            .SendMessageAsync(
                                bob.Caller,
                                new(convo.Id, ProposalBuilder.RandomPrivateMessage(convo.Group), null),
                                default
                            )
                    )
                )
                .ToList();
            var banning = BanAsync(service, convo, alice, bob.Did);
            await banning;
            long last = (
                await service.Get<MessageDelivery>().GetMessagesAsync(alice.Caller, new(convo.Id, 0, 500), default)
            ).LastSeq;
            Assert.All(
                await Task.WhenAll(sending),
                outcome => Assert.Contains(outcome, (string[])["accepted", "Unauthorized"])
            );
            Assert.Equal(
                last,
                (
                    await service.Get<MessageDelivery>().GetMessagesAsync(alice.Caller, new(convo.Id, 0, 500), default)
                ).LastSeq
            );
            await UnbanAsync(service, convo, alice, bob.Did);
        }
    }

    [Fact]
    public async Task Of_a_ban_from_the_service_and_an_Add_at_the_same_time_every_leaf_that_came_waits_for_its_removal()
    {
        await using var service = await Service.StartAsync();
        await using var second = await service.SecondHostAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var convos = new List<TestConvo>();
        for (int i = 0; i < 6; i++)
            convos.Add(await service.CreateConvoAsync(alice));
        for (int round = 0; round < 10; round++)
        {
            var bob = await service.EnrolAsync($"did:example:bob{round}", "phone");
            var packages = convos.Select(_ => bob.Client.KeyPackage()).ToList();
            await service.PublishAsync(bob, [.. packages]);
            var adding = convos
                .Select(
                    (convo, i) =>
                        (
                            Built: convo.Group.Commit(alice.Client).Add(packages[i]).WithPath().Build(),
                            Welcome: ProposalBuilder.RandomWelcome(bob.Client.Suite, packages[i])
                        )
                )
                .ToList();
            var added = convos
                .Select(
                    (convo, i) =>
                        Task.Run(() =>
                            OutcomeAsync(() =>
                                (i % 2 == 0 ? service : second)
                                    .Get<MemberCommits>()
                                    .AddMembersAsync(
                                        alice.Caller,
                                        new(
                                            convo.Id,
                                            adding[i].Built.Commit,
                                            adding[i].Built.GroupInfo,
                                            null,
                                            adding[i].Welcome,
                                            null
                                        ),
                                        default
                                    )
                            )
                        )
                )
                .ToList();
            // After them first; then sooner or later.
            if (round == 0)
                await Task.WhenAll(added);
            for (int i = 0; i < round - 1; i++)
                await second.Get<ConversationReader>().GetConvoAsync(alice.Caller, convos[0].Id, default);
            Assert.True(await second.Get<Bans>().BanAccountAsync(Actor.CommandLine, Did.Parse(bob.Did), null, default));
            var outcomes = await Task.WhenAll(added);
            for (int i = 0; i < convos.Count; i++)
            {
                Assert.Contains(outcomes[i], (string[])["accepted", "InvalidCommit"]);
                if (round == 0)
                    Assert.Equal("accepted", outcomes[i]);
                if (outcomes[i] == "accepted")
                    convos[i] = convos[i] with { Group = adding[i].Built.After! };
                bool has = (
                    await service.Get<ConversationReader>().GetConvoAsync(alice.Caller, convos[i].Id, default)
                ).Members.Any(member => member.Did == bob.Did);
                Assert.Equal(outcomes[i] == "accepted", has);
                if (!has)
                    continue;
                await Refused(
                    "LeavePending",
                    () => service.CommitAsync(convos[i], alice, convos[i].Group.Commit(alice.Client).WithPath().Build())
                );
                var removed = convos[i].Group.Commit(alice.Client).Remove(convos[i].Group.LeafOf(bob.Client)).Build();
                await service.RemoveMemberAsync(convos[i], alice, bob.Did, removed);
                convos[i] = convos[i] with { Group = removed.After! };
            }
        }
    }

    private static IEnumerable<Func<Task>> CallsOf(Service service, TestConvo convo, TestDevice device)
    {
        yield return () =>
            service.Get<GroupInfoProvider>().GetGroupInfoAsync(device.Caller, new(convo.Id, true), default);
        yield return () =>
            service.JoinAsync(
                convo,
                device,
                convo.Group.ExternalCommit(device.Client).Remove(convo.Group.LeafOf(device.Client)).Build()
            );
        yield return () => Asking_to_be_added_again.AskAsync(service, convo, device, device.Client.KeyPackage());
        yield return () => service.CommitAsync(convo, device, convo.Group.Commit(device.Client).WithPath().Build());
        yield return () =>
            service.ProposeAsync(convo, device, convo.Group.Propose(device.Client, new SelfRemoveProposal()));
        yield return () => service.LeaveAsync(convo, device, new SelfRemoveProposal());
        yield return () =>
            service
                .Get<MessageDelivery>()
                .SendMessageAsync(
                    device.Caller,
                    new(convo.Id, ProposalBuilder.RandomPrivateMessage(convo.Group), null),
                    default
                );
        yield return () =>
            service.Get<MessageDelivery>().GetMessagesAsync(device.Caller, new(convo.Id, 0, 50), default);
        yield return () =>
            service.Get<ConversationReader>().GetCommitsAsync(device.Caller, new(convo.Id, 0, null), default);
        yield return () => service.Get<ConversationReader>().GetConvoAsync(device.Caller, convo.Id, default);
        yield return () => service.Get<RejoinRequests>().GetRejoinRequestsAsync(device.Caller, convo.Id, default);
        yield return () =>
            service.Get<GroupInfoPublisher>().RequestRefreshAsync(device.Caller, convo.Id, null, default);
        yield return () => BanAsync(service, convo, device, "did:example:somebody");
    }

    private static Task<SetBanResult> BanAsync(
        Service service,
        TestConvo convo,
        TestDevice by,
        string did,
        string? reason = null
    ) => service.Get<Bans>().BanMemberAsync(by.Caller, new(convo.Id, Did.Parse(did), reason, null), default);

    private static Task<SetBanResult> UnbanAsync(Service service, TestConvo convo, TestDevice by, string did) =>
        service.Get<Bans>().UnbanMemberAsync(by.Caller, new(convo.Id, Did.Parse(did), null, null), default);

    private static async Task RefusedAsBannedAsync(Func<Task> call) =>
        Assert.Equal(nameof(RejoinReason.Banned), (await Refused("Unauthorized", call)).Reason);

    private static async Task<Refusal> Refused(string error, Func<Task> call, Rule? rule = null)
    {
        var refused = (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
        Assert.Equal((error, rule?.Id), (refused.Error, refused.Rule));
        return refused;
    }

    private static async Task<string> OutcomeAsync(Func<Task> call)
    {
        try
        {
            await call();
            return "accepted";
        }
        catch (RefusedException refused)
        {
            return refused.Refusal.Error;
        }
    }
}
