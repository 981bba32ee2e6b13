using MlsConsole.Core.Conversations;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Publishing_key_packages
{
    [Fact]
    public async Task Each_is_taken_or_rejected_on_its_own_merits()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var bob = await service.EnrolAsync("did:example:bob", "phone");
        var spoilt = alice.Client.KeyPackage();
        spoilt[^1] ^= 1;
        ulong now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var result = await service.PublishAsync(
            alice,
            alice.Client.KeyPackage(),
            spoilt,
            bob.Client.KeyPackage(),
            [1, 2, 3],
            alice.Client.KeyPackage(lifetime: new Lifetime(now - 7200, now - 3600)),
            alice.Client.Reinstalled().KeyPackage(),
            alice.Client.KeyPackage()
        );
        Assert.Equal(2, result.Accepted);
        Assert.Equal(
            [
                (1, Rules.KeyPackageSignature.Id),
                (2, DeliveryRules.KeyPackageIdentity.Id),
                (4, Rules.KeyPackageLifetime.Id),
                (5, DeliveryRules.KeyPackageIdentity.Id),
            ],
            result.Rejected.Where(item => item.Index != 3).Select(item => (item.Index, item.Error))
        );
        Assert.Contains(result.Rejected, item => item.Index == 3);
        Assert.Equal(2, (await StatsAsync(service, alice)).Available);
    }

    [Fact]
    public async Task If_none_is_good_the_call_is_refused()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        string before = await service.StateAsync();
        var refused = (
            await Assert.ThrowsAsync<RefusedException>(() =>
                service.PublishAsync(alice, alice.Client.Reinstalled().KeyPackage(), [1])
            )
        ).Refusal;
        Assert.Equal(("InvalidKeyPackage", DeliveryRules.KeyPackageIdentity.Id), (refused.Error, refused.Rule));
        Assert.Equal(before, await service.StateAsync());
    }

    [Fact]
    public async Task The_same_again_is_accepted_and_stored_once()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var package = alice.Client.KeyPackage();
        Assert.Equal(2, (await service.PublishAsync(alice, package, package)).Accepted);
        Assert.Equal(1, (await service.PublishAsync(alice, package)).Accepted);
        Assert.Equal(1, (await StatsAsync(service, alice)).Available);
    }

    [Fact]
    public async Task One_that_was_given_out_is_rejected_beside_a_good_one()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var package = alice.Client.KeyPackage();
        await service.PublishAsync(alice, package);
        await service.ClaimAsync(await service.EnrolAsync("did:example:bob", "phone"), alice);
        var result = await service.PublishAsync(alice, alice.Client.KeyPackage(), package);
        Assert.Equal(1, result.Accepted);
        Assert.Equal(new KeyPackageRejection(1, DeliveryRules.KeyPackageUsed.Id), Assert.Single(result.Rejected));
    }

    [Fact]
    public async Task More_than_the_greatest_number_is_refused_whole()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var packages = Enumerable.Range(0, 200).Select(_ => alice.Client.KeyPackage()).ToArray();
        await service.PublishAsync(alice, packages[..100]);
        await service.PublishAsync(alice, packages[100..]);
        string before = await service.StateAsync();
        Assert.Equal(
            Refusal.TooManyKeyPackages,
            (
                await Assert.ThrowsAsync<RefusedException>(() => service.PublishAsync(alice, alice.Client.KeyPackage()))
            ).Refusal
        );
        Assert.Equal(before, await service.StateAsync());
        // What is there already needs no room.
        Assert.Equal(200, (await service.PublishAsync(alice, packages)).Accepted);
    }

    [Fact]
    public async Task Statistics_know_the_last_resort_and_the_first_expiry()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(clock: clock);
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        Assert.Equal(new KeyPackageStats(0, false, null), await StatsAsync(service, alice));
        ulong now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await service.PublishAsync(
            alice,
            alice.Client.KeyPackage(),
            alice.Client.KeyPackage(lifetime: new Lifetime(now - 60, now + 86400)),
            alice.Client.KeyPackage(lastResort: true)
        );
        Assert.Equal(
            new KeyPackageStats(2, true, DateTimeOffset.FromUnixTimeSeconds((long)now + 86400)),
            await StatsAsync(service, alice)
        );
        clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(
            (1, true),
            (await StatsAsync(service, alice)) is var left ? (left.Available, left.LastResort) : default
        );
    }

    [Fact]
    public async Task A_device_that_lost_its_keys_replaces_all_of_a_cipher_suite_and_nobody_gets_an_earlier_one()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        var other = new TestClient(2, $"{carol.Did}#{carol.DeviceId}");
        await service.RegisterAsync(carol.Did, carol.DeviceId, other);
        await service.PublishAsync(
            carol,
            carol.Client.KeyPackage(),
            carol.Client.KeyPackage(),
            carol.Client.KeyPackage(lastResort: true),
            other.KeyPackage()
        );
        var claimed = (await service.ClaimAsync(alice, carol)).KeyPackages.Single().KeyPackage;
        var reinstalled = new TestDevice(carol.Did, carol.DeviceId, carol.Client.Reinstalled());
        await service.RegisterAsync(carol.Did, carol.DeviceId, reinstalled.Client);
        string before = await service.StateAsync();
        await Assert.ThrowsAsync<RefusedException>(() => ReplaceAsync(service, reinstalled, [1]));
        Assert.Equal(before, await service.StateAsync());

        var package = reinstalled.Client.KeyPackage();
        for (int i = 0; i < 2; i++)
            Assert.Equal(1, (await ReplaceAsync(service, reinstalled, package)).Accepted);

        Assert.Equal(
            new KeyPackageStats(2, false, null),
            await StatsAsync(service, carol) with
            {
                OldestExpiry = null,
            }
        );
        Assert.Equal(package, (await service.ClaimAsync(bob, carol)).KeyPackages.Single().KeyPackage);
        Assert.Equal([carol.Did], (await service.ClaimAsync(bob, carol)).Missing);
        Assert.Single((await service.ClaimAsync(bob, new TestDevice(carol.Did, carol.DeviceId, other))).KeyPackages);
        // Whoever has an earlier one from before may still add the device by it: it comes by external commit then.
        var add = convo.Group.Commit(alice.Client).Add(claimed).Build();
        var welcome = ProposalBuilder.RandomWelcome(alice.Client.Suite, claimed);
        Assert.Equal(
            2ul,
            (
                await service
                    .Get<MemberCommits>()
                    .AddMembersAsync(
                        alice.Caller,
                        new(convo.Id, add.Commit, add.GroupInfo, null, welcome, null),
                        default
                    )
            ).Epoch
        );
    }

    private static Task<PublishKeyPackagesResult> ReplaceAsync(Service service, TestDevice device, byte[] package) =>
        service
            .Get<KeyPackageStore>()
            .PublishKeyPackagesAsync(
                device.Caller,
                new(device.DeviceId, [new(package, false)], null, Replace: true),
                default
            );

    private static Task<KeyPackageStats> StatsAsync(Service service, TestDevice device) =>
        service.Get<KeyPackageStore>().GetKeyPackageStatsAsync(device.Caller, device.DeviceId, CancellationToken.None);
}
