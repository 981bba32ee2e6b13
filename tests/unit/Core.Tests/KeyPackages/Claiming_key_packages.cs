using MlsConsole.Core.KeyPackages;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Claiming_key_packages
{
    [Fact]
    public async Task One_of_each_device_and_the_accounts_without_any_are_named()
    {
        await using var service = await Service.StartAsync();
        var (alice, bob, tablet) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone"),
            await service.EnrolAsync("did:example:bob", "tablet")
        );
        var other = await service.EnrolAsync("did:example:carol", "phone", suite: 2);
        byte[][] packages = [bob.Client.KeyPackage(), bob.Client.KeyPackage(), tablet.Client.KeyPackage()];
        await service.PublishAsync(bob, packages[0], packages[1]);
        await service.PublishAsync(tablet, packages[2]);
        await service.PublishAsync(other, other.Client.KeyPackage());
        var result = await service.ClaimAsync(alice, bob, other);
        Assert.Equal(
            [("phone", packages[0]), ("tablet", packages[2])],
            result.KeyPackages.Select(claimed => (claimed.DeviceId, claimed.KeyPackage))
        );
        Assert.Equal([other.Did], result.Missing);
    }

    [Fact]
    public async Task After_ten_claims_of_a_day_there_is_only_the_last_resort_for_that_claimer_and_device()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(clock: clock);
        var (alice, bob, carol) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone"),
            await service.EnrolAsync("did:example:carol", "phone")
        );
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        byte[] lastResort = bob.Client.KeyPackage(lastResort: true);
        await service.PublishAsync(bob, [.. Enumerable.Range(0, 15).Select(_ => bob.Client.KeyPackage()), lastResort]);
        var given = new HashSet<string>();
        for (int i = 0; i < KeyPackageStore.ClaimsPerDay; i++)
        {
            Assert.True(
                given.Add(Convert.ToHexString((await service.ClaimAsync(alice, bob)).KeyPackages.Single().KeyPackage))
            );
            clock.Advance(TimeSpan.FromHours(1));
        }
        Assert.DoesNotContain(Convert.ToHexString(lastResort), given);
        for (int i = 0; i < 3; i++)
            Assert.Equal(lastResort, (await service.ClaimAsync(alice, bob)).KeyPackages.Single().KeyPackage);

        // Another claimer and another device have claims of their own.
        Assert.NotEqual(lastResort, (await service.ClaimAsync(carol, bob)).KeyPackages.Single().KeyPackage);
        byte[] tablets = tablet.Client.KeyPackage();
        await service.PublishAsync(tablet, tablets);
        Assert.Equal(
            [lastResort, tablets],
            (await service.ClaimAsync(alice, bob)).KeyPackages.Select(claimed => claimed.KeyPackage)
        );

        // The first claim is a day old after 14 more hours; then there is one, not ten.
        clock.Advance(TimeSpan.FromHours(14) + TimeSpan.FromMinutes(1));
        Assert.NotEqual(
            lastResort,
            (await service.ClaimAsync(alice, bob)).KeyPackages.Single(claimed => claimed.DeviceId == "phone").KeyPackage
        );
        Assert.Equal(
            lastResort,
            (await service.ClaimAsync(alice, bob)).KeyPackages.Single(claimed => claimed.DeviceId == "phone").KeyPackage
        );
    }

    [Fact]
    public async Task A_last_resort_is_never_consumed_and_a_newer_one_takes_its_place()
    {
        await using var service = await Service.StartAsync();
        var (alice, bob) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone")
        );
        byte[][] lastResorts = [bob.Client.KeyPackage(lastResort: true), bob.Client.KeyPackage(lastResort: true)];
        await service.PublishAsync(bob, lastResorts[0]);
        for (int i = 0; i < 30; i++)
            Assert.Equal(lastResorts[0], (await service.ClaimAsync(alice, bob)).KeyPackages.Single().KeyPackage);
        await service.PublishAsync(bob, lastResorts[1]);
        Assert.Equal(lastResorts[1], (await service.ClaimAsync(alice, bob)).KeyPackages.Single().KeyPackage);

        Assert.Equal(
            DeliveryRules.KeyPackageUsed.Id,
            (await Assert.ThrowsAsync<RefusedException>(() => service.PublishAsync(bob, lastResorts[0]))).Refusal.Rule
        );

        // Whoever still has the older one may add with it.
        var convo = await service.CreateConvoAsync(alice);
        var commit = convo.Group.Commit(alice.Client).Add(lastResorts[0]).WithPath().Build();
        await service.CommitAsync(
            convo,
            alice,
            commit,
            ProposalBuilder.RandomWelcome(convo.Group.Suite, lastResorts[0])
        );
    }

    [Fact]
    public async Task An_expired_one_is_not_given_out()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(clock: clock);
        var (alice, bob) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone")
        );
        await service.PublishAsync(bob, bob.Client.KeyPackage(), bob.Client.KeyPackage(lastResort: true));
        clock.Advance(TimeSpan.FromDays(40));
        Assert.Equal([bob.Did], (await service.ClaimAsync(alice, bob)).Missing);
    }

    [Fact]
    public async Task A_retry_with_its_key_gets_the_same_and_consumes_nothing()
    {
        await using var service = await Service.StartAsync();
        var (alice, bob) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone")
        );
        await service.PublishAsync(bob, bob.Client.KeyPackage(), bob.Client.KeyPackage());
        var input = new ClaimKeyPackagesRequest([Did.Parse(bob.Did)], 1, "key");
        var first = await service
            .Get<KeyPackageStore>()
            .ClaimKeyPackagesAsync(alice.Caller, input, CancellationToken.None);
        string state = await service.StateAsync();
        var again = await service
            .Get<KeyPackageStore>()
            .ClaimKeyPackagesAsync(alice.Caller, input, CancellationToken.None);
        Assert.Equal(first.KeyPackages.Single().KeyPackage, again.KeyPackages.Single().KeyPackage);
        Assert.Equal(state, await service.StateAsync());
    }

    [Fact]
    public async Task Of_many_at_once_on_two_hosts_no_two_get_the_same()
    {
        await using var service = await Service.StartAsync();
        await using var otherHost = await service.SecondHostAsync();
        var bob = await service.EnrolAsync("did:example:bob", "phone");
        byte[] lastResort = bob.Client.KeyPackage(lastResort: true);
        await service.PublishAsync(bob, [.. Enumerable.Range(0, 40).Select(_ => bob.Client.KeyPackage()), lastResort]);
        var claimers = Enumerable.Range(0, 60).Select(i => Service.Caller($"did:example:claimer{i}")).ToList();
        var results = await Task.WhenAll(
            claimers.Select(
                (claimer, i) =>
                    Task.Run(() =>
                        (i % 2 == 0 ? service : otherHost)
                            .Get<KeyPackageStore>()
                            .ClaimKeyPackagesAsync(claimer, new([Did.Parse(bob.Did)], 1, null), CancellationToken.None)
                    )
            )
        );
        var given = results.Select(result => Convert.ToHexString(result.KeyPackages.Single().KeyPackage)).ToList();
        Assert.Equal(20, given.Count(package => package == Convert.ToHexString(lastResort)));
        Assert.Equal(41, given.Distinct().Count());
    }

    [Fact]
    public async Task Of_one_claimers_claims_at_once_on_two_hosts_ten_consume()
    {
        await using var service = await Service.StartAsync();
        await using var otherHost = await service.SecondHostAsync();
        var (alice, bob) = (
            await service.EnrolAsync("did:example:alice", "phone"),
            await service.EnrolAsync("did:example:bob", "phone")
        );
        await service.PublishAsync(
            bob,
            [.. Enumerable.Range(0, 40).Select(_ => bob.Client.KeyPackage()), bob.Client.KeyPackage(lastResort: true)]
        );
        await Task.WhenAll(
            Enumerable
                .Range(0, 30)
                .Select(i => Task.Run(() => (i % 2 == 0 ? service : otherHost).ClaimAsync(alice, bob)))
        );
        Assert.Equal(
            40 - KeyPackageStore.ClaimsPerDay,
            (
                await service
                    .Get<KeyPackageStore>()
                    .GetKeyPackageStatsAsync(bob.Caller, bob.DeviceId, CancellationToken.None)
            ).Available
        );
    }
}
