using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rejoins;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// A conversation that requires approval: what an account's tokens alone can do does not let a device in.
/// </summary>
public class Approving_devices
{
    [Fact]
    public async Task A_new_device_comes_in_by_no_way_before_one_of_its_account_has_approved_it_and_by_every_way_then()
    {
        foreach (int way in (int[])[0, 1])
        {
            await using var service = await Service.StartAsync();
            var (convo, _, bob, tablet) = await SceneAsync(service);
            var ways = WaysIn(service, convo, tablet);
            foreach (var call in ways)
                Assert.Equal(Refusal.DeviceNotApproved, await Refused(call));
            await ApproveAsync(service, convo, bob, tablet);
            await GroupInfoAsync(service, convo, tablet);
            await ways[way]();
        }
    }

    [Fact]
    public async Task An_approval_is_good_for_one_join()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        await ApproveAsync(service, convo, bob, tablet);
        convo = await JoinAsync(service, convo, tablet);
        // Its leaf is what lets it in again.
        convo = await JoinAsync(service, convo, tablet);
        convo = await RemoveAsync(service, convo, alice, tablet);
        Assert.Equal("DeviceNotApproved", (await Refused(() => JoinAsync(service, convo, tablet))).Error);
        await ApproveAsync(service, convo, bob, tablet);
        await JoinAsync(service, convo, tablet);
    }

    [Fact]
    public async Task A_device_that_lost_its_state_needs_none_and_with_a_key_that_was_not_in_its_leaf_it_does()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob, _) = await SceneAsync(service);
        convo = await JoinAsync(service, convo, bob);
        await Asking_to_be_added_again.AskAsync(service, convo, bob, bob.Client.KeyPackage());
        // What whoever mints Bob's tokens can do: another key for a device that is in.
        var reinstalled = bob.With(bob.Client.Reinstalled());
        await service.RegisterAsync(bob.Did, bob.DeviceId, reinstalled.Client);
        var resync = convo.Group.ExternalCommit(reinstalled.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        Assert.Equal(Refusal.DeviceNotApproved, await Refused(() => service.JoinAsync(convo, reinstalled, resync)));
        Assert.Equal(
            Refusal.DeviceNotApproved,
            await Refused(() =>
                Asking_to_be_added_again.AskAsync(service, convo, reinstalled, reinstalled.Client.KeyPackage())
            )
        );
        // The device deleted and enrolled anew is no other case.
        await service.Get<DeviceRegistry>().DeleteDeviceAsync(bob.Caller, new(bob.DeviceId, null), default);
        await service.RegisterAsync(bob.Did, bob.DeviceId, reinstalled.Client);
        Assert.Equal(Refusal.DeviceNotApproved, await Refused(() => service.JoinAsync(convo, reinstalled, resync)));
        // With the old key in hand it vouches for its new one.
        await service.RegisterAsync(bob.Did, bob.DeviceId, bob.Client);
        await ApproveAsync(service, convo, bob, reinstalled);
        await service.JoinAsync(convo, reinstalled, resync);
    }

    [Fact]
    public async Task A_device_that_awaits_approval_keeps_nobody_waiting_in_the_line_and_is_not_barred_from_it()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob, _) = await SceneAsync(service);
        var reinstalled = bob.With(bob.Client.Reinstalled());
        await service.RegisterAsync(bob.Did, bob.DeviceId, reinstalled.Client);
        var resync = convo.Group.ExternalCommit(reinstalled.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        for (int i = 0; i <= JoinLine.MaxUnused; i++)
        {
            var turn = (await GroupInfoAsync(service, convo, reinstalled)).Turn!;
            Assert.Equal(
                Refusal.DeviceNotApproved,
                await Refused(() => service.JoinAsync(convo, reinstalled, resync, turnId: turn.Id))
            );
            await using var context = service.Database.Read();
            Assert.False(await context.Set<JoinPlace>().AnyAsync());
        }
    }

    [Fact]
    public async Task It_is_for_one_key()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob, tablet) = await SceneAsync(service);
        var other = tablet.With(tablet.Client.Reinstalled());
        await service.RegisterAsync(tablet.Did, tablet.DeviceId, other.Client);
        await ApproveAsync(service, convo, bob, tablet);
        Assert.Equal(Refusal.DeviceNotApproved, await Refused(() => JoinAsync(service, convo, other)));
        await JoinAsync(service, convo, tablet);
    }

    [Fact]
    public async Task It_lapses_when_the_device_that_gave_it_is_removed_also_for_a_request_that_waits()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        var laptop = await service.EnrolAsync(bob.Did, "laptop");
        convo = await service.AddAsync(convo, alice, laptop);
        await ApproveAsync(service, convo, bob, tablet);
        byte[] package = tablet.Client.KeyPackage();
        var asked = await Asking_to_be_added_again.AskAsync(service, convo, tablet, package);
        Assert.Equal(
            [asked.RequestId],
            (await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default)).Select(
                request => request.RequestId
            )
        );
        convo = await RemoveAsync(service, convo, alice, bob);
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        var adding = convo.Group.Commit(alice.Client).Add(package).WithPath().Build();
        Assert.Equal(
            DeliveryRules.RejoinRequestAnswered.Id,
            (
                await Refused(() =>
                    Asking_to_be_added_again.AddAsync(service, convo, alice, adding, package, asked.RequestId)
                )
            ).Rule
        );
        Assert.Equal("DeviceNotApproved", (await Refused(() => JoinAsync(service, convo, tablet))).Error);
        await ApproveAsync(service, convo, laptop, tablet);
        await JoinAsync(service, convo, tablet);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task It_ends_with_either_device_and_cannot_be_sent_again(bool endApproved)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        var input = Signed(convo, bob, tablet);
        await service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, input, default);
        var ended = endApproved ? tablet : bob;
        await service.Get<DeviceRegistry>().DeleteDeviceAsync(ended.Caller, new(ended.DeviceId, null), default);
        await service.RegisterAsync(ended.Did, ended.DeviceId, ended.Client);
        Assert.Equal(
            Refusal.InvalidApproval,
            await Refused(() => service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, input, default))
        );
        Assert.Equal(Refusal.DeviceNotApproved, await Refused(() => JoinAsync(service, convo, tablet)));
        convo = await CommitAsync(service, convo, alice);
        Assert.Equal(
            "EpochMismatch",
            (await Refused(() => service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, input, default))).Error
        );
        await ApproveAsync(service, convo, bob, tablet);
        await JoinAsync(service, convo, tablet);
    }

    [Fact]
    public async Task It_outlives_the_epochs_that_others_begin()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        await ApproveAsync(service, convo, bob, tablet);
        for (int i = 0; i < 3; i++)
            convo = await CommitAsync(service, convo, alice);
        await JoinAsync(service, convo, tablet);
    }

    public static TheoryData<string> Spoilt =>
        [
            "another member's key",
            "the new device's own key",
            "another group",
            "another epoch",
            "another account",
            "another device",
            "another key",
            "another label",
            "no signature",
        ];

    [Theory, MemberData(nameof(Spoilt))]
    public async Task What_is_not_signed_with_the_key_in_the_approving_devices_leaf_over_all_of_it_is_refused(
        string what
    )
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        var right = Signed(convo, bob, tablet);
        byte[] Sign(TestDevice by, byte[] content, string label = DeviceApprovals.Label) =>
            by.Client.Suite.SignWithLabel(by.Client.SignatureKey.PrivateKey, label, content);
        byte[] content = Content(convo, tablet),
            key = tablet.Client.SignatureKey.PublicKey,
            group = convo.Group.Group.GroupId.ToArray();
        byte[] spoilt = what switch
        {
            "another member's key" => Sign(alice, content),
            "the new device's own key" => Sign(tablet, content),
            "another group" => Sign(
                bob,
                DeviceApprovals.ToBeSigned([.. group, 0], right.Epoch, tablet.Did, tablet.DeviceId, key)
            ),
            "another epoch" => Sign(
                bob,
                DeviceApprovals.ToBeSigned(group, right.Epoch - 1, tablet.Did, tablet.DeviceId, key)
            ),
            "another account" => Sign(
                bob,
                DeviceApprovals.ToBeSigned(group, right.Epoch, alice.Did, tablet.DeviceId, key)
            ),
            "another device" => Sign(bob, DeviceApprovals.ToBeSigned(group, right.Epoch, tablet.Did, "laptop", key)),
            "another key" => Sign(
                bob,
                DeviceApprovals.ToBeSigned(
                    group,
                    right.Epoch,
                    tablet.Did,
                    tablet.DeviceId,
                    bob.Client.SignatureKey.PublicKey
                )
            ),
            "another label" => Sign(bob, content, "FramedContentTBS"),
            _ => [],
        };
        Assert.Equal(
            Refusal.InvalidApproval,
            await Refused(() =>
                service
                    .Get<DeviceApprovals>()
                    .ApproveDeviceAsync(bob.Caller, right with { Signature = spoilt }, default)
            )
        );
        Assert.Equal(Refusal.DeviceNotApproved, await Refused(() => JoinAsync(service, convo, tablet)));
        await service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, right, default);
        await JoinAsync(service, convo, tablet);
    }

    [Fact]
    public async Task Only_an_accounts_own_device_with_a_leaf_approves_and_only_one_of_its_own()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        var laptop = await service.EnrolAsync(bob.Did, "laptop");
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        Task<Refusal> By(TestDevice by, TestDevice approved, string? name = null) =>
            Refused(() =>
                service.Get<DeviceApprovals>().ApproveDeviceAsync(by.Caller, Signed(convo, by, approved, name), default)
            );
        Assert.Equal(Refusal.Unauthorized("NoLeaf"), await By(laptop, tablet));
        Assert.Equal(Refusal.Unauthorized("NoDevice"), await By(bob, tablet, "no-such-device"));
        Assert.Equal(Refusal.Unauthorized("NotMember"), await By(carol, tablet));
        Assert.Equal("InvalidRequest", (await By(alice, tablet)).Error);
        Assert.Equal("InvalidRequest", (await By(bob, alice)).Error);
        Assert.Equal("InvalidRequest", (await By(bob, tablet.With(tablet.Client.Reinstalled()))).Error);
        await service.BanAsync(bob.Did, convo.Id);
        Assert.Equal(Refusal.Unauthorized("Banned"), await By(bob, tablet));
    }

    [Fact]
    public async Task A_retry_gets_the_same_answer_and_the_audit_log_has_it_once()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        var input = Signed(convo, bob, tablet) with { IdempotencyKey = "once" };
        var first = await service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, input, default);
        await CommitAsync(service, convo, alice);
        Assert.Equal(first, await service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, input, default));
        Assert.Equal(
            [(tablet.DeviceId, convo.Id)],
            (await Telling_events.For(service, alice.Did))
                .Where(one => one.Kind == EventKind.DeviceApproved)
                .Select(one => (one.DeviceId, one.ConvoId))
        );
        Assert.Equal(
            "IdempotencyConflict",
            (
                await Refused(() =>
                    service.Get<DeviceApprovals>().ApproveDeviceAsync(bob.Caller, input with { Epoch = 0 }, default)
                )
            ).Error
        );
        Assert.Equal(
            [(bob.Did, $"{convo.Id} {tablet.DeviceId}")],
            (await service.Get<AuditLog>().LatestAsync(50, default))
                .Where(entry => entry is { Action: "approveDevice", Outcome: RequestOutcomes.Accepted })
                .Select(entry => (entry.Actor, entry.Subject!))
        );
    }

    [Fact]
    public async Task A_members_Add_is_an_approval_in_itself()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, tablet) = await SceneAsync(service);
        convo = await service.AddAsync(convo, alice, tablet);
        var laptop = await service.EnrolAsync(bob.Did, "laptop");
        convo = await service.AddAsync(convo, bob, laptop);
        await JoinAsync(service, convo, tablet);
    }

    [Fact]
    public async Task Who_left_comes_back_by_themselves_while_a_leaf_of_the_device_is_there_and_later_by_a_member()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob, _) = await SceneAsync(service);
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        convo = await JoinAsync(service, convo, bob);
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        convo = await RemoveAsync(service, convo, alice, bob);
        Assert.Equal("DeviceNotApproved", (await Refused(() => JoinAsync(service, convo, bob))).Error);
        await service.AddAsync(convo, alice, bob);
    }

    [Fact]
    public async Task Where_it_is_not_required_nothing_is_asked_and_both_are_shown()
    {
        await using var service = await Service.StartAsync();
        var (requiring, _, bob, tablet) = await SceneAsync(service);
        var free = await service.CreateConvoAsync(bob);
        await service.JoinAsync(free, tablet, free.Group.ExternalCommit(tablet.Client).Build());
        Assert.False(
            (await service.Get<ConversationReader>().GetConvoAsync(bob.Caller, free.Id, default)).RequiresApproval
        );
        Assert.True(
            (await service.Get<ConversationReader>().GetConvoAsync(bob.Caller, requiring.Id, default)).RequiresApproval
        );
        Assert.Equal(
            new[] { (free.Id, false), (requiring.Id, true) }.Order(),
            (await service.Get<ConversationReader>().GetConvosAsync(bob.Caller, new(null, 50), default))
                .Convos.Select(view => (view.ConvoId, view.RequiresApproval))
                .Order()
        );
    }

    [Fact]
    public async Task It_costs_the_commands_of_a_join_nothing_where_the_key_is_known_and_one_where_it_is_not()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob, tablet) = await SceneAsync(service);
        var free = await service.CreateConvoAsync(bob);
        await GroupInfoAsync(service, free, bob); // the first asks for the flag too
        int join = await CountAsync(async () => free = await JoinAsync(service, free, tablet)),
            again = await CountAsync(async () => free = await JoinAsync(service, free, bob));
        await ApproveAsync(service, convo, bob, tablet);
        // One more that asks, one more that ends the approval, which is in the transaction of the epoch.
        Assert.Equal(again + 1, await CountAsync(async () => convo = await JoinAsync(service, convo, bob)));
        Assert.Equal(join + 2, await CountAsync(() => JoinAsync(service, convo, tablet)));

        async Task<int> CountAsync(Func<Task> act) => (await SentCommands.OfAsync(act)).Count;
    }

    /// <summary>Alice's and Bob's phones are in; Bob's tablet is enrolled.</summary>
    internal static async Task<(TestConvo Convo, TestDevice Alice, TestDevice Bob, TestDevice Tablet)> SceneAsync(
        Service service
    )
    {
        var (alice, bob) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone")
        );
        var group = TestGroup.Create(alice.Client);
        var view = await service
            .Get<ConversationCreator>()
            .CreateConvoAsync(alice.Caller, new(group.GroupInfo, null, null, null, RequiresApproval: true), default);
        Assert.True(view.RequiresApproval);
        var convo = await service.AddAsync(new(view.ConvoId, group), alice, bob);
        return (convo, alice, bob, await service.EnrolAsync(bob.Did, "tablet"));
    }

    internal static Task ApproveAsync(Service service, TestConvo convo, TestDevice by, TestDevice device) =>
        service.Get<DeviceApprovals>().ApproveDeviceAsync(by.Caller, Signed(convo, by, device), default);

    internal static ApproveDeviceRequest Signed(
        TestConvo convo,
        TestDevice by,
        TestDevice device,
        string? nameOfBy = null
    ) =>
        new(
            convo.Id,
            device.DeviceId,
            device.Client.SignatureKey.PublicKey,
            nameOfBy ?? by.DeviceId,
            convo.Group.Group.Epoch,
            by.Client.Suite.SignWithLabel(
                by.Client.SignatureKey.PrivateKey,
                DeviceApprovals.Label,
                Content(convo, device)
            ),
            null
        );

    private static byte[] Content(TestConvo convo, TestDevice device) =>
        DeviceApprovals.ToBeSigned(
            convo.Group.Group.GroupId.Span,
            convo.Group.Group.Epoch,
            device.Did,
            device.DeviceId,
            device.Client.SignatureKey.PublicKey
        );

    /// <summary>The external commit, the request to the members, and the GroupInfo with a turn and without.</summary>
    private static List<Func<Task>> WaysIn(Service service, TestConvo convo, TestDevice device) =>
        [
            () => JoinAsync(service, convo, device),
            () => Asking_to_be_added_again.AskAsync(service, convo, device, device.Client.KeyPackage()),
            () => GroupInfoAsync(service, convo, device),
        ];

    private static Task<GroupInfoResult> GroupInfoAsync(Service service, TestConvo convo, TestDevice device) =>
        service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(device.Caller, new(convo.Id, true, device.DeviceId), default);

    /// <summary>Joins, or rejoins where the device has a leaf.</summary>
    private static async Task<TestConvo> JoinAsync(Service service, TestConvo convo, TestDevice device)
    {
        var commit = convo.Group.ExternalCommit(device.Client);
        if (
            convo.Group.Group.Members.Any(member =>
                member.Leaf.SignatureKey.Span.SequenceEqual(device.Client.SignatureKey.PublicKey)
            )
        )
            commit = commit.Remove(convo.Group.LeafOf(device.Client));
        return await AfterAsync(convo, commit.Build(), built => service.JoinAsync(convo, device, built));
    }

    private static Task<TestConvo> CommitAsync(Service service, TestConvo convo, TestDevice by) =>
        AfterAsync(
            convo,
            convo.Group.Commit(by.Client).WithPath().Build(),
            built => service.CommitAsync(convo, by, built)
        );

    private static Task<TestConvo> RemoveAsync(Service service, TestConvo convo, TestDevice by, TestDevice device) =>
        AfterAsync(
            convo,
            convo.Group.Commit(by.Client).Remove(convo.Group.LeafOf(device.Client)).Build(),
            built => service.CommitAsync(convo, by, built)
        );

    private static async Task<TestConvo> AfterAsync(TestConvo convo, BuiltCommit built, Func<BuiltCommit, Task> send)
    {
        await send(built);
        return convo with { Group = built.After! };
    }

    private static async Task<Refusal> Refused(Func<Task> call) =>
        (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
}
