using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.GroupInfos;

namespace MlsConsole.Core.Tests;

public class Limits_of_external_commits
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    private static Task<RefusedException> RefusedAsync(Func<Task> call) => Assert.ThrowsAsync<RefusedException>(call);

    private static async Task<TestConvo> RejoinAsync(Service service, TestConvo convo, TestDevice device)
    {
        var commit = convo.Group.ExternalCommit(device.Client).Remove(convo.Group.LeafOf(device.Client)).Build();
        await service.JoinAsync(convo, device, commit);
        return convo with { Group = commit.After! };
    }

    [Fact]
    public async Task Five_of_a_device_in_an_hour_are_accepted_on_whichever_host()
    {
        await using var service = await Service.StartAsync(new(), _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await using var other = await service.SecondHostAsync(new());
        for (int i = 0; i < 5; i++)
        {
            convo = await RejoinAsync(i % 2 == 0 ? service : other, convo, bob);
            _clock.Advance(TimeSpan.FromMinutes(10));
        }
        foreach (var host in (Service[])[service, other])
        {
            var refused = (await RefusedAsync(() => RejoinAsync(host, convo, bob))).Refusal;
            Assert.Equal(("RateLimitExceeded", "accepted-external-commits"), (refused.Error, refused.Reason));
            Assert.InRange(refused.RetryAfter!.Value, TimeSpan.FromSeconds(599), TimeSpan.FromMinutes(10));
            Assert.Equal(
                "RateLimitExceeded",
                (
                    await RefusedAsync(() =>
                        host.Get<GroupInfoProvider>()
                            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true, bob.DeviceId), CancellationToken.None)
                    )
                )
                    .Refusal
                    .Error
            );
        }
        // Others, and the same device elsewhere, are not counted with it.
        convo = await RejoinAsync(service, convo, alice);
        await RejoinAsync(service, await service.AddAsync(await service.CreateConvoAsync(alice), alice, bob), bob);
        _clock.Advance(TimeSpan.FromMinutes(10));
        await RejoinAsync(other, convo, bob);
    }

    [Fact]
    public async Task A_retry_is_answered_before_the_limit()
    {
        await using var service = await Service.StartAsync(new() { RejoinLimitPerHour = 1 });
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var commit = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        var first = await service.JoinAsync(convo, bob, commit);
        Assert.Equal(first, await service.JoinAsync(convo, bob, commit));
    }

    [Fact]
    public async Task Refused_attempts_are_limited_apart_from_accepted_ones()
    {
        await using var service = await Service.StartAsync(new() { RejoinRefusedLimitPerHour = 3 }, _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var ghost = convo.Group.ExternalCommit(bob.Client).Build();
        for (int i = 0; i < 3; i++)
            Assert.Equal("GhostLeaf", (await RefusedAsync(() => service.JoinAsync(convo, bob, ghost))).Refusal.Error);
        for (int i = 0; i < 2; i++)
        {
            var refused = (await RefusedAsync(() => RejoinAsync(service, convo, bob))).Refusal;
            Assert.Equal(("RateLimitExceeded", "refused-external-commits"), (refused.Error, refused.Reason));
        }
        convo = await RejoinAsync(service, convo, alice);
        _clock.Advance(TimeSpan.FromHours(1));
        await RejoinAsync(service, convo, bob);
    }

    [Fact]
    public async Task Who_may_not_learns_nothing_of_limits_and_is_not_held_back_by_them_later()
    {
        await using var service = await Service.StartAsync(new() { RejoinRefusedLimitPerHour = 2 });
        var (convo, alice, _) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        var uninvited = convo.Group.ExternalCommit(carol.Client).Build();
        for (int i = 0; i < 5; i++)
            Assert.Equal(
                "Unauthorized",
                (await RefusedAsync(() => service.JoinAsync(convo, carol, uninvited))).Refusal.Error
            );
        convo = await service.AddAsync(convo, alice, carol);
        await RejoinAsync(service, convo, carol);
    }
}
