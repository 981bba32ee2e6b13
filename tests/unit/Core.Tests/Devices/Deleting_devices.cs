using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Welcomes;

namespace MlsConsole.Core.Tests;

/// <summary>A deleted device does nothing any more; what it left in trees is still its own.</summary>
public class Deleting_devices
{
    [Fact]
    public async Task Its_key_packages_and_welcomes_are_gone_and_it_is_no_longer_listed()
    {
        await using var service = await Service.StartAsync();
        var (_, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        await service.PublishAsync(bob, bob.Client.KeyPackage(), bob.Client.KeyPackage(lastResort: true));
        Assert.Single(
            await service.Get<WelcomeDelivery>().GetWelcomesAsync(bob.Caller, bob.DeviceId, CancellationToken.None)
        );
        Assert.Equal(["phone", "tablet"], await ListAsync(service, bob));

        Assert.Equal(1, (await DeleteAsync(service, bob)).RemainingLeaves);

        Assert.Equal(["tablet"], await ListAsync(service, bob));
        Assert.Empty(
            await service.Get<WelcomeDelivery>().GetWelcomesAsync(bob.Caller, bob.DeviceId, CancellationToken.None)
        );
        Assert.Equal([bob.Did], (await service.ClaimAsync(alice, bob)).Missing);
        await Unauthorized(() => service.PublishAsync(bob, bob.Client.KeyPackage()));
        await Unauthorized(() =>
            service.Get<KeyPackageStore>().GetKeyPackageStatsAsync(bob.Caller, bob.DeviceId, CancellationToken.None)
        );
        await Unauthorized(() =>
            service
                .Get<ConversationReader>()
                .GetExpectedConversationsAsync(bob.Caller, bob.DeviceId, CancellationToken.None)
        );
        Assert.Equal(
            0,
            (
                await service
                    .Get<KeyPackageStore>()
                    .GetKeyPackageStatsAsync(bob.Caller, tablet.DeviceId, CancellationToken.None)
            ).Available
        );
    }

    [Fact]
    public async Task What_came_for_it_while_it_was_being_deleted_is_not_given_out()
    {
        await using var service = await Service.StartAsync();
        var (_, alice, bob) = await service.AliceAndBobAsync();
        await DeleteAsync(service, bob);
        await service.Database.WriteAsync(
            async context =>
            {
                var device = context.Set<Device>().Single(row => row.Did == bob.Did);
                var package = new OfferedKeyPackage(bob.Client.KeyPackage(), false);
                await KeyPackageStore.StoreAsync(
                    context,
                    device,
                    [VerifiedKeyPackage.Verify(package, DateTimeOffset.UtcNow)],
                    DateTimeOffset.UtcNow
                );
                context.Set<WelcomeRecipient>().Single().ConfirmedAt = null;
                return 0;
            },
            CancellationToken.None
        );
        Assert.Equal([bob.Did], (await service.ClaimAsync(alice, bob)).Missing);
        Assert.Empty(
            await service.Get<WelcomeDelivery>().GetWelcomesAsync(bob.Caller, bob.DeviceId, CancellationToken.None)
        );
        await service.RegisterAsync(bob.Did, bob.DeviceId, bob.Client.Reinstalled());
        Assert.Equal([bob.Did], (await service.ClaimAsync(alice, bob)).Missing);
    }

    [Fact]
    public async Task It_cannot_commit_or_rejoin()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        await service.EnrolAsync(bob.Did, "tablet");
        await DeleteAsync(service, bob);
        string before = await service.StateAsync();
        var update = await Refused(() =>
            service.CommitAsync(convo, bob, convo.Group.Commit(bob.Client).WithPath().Build())
        );
        Assert.Equal(("InvalidCommit", DeliveryRules.SenderDeleted.Id), (update.Error, update.Rule));
        Assert.Equal(
            Refusal.WrongUser,
            await Refused(() =>
                service.JoinAsync(
                    convo,
                    bob,
                    convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
                )
            )
        );
        Assert.Equal(before, await service.StateAsync());
    }

    [Fact]
    public async Task Its_leaf_stays_in_sight_until_a_member_removes_it()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await DeleteAsync(service, bob);
        var members = (
            await service.Get<ConversationReader>().GetConvoAsync(alice.Caller, convo.Id, CancellationToken.None)
        ).Members;
        Assert.Contains(new Member(bob.Did, bob.DeviceId, 1, false), members);
        await service.CommitAsync(
            convo,
            alice,
            convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
        Assert.Equal(0, (await DeleteAsync(service, bob)).RemainingLeaves);
    }

