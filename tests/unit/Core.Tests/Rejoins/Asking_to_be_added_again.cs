using MlsConsole.Core.Conversations;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Retention;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Welcomes;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>The way back that needs a member: a request, Remove and Add in one commit, a Welcome.</summary>
public class Asking_to_be_added_again
{
    [Fact]
    public async Task A_device_that_lost_its_state_comes_back_while_external_commits_are_off_and_any_member_helps()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        await service
            .Get<ExternalCommitsFlag>()
            .SetAsync(FlagState.Off, 0, "test", new("tester", ConsoleRole.Admin), null);
        await Refused(
            "ExternalCommitsDisabled",
            () => service.Get<GroupInfoProvider>().GetGroupInfoAsync(bob.Caller, new(convo.Id, true), default)
        );

        byte[] package = bob.Client.KeyPackage();
        var asked = await AskAsync(service, convo, bob, package, "lost my phone's memory");
        Assert.True(asked.Pending);
        Assert.Equal(
            (bob.Did, bob.DeviceId, asked.RequestId),
            (await Telling_events.For(service, carol.Did))
                .Where(one => one.Kind == EventKind.RejoinRequested)
                .Select(one => (one.Did!, one.DeviceId!, one.Detail!))
                .Single()
        );
        var seen = Assert.Single(
            await service.Get<RejoinRequests>().GetRejoinRequestsAsync(carol.Caller, convo.Id, default)
        );
        Assert.Equal(
            (asked.RequestId, bob.Did, bob.DeviceId, "lost my phone's memory"),
            (seen.RequestId, seen.Did, seen.DeviceId, seen.Reason)
        );
        Assert.Equal(package, seen.KeyPackage);

