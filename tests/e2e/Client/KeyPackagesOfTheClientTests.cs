using MlsConsole.Clients;
using MlsConsole.Lexicon;

namespace MlsConsole.E2e.Clients;

/// <summary>The key packages by which others add a device, with the host as a process.</summary>
public sealed class KeyPackagesOfTheClientTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    private Uri Url => fixture.Host.Url;

    [Fact]
    public async Task A_device_that_lost_its_store_is_added_by_new_key_packages_and_nobody_gets_an_old_one()
    {
        await using var alice = await Person.Start(Url, "alice");
        await using var bob = await Person.Start(Url, "bob");
        var old = (await alice.Client.Call(Lexicons.ClaimKeyPackages, new() { Dids = [bob.Did], CipherSuite = 1 }))
            .KeyPackages.Single()
            .KeyPackage;
        await bob.Restart();
        await bob.Client.StartAsync();
        Assert.Equal((4, true), await Supply(bob));
        var convoId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(convoId, [bob.Did]);

        Assert.Equal([convoId], await bob.Conversations.AcceptWelcomesAsync());

        await new Couple(alice, bob, convoId).Agree();
        Assert.Equal(true, (bool?)Assert.Single(bob.Meddler.BodiesOf("publishKeyPackages"))["replace"]);
        await bob.Client.StartAsync();
        Assert.Single(bob.Meddler.BodiesOf("publishKeyPackages"));
        Assert.NotEqual(
            old,
            (await alice.Client.Call(Lexicons.ClaimKeyPackages, new() { Dids = [bob.Did], CipherSuite = 1 }))
                .KeyPackages.Single()
                .KeyPackage
        );
    }

    [Fact]
    public async Task Key_packages_that_Welcomes_used_up_are_made_anew_by_itself()
    {
        await using var alice = await Person.Start(Url, "alice");
        await using var bob = await Person.Start(Url, "bob");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal((4 - i, true), await Supply(bob));
            await alice.Conversations.AddMembersAsync(await alice.Conversations.CreateAsync(), [bob.Did]);
            if (i == 1)
                await bob.Conversations.AcceptWelcomesAsync();
        }

        await bob.Conversations.AcceptWelcomesAsync();

        Assert.Equal((4, true), await Supply(bob));
        Assert.Equal(
            [5, 3],
            bob.Meddler.BodiesOf("publishKeyPackages").Select(body => body["keyPackages"]!.AsArray().Count)
        );
    }

    [Fact]
    public async Task A_device_that_rejoins_without_a_start_can_be_added_elsewhere_and_a_failed_publication_is_no_harm()
    {
        await using var couple = await Couple.Meet(Url);
        await couple.Bob.Restart();
        couple.Bob.Meddler.Before = method =>
            method == "publishKeyPackages"
                ? throw new HttpRequestException("The network is gone.")
                : Task.CompletedTask;
        Assert.Equal(RejoinWay.ExternalCommit, (await couple.Bob.Conversations.RejoinAsync(couple.ConvoId)).Way);
        couple.Bob.Meddler.Before = null;
        await couple.Bob.Conversations.AcceptWelcomesAsync();
        Assert.Equal((4, true), await Supply(couple.Bob));

        var second = await couple.Alice.Conversations.CreateAsync();
        await couple.Alice.Conversations.AddMembersAsync(second, [couple.Bob.Did]);
        Assert.Equal([second], await couple.Bob.Conversations.AcceptWelcomesAsync());
        await (couple with { ConvoId = second }).Agree();
    }

    private static async Task<(long Available, bool LastResort)> Supply(Person person)
    {
        var stats = await person.Client.Call(Lexicons.GetKeyPackageStats, new() { DeviceId = person.DeviceId });
        return (stats.Available, stats.LastResort);
    }
}
