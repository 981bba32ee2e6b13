using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Events;
using MlsConsole.Core.Forks;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Retention;

namespace MlsConsole.Core.Tests;

public class Acknowledging_epochs
{
    private static readonly byte[] s_ours = SHA256.HashData("our epoch authenticator"u8),
        s_theirs = SHA256.HashData("another epoch authenticator"u8);

    [Fact]
    public async Task Devices_that_say_the_same_agree_and_each_is_told_once()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        Assert.True(await Acknowledge(service, convo, alice, 1, s_ours));
        Assert.True(await Acknowledge(service, convo, bob, 1, s_ours));
        Assert.True(await Acknowledge(service, convo, bob, 1, s_ours));
        Assert.Empty(await service.Get<SuspectedForks>().LatestAsync(10, null, default));
        Assert.Equal(
            [(alice.Did, 1ul, "agreed"), (bob.Did, 1ul, "agreed")],
            (await Told(service, alice)).Select(one => (one.Did!, one.Epoch!.Value, one.Detail!))
        );
    }

    [Fact]
    public async Task Disagreement_is_a_suspected_fork_that_people_can_read_and_the_audit_log_has()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        Assert.True(await Acknowledge(service, convo, alice, 1, s_ours));
        Assert.False(await Acknowledge(service, convo, bob, 1, s_theirs));
        // From now on nobody is told that all agree.
        Assert.False(await Acknowledge(service, convo, alice, 1, s_ours));
        Assert.True(await Acknowledge(service, convo, alice, 0, s_theirs));

        var suspicion = Assert.Single(await service.Get<SuspectedForks>().LatestAsync(10, null, default));
        Assert.Equal((convo.Id, 1ul), (suspicion.ConvoId, suspicion.Epoch));
        Assert.Equal([ForkSign.Authenticator], suspicion.Signs);
        Assert.Equal(
            [(alice.Did, Convert.ToHexStringLower(s_ours), true), (bob.Did, Convert.ToHexStringLower(s_theirs), false)],
            suspicion
                .Witnesses.OrderBy(witness => witness.Did)
                .Select(witness => (witness.Did, witness.AuthenticatorHash, witness.AgreesWithFirst))
        );
        Assert.Empty(await service.Get<SuspectedForks>().LatestAsync(10, "another", default));
        Assert.Equal(
            ["agreed", "disagreed", "disagreed", "agreed"],
            (await Told(service, alice)).Select(one => one.Detail)
        );
        Assert.Equal(
            [null, "SuspectedFork", "SuspectedFork", null],
            (await service.Get<AuditLog>().LatestAsync(20, default))
                .Where(entry => entry.Action == "acknowledgeEpoch")
                .OrderBy(entry => entry.Id)
                .Select(entry => entry.Reason)
        );
    }

    [Fact]
    public async Task What_a_device_said_first_stands_and_to_say_something_else_is_a_disagreement()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, _) = await service.AliceAndBobAsync();
        Assert.True(await Acknowledge(service, convo, alice, 1, s_ours));
        Assert.False(await Acknowledge(service, convo, alice, 1, s_theirs));
        var witness = Assert.Single(
            Assert.Single(await service.Get<SuspectedForks>().LatestAsync(10, convo.Id, default)).Witnesses
        );
        Assert.Equal(Convert.ToHexStringLower(s_ours), witness.AuthenticatorHash);
    }

    [Fact]
    public async Task Only_a_device_with_a_leaf_and_only_an_epoch_that_exists()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var mallory = await service.EnrolAsync("did:example:mallory", "phone");
        string before = await service.StateAsync();
        Assert.Equal(("Unauthorized", "NoLeaf"), await Refused(service, convo, tablet, 1, s_ours));
        Assert.Equal(
            ("Unauthorized", "NoDevice"),
            await Refused(service, convo, alice with { DeviceId = "no-such" }, 1, s_ours)
        );
        Assert.Equal("Unauthorized", (await Refused(service, convo, mallory, 1, s_ours)).Error);
        Assert.Equal(("EpochMismatch", "ahead"), await Refused(service, convo, alice, 2, s_ours));
        Assert.Equal(("EpochMismatch", "ahead"), await Refused(service, convo, alice, ulong.MaxValue, s_ours));
        Assert.Equal("InvalidRequest", (await Refused(service, convo, alice, 1, s_ours[..31])).Error);
        Assert.Equal(before, await service.StateAsync());
        Assert.True(await Acknowledge(service, convo, alice, 1, s_ours));
        Assert.NotEqual(before, await service.StateAsync());
    }

    [Fact]
    public async Task Two_hosts_cannot_both_have_the_first_word()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await using var second = await service.SecondHostAsync();
        var answers = await Task.WhenAll(
            Acknowledge(service, convo, alice, 1, s_ours),
            Acknowledge(second, convo, bob, 1, s_theirs)
        );
        Assert.Equal([false, true], answers.Order());
    }

    [Fact]
    public async Task Old_acknowledgements_go_unless_they_are_evidence()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(clock: clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await Acknowledge(service, convo, alice, 0, s_ours);
        await Acknowledge(service, convo, alice, 1, s_ours);
        await Acknowledge(service, convo, bob, 1, s_theirs);
        await service.Get<Pruning>().PruneAsync(default);
        Assert.Equal(3, await Count());
        clock.Advance(TimeSpan.FromDays(4));
        await service.Get<Pruning>().PruneAsync(default);
        Assert.Equal(2, await Count());
        Assert.Equal(
            2,
            Assert.Single(await service.Get<SuspectedForks>().LatestAsync(10, null, default)).Witnesses.Count
        );

        async Task<int> Count()
        {
            await using var context = service.Database.Read();
            return await context.Set<Acknowledgement>().CountAsync();
        }
    }

    private static async Task<bool> Acknowledge(
        Service service,
        TestConvo convo,
        TestDevice device,
        ulong epoch,
        byte[] hash
    ) =>
        (
            await service
                .Get<EpochAcknowledgements>()
                .AcknowledgeEpochAsync(device.Caller, new(convo.Id, device.DeviceId, epoch, hash, null), default)
        ).Agreed;

    private static async Task<(string Error, string? Reason)> Refused(
        Service service,
        TestConvo convo,
        TestDevice device,
        ulong epoch,
        byte[] hash
    )
    {
        var refusal = (
            await Assert.ThrowsAsync<RefusedException>(() => Acknowledge(service, convo, device, epoch, hash))
        ).Refusal;
        return (refusal.Error, refusal.Reason);
    }

    private static async Task<IEnumerable<ConvoEvent>> Told(Service service, TestDevice device)
    {
        await service.Get<EventRelay>().RelayAsync(default);
        return (await service.Get<EventReader>().ReadForAsync(device.Did, 0, default)).Events.Where(one =>
            one.Kind == EventKind.EpochAcknowledged
        );
    }
}
