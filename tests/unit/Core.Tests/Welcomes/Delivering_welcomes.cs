using MlsConsole.Core.Welcomes;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>A Welcome comes again and again, to its device alone, until that device confirms it.</summary>
public class Delivering_welcomes
{
    [Fact]
    public async Task Again_until_it_is_confirmed_also_after_a_restart()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var first = Assert.Single(await GetAsync(service, bob, bob.DeviceId));
        Assert.Equal((convo.Id, 1ul), (first.ConvoId, first.Epoch));
        Assert.Equal(convo.Group.RatchetTree, first.RatchetTree);
        await service.RestartAsync();
        Assert.Equal(first.Id, Assert.Single(await GetAsync(service, bob, bob.DeviceId)).Id);

        Assert.True((await ConfirmAsync(service, bob, first.Id, true)).Confirmed);
        Assert.Empty(await GetAsync(service, bob, bob.DeviceId));
        // A retry whose first answer was lost finds nothing wrong.
        Assert.True((await ConfirmAsync(service, bob, first.Id, true)).Confirmed);
    }

    [Fact]
    public async Task One_that_the_device_could_not_use_ends_too_and_the_first_word_counts()
    {
        await using var service = await Service.StartAsync();
        var (_, _, bob) = await service.AliceAndBobAsync();
        string id = Assert.Single(await GetAsync(service, bob, bob.DeviceId)).Id;
        await ConfirmAsync(service, bob, id, false);
        Assert.Empty(await GetAsync(service, bob, bob.DeviceId));
        string state = await service.StateAsync();
        await ConfirmAsync(service, bob, id, true);
        Assert.Equal(state, await service.StateAsync());
    }

    [Fact]
    public async Task Nobody_else_gets_or_confirms_it()
    {
        await using var service = await Service.StartAsync();
        var (_, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        string id = Assert.Single(await GetAsync(service, bob, bob.DeviceId)).Id;
        Assert.Empty(await GetAsync(service, bob, tablet.DeviceId));
        Assert.Empty(await GetAsync(service, alice, bob.DeviceId));
        var refused = await Assert.ThrowsAsync<RefusedException>(() => ConfirmAsync(service, alice, id, true));
        Assert.Equal(Refusal.WelcomeNotFound, refused.Refusal);
        Assert.Single(await GetAsync(service, bob, bob.DeviceId));
    }

    [Fact]
    public async Task Each_device_that_a_commit_adds_has_its_own()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var (tablet, carol) = (
            await service.EnrolAsync(bob.Did, "tablet"),
            await service.EnrolAsync("did:example:carol", "phone")
        );
        byte[][] packages = [tablet.Client.KeyPackage(), carol.Client.KeyPackage()];
        await service.PublishAsync(tablet, packages[0]);
        await service.PublishAsync(carol, packages[1]);
        var commit = convo.Group.Commit(alice.Client).Add(packages[0]).Add(packages[1]).WithPath().Build();
        await service.CommitAsync(convo, alice, commit, ProposalBuilder.RandomWelcome(convo.Group.Suite, packages));
        var (tablets, carols) = (
            Assert.Single(await GetAsync(service, tablet, tablet.DeviceId)),
            Assert.Single(await GetAsync(service, carol, carol.DeviceId))
        );
        Assert.Equal(tablets.Welcome, carols.Welcome);
        Assert.NotEqual(tablets.Id, carols.Id);
        await ConfirmAsync(service, carol, carols.Id, true);
        Assert.Single(await GetAsync(service, tablet, tablet.DeviceId));
    }

    private static Task<IReadOnlyList<WaitingWelcome>> GetAsync(Service service, TestDevice caller, string deviceId) =>
        service.Get<WelcomeDelivery>().GetWelcomesAsync(caller.Caller, deviceId, CancellationToken.None);

    private static Task<ConfirmWelcomeResult> ConfirmAsync(
        Service service,
        TestDevice caller,
        string id,
        bool success
    ) =>
        service
            .Get<WelcomeDelivery>()
            .ConfirmWelcomeAsync(
                caller.Caller,
                new(id, success, success ? null : "no key package", null),
                CancellationToken.None
            );
}