        var answer = Answer(convo, carol, bob, package);
        await AddAsync(service, convo, carol, answer, package, asked.RequestId);
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        Assert.Equal(
            2ul + 1,
            (await service.Get<WelcomeDelivery>().GetWelcomesAsync(bob.Caller, bob.DeviceId, default))[^1].Epoch
        );
        Assert.Equal(3, answer.After!.Group.MemberCount);
        Assert.Equal(new(asked.RequestId, false), await AskAsync(service, convo, bob, package));
        Assert.DoesNotContain(
            (await Telling_events.For(service, alice.Did)).Where(one => one.Did == bob.Did),
            one => one.Detail == "removed"
        );
        await service.CommitAsync(convo, bob, answer.After!.Commit(bob.Client).WithPath().Build());
    }

    [Fact]
    public async Task Nobody_removes_the_leaf_of_a_device_that_did_not_ask_and_a_request_is_for_its_own_leaf_alone()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        byte[] published = bob.Client.KeyPackage(),
            package = bob.Client.KeyPackage();
        await service.PublishAsync(bob, published);
        var uninvited = Answer(convo, carol, bob, published);
        await Refused(
            "NotAdmin",
            () =>
                service.CommitAsync(
                    convo,
                    carol,
                    uninvited,
                    ProposalBuilder.RandomWelcome(convo.Group.Suite, published)
                )
        );
        await Refused(
            "InvalidCommit",
            () => AddAsync(service, convo, carol, uninvited, published),
            DeliveryRules.OnlyAdds
        );

        var asked = await AskAsync(service, convo, bob, package);
        await Refused(
            "InvalidCommit",
            () => AddAsync(service, convo, carol, Answer(convo, carol, bob, package), package),
            DeliveryRules.OnlyAdds
        ); // not named
        var more = convo
            .Group.Commit(carol.Client)
            .Remove(convo.Group.LeafOf(bob.Client))
            .Remove(convo.Group.LeafOf(alice.Client))
            .Add(package)
            .Build();
        await Refused(
            "InvalidCommit",
            () => AddAsync(service, convo, carol, more, package, asked.RequestId),
            DeliveryRules.OnlyAdds
        );
        await Refused(
            "NotAdmin",
            () => service.CommitAsync(convo, carol, more, ProposalBuilder.RandomWelcome(convo.Group.Suite, package))
        );
        await Refused(
            "NotAdmin",
            () =>
                service.CommitAsync(
                    convo,
                    carol,
                    convo.Group.Commit(carol.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
                )
        );
        // Authorisation follows the proposals: whichever method brings them.
        await service.CommitAsync(
            convo,
            carol,
            Answer(convo, carol, bob, package),
            ProposalBuilder.RandomWelcome(convo.Group.Suite, package)
        );
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
    }

    [Fact]
    public async Task A_device_has_one_open_request_and_its_key_package_is_for_nobody_else()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        byte[] first = bob.Client.KeyPackage(),
            second = bob.Client.KeyPackage();
        var asked = await AskAsync(service, convo, bob, first);
        Assert.Equal(asked, await AskAsync(service, convo, bob, first));
        await service.PublishAsync(bob, second);
        var again = await AskAsync(service, convo, bob, second);
        Assert.NotEqual(asked.RequestId, again.RequestId);
        Assert.Equal(
            again.RequestId,
            Assert
                .Single(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default))
                .RequestId
        );
        // What is claimed first is the key package of the scene. The one of the request was published, too, and is
        // taken out of the store.
        Assert.NotEqual(second, Assert.Single((await service.ClaimAsync(alice, bob)).KeyPackages).KeyPackage);
        Assert.Equal([bob.Did], (await service.ClaimAsync(alice, bob)).Missing);
        await Refused(
            "InvalidCommit",
            () => AddAsync(service, convo, alice, Answer(convo, alice, bob, first), first, asked.RequestId),
            DeliveryRules.RejoinRequestAnswered
        );
        var other = await service.CreateConvoAsync(alice);
        other = await service.AddAsync(other, alice, bob);
        await Refused("InvalidKeyPackage", () => AskAsync(service, other, bob, second), DeliveryRules.KeyPackageUsed);
        await AddAsync(service, convo, alice, Answer(convo, alice, bob, second), second, again.RequestId);
    }

    [Fact]
    public async Task A_request_expires_with_its_time_or_with_its_key_package()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(
            new() { RejoinRequestLifetime = TimeSpan.FromDays(2) },
            clock
        );
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        byte[] package = bob.Client.KeyPackage();
        var asked = await AskAsync(service, convo, bob, package);
        clock.Advance(TimeSpan.FromDays(2) - TimeSpan.FromMinutes(1));
        Assert.Single(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        Assert.False((await AskAsync(service, convo, bob, package)).Pending);
        await Refused(
            "InvalidCommit",
            () => AddAsync(service, convo, alice, Answer(convo, alice, bob, package), package, asked.RequestId),
            DeliveryRules.RejoinRequestAnswered
        );

        ulong now = (ulong)clock.GetUtcNow().ToUnixTimeSeconds();
        byte[] brief = bob.Client.KeyPackage(lifetime: new(now - 60, now + 3600));
        await AskAsync(service, convo, bob, brief);
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        await service.Get<Pruning>().PruneAsync(default);
        Assert.DoesNotContain("rejoin_requests", await service.StateAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_left_lately_asks_too_and_the_commit_that_adds_them_settles_the_leave()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        byte[] package = bob.Client.KeyPackage();
        var asked = await AskAsync(service, convo, bob, package);
        await Refused(
            "InvalidCommit",
            () =>
                AddAsync(
                    service,
                    convo,
                    alice,
                    convo.Group.Commit(alice.Client).Add(package).WithPath().Build(),
                    package,
                    asked.RequestId
                ),
            Rules.TreeSignatureKeyDuplicate
        );
        var answer = Answer(convo, alice, bob, package);
        await AddAsync(service, convo, alice, answer, package, asked.RequestId);
        await service.CommitAsync(convo, bob, answer.After!.Commit(bob.Client).WithPath().Build());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_request_of_somebody_who_is_banned_or_removed_meanwhile_is_none(bool banned)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        byte[] package = bob.Client.KeyPackage();
        var asked = await AskAsync(service, convo, bob, package);
        var commit = Answer(convo, alice, bob, package);
        if (banned)
            await service.BanAsync(bob.Did, convo.Id);
        else
        {
            var removal = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
            await service.CommitAsync(convo, alice, removal);
            commit = removal.After!.Commit(alice.Client).Add(package).WithPath().Build();
        }
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        await Refused(
            "InvalidCommit",
            () => AddAsync(service, convo, alice, commit, package, asked.RequestId),
            DeliveryRules.RejoinRequestAnswered
        );
        await Refused("Unauthorized", () => AskAsync(service, convo, bob, bob.Client.KeyPackage()));
    }

    [Fact]
    public async Task A_device_that_came_back_by_itself_asks_no_more()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        byte[] package = bob.Client.KeyPackage();
        await AskAsync(service, convo, bob, package);
        await service.JoinAsync(
            convo,
            bob,
            convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        Assert.False((await AskAsync(service, convo, bob, package)).Pending);
    }

    [Fact]
    public async Task Only_members_see_requests()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        await AskAsync(service, convo, bob, bob.Client.KeyPackage());
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        await Refused(
            "Unauthorized",
            () => service.Get<RejoinRequests>().GetRejoinRequestsAsync(carol.Caller, convo.Id, default)
        );
    }

    internal static Task<RequestRejoinResult> AskAsync(
        Service service,
        TestConvo convo,
        TestDevice device,
        byte[] package,
        string? reason = null
    ) =>
        service
            .Get<RejoinRequests>()
            .RejoinAsync(device.Caller, new(convo.Id, package, reason, null), CancellationToken.None);

    /// <summary>Remove and Add in one commit.</summary>
    internal static BuiltCommit Answer(TestConvo convo, TestDevice by, TestDevice device, byte[] package) =>
        convo.Group.Commit(by.Client).Remove(convo.Group.LeafOf(device.Client)).Add(package).Build();

    internal static Task<CommitResult> AddAsync(
        Service service,
        TestConvo convo,
        TestDevice by,
        BuiltCommit commit,
        byte[] package,
        params string[] requests
    ) =>
        service
            .Get<MemberCommits>()
            .AddMembersAsync(
                by.Caller,
                new(
                    convo.Id,
                    commit.Commit,
                    commit.GroupInfo,
                    null,
                    ProposalBuilder.RandomWelcome(convo.Group.Suite, package),
                    null,
                    requests
                ),
                CancellationToken.None
            );

    private static async Task Refused(string error, Func<Task> call, Rule? rule = null)
    {
        var refused = (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
        Assert.Equal((error, rule?.Id), (refused.Error, refused.Rule));
    }
}
