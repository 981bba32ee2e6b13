using System.Diagnostics;
using MlsConsole.Mls;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>Many devices come back at the same time, each a real member with all its secrets.</summary>
public sealed class JoinTurnTests(HostFixture fixture, ITestOutputHelper output)
    : IClassFixture<HostFixture>,
        IDisposable
{
    private const int Devices = 100,
        MostCommits = 105;
    private readonly List<MemberDevice> _devices = [];

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_hundred_devices_rejoin_one_group_at_the_same_time()
    {
        var (convoId, devices) = await Group(Devices);
        var rejoined = await AllAtOnce("100 devices in turns", devices.Select(device => (device, convoId)));
        Assert.InRange(rejoined.Sum(one => one.Submitted), Devices, MostCommits);
        await MustAgree(convoId, devices);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Without_turns_they_come_back_too_but_send_far_more()
    {
        var (convoId, devices) = await Group(25);
        await AllAtOnce("25 devices without turns", devices.Select(device => (device, convoId)), inTurn: false);
        await MustAgree(convoId, devices);
        var (other, again) = await Group(25);
        var inTurns = await AllAtOnce("25 devices in turns", again.Select(device => (device, other)));
        Assert.InRange(inTurns.Sum(one => one.Submitted), 25, 27);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_hundred_devices_rejoin_a_hundred_groups_at_the_same_time()
    {
        var partner = (await Register(1))[0];
        var joins = new List<(MemberDevice Device, string ConvoId)>();
        foreach (var device in await Register(Devices))
        {
            joins.Add((device, await device.CreateConvo()));
            await device.Add(joins[^1].ConvoId, partner);
        }
        var rejoined = await AllAtOnce("100 devices in 100 groups in turns", joins);
        Assert.InRange(rejoined.Sum(one => one.Submitted), Devices, MostCommits);
        Assert.All(joins, join => Assert.Equal(2, join.Device.Group(join.ConvoId).PublicGroup.MemberCount));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Of_two_thousand_joins_in_fifty_groups_at_most_one_in_two_hundred_is_for_an_epoch_that_has_passed()
    {
        const int Groups = 50,
            Members = 8,
            Rounds = 5,
            AtOnce = 24;
        var devices = await Register(Members);
        var convos = new List<string>();
        for (int i = 0; i < Groups; i++)
        {
            convos.Add(await devices[0].CreateConvo());
            await devices[0].Add(convos[^1], devices[1..]);
        }
        // Those who join at once are neighbours in this list: all members of three groups. Each group has five rounds.
        var joins = new Queue<(MemberDevice Device, string ConvoId)>(
            Enumerable
                .Range(0, Rounds)
                .SelectMany(_ => convos.SelectMany(convo => devices.Select(device => (device, convo))))
        );
        int total = joins.Count;
        var started = Stopwatch.StartNew();
        var results = await Task.WhenAll(
            Enumerable
                .Range(0, AtOnce)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        var done = new List<Rejoined>();
                        while (true)
                        {
                            (MemberDevice Device, string ConvoId) next;
                            lock (joins)
                                if (!joins.TryDequeue(out next))
                                    return done;
                            done.Add(await next.Device.Rejoin(next.ConvoId));
                        }
                    })
                )
        );
        var rejoined = results.SelectMany(done => done).ToList();
        Report($"{total} joins in {Groups} groups, {AtOnce} at once, in turns", started.Elapsed, rejoined);
        Assert.Equal(2000, rejoined.Count);
        Assert.True(
            rejoined.Sum(one => one.Mismatches) <= 0.005 * rejoined.Sum(one => one.Submitted),
            $"{rejoined.Sum(one => one.Mismatches)} mismatches"
        );
        foreach (var convo in convos.Take(5))
            await MustAgree(convo, devices);
    }

    [Fact]
    public async Task Alice_on_phone_and_tablet_comes_back_on_both_at_the_same_time_and_both_receive()
    {
        var bob = (await Register(1))[0];
        var phone = (await Register(1))[0];
        var tablet = await MemberDevice.Register(fixture.Host.Url, "tablet", phone.User);
        _devices.Add(tablet);
        string convoId = await bob.CreateConvo();
        await bob.Add(convoId, phone, tablet);

        var rejoined = await AllAtOnce("Alice's phone and tablet", [(phone, convoId), (tablet, convoId)]);
        Assert.Equal(2, rejoined.Sum(one => one.Submitted));
        await MustAgree(convoId, [bob, phone, tablet]);
        var members = bob.Group(convoId)
            .PublicGroup.Members.Select(member =>
                System.Text.Encoding.UTF8.GetString(member.Leaf.Credential.Identity.Span)
            )
            .Order();
        Assert.Equal(
            new[] { (bob, bob.DeviceId), (phone, phone.DeviceId), (tablet, "tablet") }
                .Select(one => $"{one.Item1.User.Did}#{one.Item2}")
                .Order(),
            members
        );

        long seq = (await bob.Send(convoId, "welcome back")).GetProperty("seq").GetInt64();
        foreach (var device in (MemberDevice[])[phone, tablet])
            Assert.Equal(["welcome back"], await device.Read(convoId, seq - 1));
    }

    public void Dispose() => _devices.ForEach(device => device.Dispose());

    /// <summary>A group of so many devices, of which all but the first have no state of it.</summary>
    private async Task<(string ConvoId, IReadOnlyList<MemberDevice> Devices)> Group(int count)
    {
        var devices = await Register(count);
        string convoId = await devices[0].CreateConvo();
        await devices[0].Add(convoId, devices[1..]);
        return (convoId, devices);
    }

    private async Task<MemberDevice[]> Register(int count)
    {
        var devices = await Task.WhenAll(
            Enumerable.Range(0, count).Select(i => MemberDevice.Register(fixture.Host.Url, $"device-{i}"))
        );
        _devices.AddRange(devices);
        return devices;
    }

    private async Task<IReadOnlyList<Rejoined>> AllAtOnce(
        string what,
        IEnumerable<(MemberDevice Device, string ConvoId)> joins,
        bool inTurn = true
    )
    {
        var started = Stopwatch.StartNew();
        var rejoined = await Task.WhenAll(
            joins.Select(join => Task.Run(() => join.Device.Rejoin(join.ConvoId, inTurn)))
        );
        Report(what, started.Elapsed, rejoined);
        return rejoined;
    }

    private void Report(string what, TimeSpan took, IReadOnlyCollection<Rejoined> rejoined) =>
        output.WriteLine(
            $"{what}: {rejoined.Count} joined with {rejoined.Sum(one => one.Submitted)} commits, "
                + $"{rejoined.Sum(one => one.Mismatches)} of them too late, "
                + $"asked {rejoined.Sum(one => one.Pending)} times again, in {took.TotalSeconds:F1} s"
        );

    /// <summary>
    /// All follow to the last epoch and have the same secrets there, and the tree that the service has.
    /// </summary>
    private static async Task MustAgree(string convoId, IReadOnlyList<MemberDevice> devices)
    {
        await Parallel.ForEachAsync(devices, async (device, _) => await device.CatchUp(convoId));
        var first = devices[0].Group(convoId);
        Assert.Equal(devices.Count, first.PublicGroup.MemberCount);
        Assert.All(devices, device => Assert.Equal(first.EpochAuthenticator, device.Group(convoId).EpochAuthenticator));
        var served = await devices[0].User.MustAsk("getGroupInfo", ("convoId", convoId));
        Assert.Equal(first.CurrentEpoch, served.GetProperty("epoch").GetUInt64());
        Assert.Equal(
            first.PublicGroup.TreeHash.ToArray(),
            PublicGroup
                .FromGroupInfo(UnverifiedGroupInfo.Decode(served.GetProperty("groupInfo").GetBytesFromBase64()), null)
                .TreeHash.ToArray()
        );
    }
}