    [Fact]
    public async Task Another_device_of_the_account_takes_the_place_of_its_leaf()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        await DeleteAsync(service, bob);
        await service.JoinAsync(
            convo,
            tablet,
            convo.Group.ExternalCommit(tablet.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
        var members = (
            await service.Get<ConversationReader>().GetConvoAsync(alice.Caller, convo.Id, CancellationToken.None)
        ).Members;
        Assert.Equal(
            [(alice.Did, "phone"), (bob.Did, "tablet")],
            members.Select(member => (member.Did, member.DeviceId))
        );
    }

    [Fact]
    public async Task Registered_again_it_lives_with_its_new_key_and_removes_its_old_leaf()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        await DeleteAsync(service, bob);
        var reinstalled = bob.With(bob.Client.Reinstalled());
        await service.RegisterAsync(bob.Did, bob.DeviceId, reinstalled.Client);

        // Whoever has the deleted phone has its key: that one stays retired.
        Assert.Equal(
            Refusal.WrongUser,
            await Refused(() =>
                service.JoinAsync(
                    convo,
                    bob,
                    convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
                )
            )
        );
        var published = await Refused(() => service.PublishAsync(reinstalled, bob.Client.KeyPackage()));
        Assert.Equal(DeliveryRules.KeyPackageIdentity.Id, published.Rule);
        Assert.Equal(
            [reinstalled.Client.SignatureKey.PublicKey],
            (await service.Get<DeviceRegistry>().ListDevicesAsync(bob.Caller, CancellationToken.None))
                .Single()
                .SignatureKeys
        );

        Assert.Equal(
            Refusal.GhostLeaf,
            await Refused(() =>
                service.JoinAsync(convo, reinstalled, convo.Group.ExternalCommit(reinstalled.Client).Build())
            )
        );
        await service.JoinAsync(
            convo,
            reinstalled,
            convo.Group.ExternalCommit(reinstalled.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
    }

    [Fact]
    public async Task Registered_again_with_the_same_key_it_is_what_it_was()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        await DeleteAsync(service, bob);
        await service.RegisterAsync(bob.Did, bob.DeviceId, bob.Client);
        await service.CommitAsync(convo, bob, convo.Group.Commit(bob.Client).WithPath().Build());
    }

    [Fact]
    public async Task An_account_whose_last_device_is_deleted_sees_nothing_until_it_registers_one()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        await DeleteAsync(service, bob);
        Assert.Empty(
            (
                await service
                    .Get<ConversationReader>()
                    .GetConvosAsync(bob.Caller, new(null, 50), CancellationToken.None)
            ).Convos
        );
        Assert.Empty(
            await service
                .Get<ConversationReader>()
                .GetExpectedConversationsAsync(bob.Caller, null, CancellationToken.None)
        );
        await Unauthorized(() =>
            service.Get<ConversationReader>().GetConvoAsync(bob.Caller, convo.Id, CancellationToken.None)
        );
        await Unauthorized(() =>
            service.Get<GroupInfoProvider>().GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None)
        );
        await service.EnrolAsync(bob.Did, "tablet");
        Assert.Equal(
            convo.Id,
            Assert
                .Single(
                    (
                        await service
                            .Get<ConversationReader>()
                            .GetConvosAsync(bob.Caller, new(null, 50), CancellationToken.None)
                    ).Convos
                )
                .ConvoId
        );
    }

    [Fact]
    public async Task Deleting_again_says_the_same_and_another_accounts_device_cannot_be_deleted()
    {
        await using var service = await Service.StartAsync();
        var (_, alice, bob) = await service.AliceAndBobAsync();
        var first = await DeleteAsync(service, bob);
        string state = await service.StateAsync();
        Assert.Equal(
            first.DeletedAt.ToUnixTimeMilliseconds(),
            (await DeleteAsync(service, bob)).DeletedAt.ToUnixTimeMilliseconds()
        );
        await Unauthorized(() =>
            service.Get<DeviceRegistry>().DeleteDeviceAsync(alice.Caller, new("tablet", null), CancellationToken.None)
        );
        await Unauthorized(() =>
            service
                .Get<DeviceRegistry>()
                .DeleteDeviceAsync(
                    Service.Caller("did:example:mallory"),
                    new(alice.DeviceId, null),
                    CancellationToken.None
                )
        );
        Assert.Equal(state, await service.StateAsync());
    }

    [Fact]
    public async Task A_deleted_device_makes_room_for_another()
    {
        await using var service = await Service.StartAsync();
        var devices = new List<TestDevice>();
        for (int i = 0; i < DeviceRegistry.MaxDevices; i++)
            devices.Add(await service.EnrolAsync("did:example:alice", $"device-{i}"));
        Assert.Equal(Refusal.TooManyDevices, await Refused(() => service.EnrolAsync("did:example:alice", "one-more")));
        await DeleteAsync(service, devices[7]);
        await service.EnrolAsync("did:example:alice", "one-more");
        Assert.Equal(
            Refusal.TooManyDevices,
            await Refused(() => service.RegisterAsync(devices[7].Did, devices[7].DeviceId, devices[7].Client))
        );
    }

    private static Task<DeleteDeviceResult> DeleteAsync(Service service, TestDevice device) =>
        service
            .Get<DeviceRegistry>()
            .DeleteDeviceAsync(device.Caller, new(device.DeviceId, null), CancellationToken.None);

    private static async Task<IEnumerable<string>> ListAsync(Service service, TestDevice device) =>
        (await service.Get<DeviceRegistry>().ListDevicesAsync(device.Caller, CancellationToken.None)).Select(view =>
            view.DeviceId
        );

    private static async Task<Refusal> Refused(Func<Task> call) =>
        (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;

    private static async Task Unauthorized(Func<Task> call) =>
        Assert.Equal(Refusal.Unauthorized(nameof(RejoinReason.NoDevice)), await Refused(call));
}
