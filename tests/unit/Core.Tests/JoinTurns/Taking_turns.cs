using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Tests;

/// <summary>
/// The line in the database. The clock stands still unless a test moves it, so what happens without that happened at
/// once.
/// </summary>
public class Taking_turns
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    private static Task<GroupInfoResult> AskAsync(
        Service service,
        TestConvo convo,
        TestDevice device,
        CancellationToken cancellation = default
    ) =>
        service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(device.Caller, new(convo.Id, true, device.DeviceId), cancellation);

    private static Task<CommitResult> RejoinAsync(
        Service service,
        TestConvo convo,
        TestDevice device,
        GroupInfoResult info
    )
    {
        var group = new TestKit.TestGroup(
            Mls.PublicGroup.FromGroupInfo(Mls.UnverifiedGroupInfo.Decode(info.GroupInfo), info.RatchetTree),
            info.GroupInfo
        );
        return service.JoinAsync(
            convo,
            device,
            group.ExternalCommit(device.Client).Remove(group.LeafOf(device.Client)).Build(),
            turnId: info.Turn?.Id
        );
    }

    private static async Task<Task<GroupInfoResult>> WaitAsync(
        Service service,
        TestConvo convo,
        TestDevice device,
        CancellationToken cancellation = default
    )
    {
        int before = service.Get<JoinTurnConductor>().Waiting;
        var waits = AskAsync(service, convo, device, cancellation);
        while (service.Get<JoinTurnConductor>().Waiting == before && !waits.IsCompleted)
            await Task.Delay(1, CancellationToken.None);
        return waits;
    }

    private static async Task<IReadOnlyList<JoinPlace>> LineAsync(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<JoinPlace>().OrderBy(place => place.Place).ToListAsync();
    }

    [Fact]
    public async Task A_turn_is_of_the_epoch_that_is_whatever_epoch_was_read_before_it()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, _) = await service.AliceAndBobAsync();
        await using var context = service.Database.Read();
        long device = await context
            .Set<Device>()
            .Where(row => row.Did == alice.Did)
            .Select(row => row.Id)
            .SingleAsync();
        var turn = await service.Get<JoinTurnConductor>().TakeAsync(convo.Id, 0, device, 2, CancellationToken.None);
        var place = Assert.Single(await LineAsync(service));
        Assert.Equal((turn.Id, 1, 1), (place.TurnId, turn.Epoch, place.Epoch));
    }

    [Fact]
    public async Task A_commit_ends_the_turn_in_its_transaction_and_the_next_has_it_at_once()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var first = await AskAsync(service, convo, alice);
        Assert.Equal(
            _clock.GetUtcNow().ToUnixTimeMilliseconds() + 1004,
            first.Turn!.ExpiresAt.ToUnixTimeMilliseconds()
        );
        var waits = await WaitAsync(service, convo, bob);
        Assert.False(waits.IsCompleted);
        await RejoinAsync(service, convo, alice, first);
        var second = await waits;
        Assert.Equal(first.Epoch + 1, second.Epoch);
        Assert.NotEqual(first.Turn.Id, second.Turn!.Id);
        await RejoinAsync(service, convo, bob, second);
        Assert.Empty(await LineAsync(service));
    }

    [Fact]
    public async Task Whoever_waits_five_seconds_is_told_to_come_again_and_has_its_place_then()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await AskAsync(service, convo, alice);
        var waits = await WaitAsync(service, convo, bob);
        _clock.Advance(JoinLine.Wait);
        var refused = (await Assert.ThrowsAsync<RefusedException>(() => waits)).Refusal;
        Assert.Equal(
            ("TurnPending", 1, 100),
            (refused.Error, refused.Position, refused.RetryAfter!.Value.TotalMilliseconds)
        );
        _clock.Advance(JoinLine.Kept - TimeSpan.FromMilliseconds(1));
        Assert.NotNull((await AskAsync(service, convo, bob)).Turn);
        Assert.Equal(1, (await LineAsync(service)).Single(place => !place.HasTurn).Unused);
    }

    [Fact]
    public async Task Whoever_disconnects_while_it_waits_is_passed_over()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var first = await AskAsync(service, convo, alice);
        using var connection = new CancellationTokenSource();
        var gone = await WaitAsync(service, convo, bob, connection.Token);
        var waits = await WaitAsync(service, convo, tablet);
        await connection.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.Equal(
            _clock.GetUtcNow().ToUnixTimeMilliseconds(),
            (await LineAsync(service)).Single(place => place.Place == 2).Until.ToUnixTimeMilliseconds()
        );
        await RejoinAsync(service, convo, alice, first);
        Assert.NotNull((await waits).Turn);
    }

    [Fact]
    public async Task A_members_commit_does_not_wait_and_the_joiner_whom_it_overtakes_keeps_the_turn()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var first = await AskAsync(service, convo, bob);
        var waits = await WaitAsync(service, convo, tablet);
        await service.CommitAsync(convo, alice, convo.Group.Commit(alice.Client).WithPath().Build());
        Assert.Equal(
            "EpochMismatch",
            (await Assert.ThrowsAsync<RefusedException>(() => RejoinAsync(service, convo, bob, first))).Refusal.Error
        );
        _clock.Advance(TimeSpan.FromMilliseconds(900));
        var again = await AskAsync(service, convo, bob);
        Assert.Equal((first.Turn!.Id, first.Epoch + 1), (again.Turn!.Id, again.Epoch));
        Assert.True(again.Turn.ExpiresAt > first.Turn.ExpiresAt);
        Assert.False(waits.IsCompleted);
        await RejoinAsync(service, convo, bob, again);
        Assert.Equal(again.Epoch + 1, (await waits).Epoch);
    }

    [Fact]
    public async Task Turns_are_advice_and_a_commit_without_one_or_with_that_of_another_is_taken()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var first = await AskAsync(service, convo, alice);
        var without = await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None);
        Assert.Null(without.Turn);
        await RejoinAsync(service, convo, bob, without);
        var second = await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None);
        await RejoinAsync(service, convo, bob, second with { Turn = first.Turn });
        Assert.Equal(first.Turn!.Id, (await LineAsync(service)).Single().TurnId);
    }

    [Fact]
    public async Task Three_unused_turns_and_the_line_is_closed_for_an_hour_but_not_the_conversation()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var activities = new List<ActivityRecord>();
        using var subscription = service.Get<ActivityFeed>().Subscribe(activities.Add);
        var (convo, _, bob) = await service.AliceAndBobAsync();
        for (int i = 0; i < JoinLine.MaxUnused; i++)
        {
            await AskAsync(service, convo, bob);
            _clock.Advance(TimeSpan.FromSeconds(2));
        }
        var refused = (await Assert.ThrowsAsync<RefusedException>(() => AskAsync(service, convo, bob))).Refusal;
        Assert.Equal(("RateLimitExceeded", "unused-turns"), (refused.Error, refused.Reason));
        Assert.InRange(refused.RetryAfter!.Value, TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));
        var info = await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(bob.Caller, new(convo.Id, true), CancellationToken.None);
        await RejoinAsync(service, convo, bob, info);
        _clock.Advance(refused.RetryAfter.Value);
        Assert.NotNull((await AskAsync(service, convo, bob)).Turn);
        Assert.Equal(4, activities.OfType<JoinTurnGiven>().Count());
        Assert.Equal(3, activities.OfType<JoinTurnExpired>().Count());
    }

    [Fact]
    public async Task A_device_that_asks_twice_at_once_has_one_place()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var first = await AskAsync(service, convo, alice);
        var waits = await WaitAsync(service, convo, bob);
        var again = AskAsync(service, convo, bob);
        Assert.Equal("TurnPending", (await Assert.ThrowsAsync<RefusedException>(() => waits)).Refusal.Error);
        await RejoinAsync(service, convo, alice, first);
        Assert.NotNull((await again).Turn);
        Assert.Single(await LineAsync(service));
    }

    [Fact]
    public async Task Whoever_may_no_longer_when_its_turn_comes_is_refused()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var laptop = await service.EnrolAsync(alice.Did, "laptop");
        await AskAsync(service, convo, laptop);
        var waits = await WaitAsync(service, convo, bob);
        var remove = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.CommitAsync(convo, alice, remove);
        var info = await AskAsync(service, convo, laptop);
        var join = remove.After!.ExternalCommit(laptop.Client).Build();
        await service.JoinAsync(convo, laptop, join, turnId: info.Turn!.Id);
        Assert.Equal("Unauthorized", (await Assert.ThrowsAsync<RefusedException>(() => waits)).Refusal.Error);
    }

    [Fact]
    public async Task Only_a_device_of_the_account_gets_a_turn()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, _, bob) = await service.AliceAndBobAsync();
        foreach (
            var device in (TestDevice[])
                [bob with { DeviceId = "another" }, await service.EnrolAsync("did:example:charlie", "phone")]
        )
            Assert.Equal(
                "Unauthorized",
                (await Assert.ThrowsAsync<RefusedException>(() => AskAsync(service, convo, device))).Refusal.Error
            );
        Assert.Empty(await LineAsync(service));
    }

    [Fact]
    public async Task Nothing_of_the_database_is_held_while_devices_wait()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        using var connections = new OpenConnections(service.Database);
        var first = await AskAsync(service, convo, alice);
        Task<GroupInfoResult>[] wait = [await WaitAsync(service, convo, bob), await WaitAsync(service, convo, tablet)];
        Assert.True(connections.Opened > 0);
        Assert.True(await connections.AreClosed());
        Assert.DoesNotContain(wait, one => one.IsCompleted);
        await RejoinAsync(service, convo, alice, first);
        Assert.NotNull((await wait[0]).Turn);
    }

    [Fact]
    public async Task Two_hosts_have_one_line()
    {
        await using var first = await Service.StartAsync(clock: _clock);
        var (convo, alice, bob) = await first.AliceAndBobAsync();
        await using var second = await first.SecondHostAsync();
        var turn = await AskAsync(first, convo, alice);
        var waits = await WaitAsync(second, convo, bob);
        await RejoinAsync(first, convo, alice, turn);
        GroupInfoResult? info = null;
        for (int i = 0; info is null && i < 10; i++)
        {
            try
            {
                var asked = i == 0 ? waits : AskAsync(second, convo, bob);
                while (!asked.IsCompleted)
                {
                    // What the other host did is seen by looking.
                    _clock.Advance(TimeSpan.FromMilliseconds(100));
                    await Task.Delay(1);
                }
                info = await asked;
            }
            catch (RefusedException pending) when (pending.Refusal.Error == "TurnPending")
            {
                // A slow machine: it comes again, as a client does.
            }
        }
        await RejoinAsync(second, convo, bob, info!);
        Assert.Equal(
            3,
            (
                await second
                    .Get<ConversationReader>()
                    .GetCommitsAsync(alice.Caller, new(convo.Id, 0, null), CancellationToken.None)
            ).Count
        );
    }

    [Fact]
    public async Task Fifty_devices_that_ask_at_the_same_moment_get_one_turn_and_a_line()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        var (convo, alice, _) = await service.AliceAndBobAsync();
        var devices = new List<TestDevice>();
        for (int i = 0; i < 50; i++)
            devices.Add(await service.EnrolAsync(i % 2 == 0 ? alice.Did : "did:example:bob", $"device-{i}"));
        var asked = devices.Select(device => Task.Run(() => AskAsync(service, convo, device))).ToList();
        while (service.Get<JoinTurnConductor>().Waiting < 49)
            await Task.Delay(1);
        var line = await LineAsync(service);
        Assert.Equal(50, line.Count);
        Assert.Single(line, place => place.HasTurn);

        // Each joins when its turn comes: as many epochs as devices, and no commit too many.
        while (asked.Count > 0)
        {
            var given = await Task.WhenAny(asked);
            asked.Remove(given);
            var info = await given;
            var device = devices.Single(device => info.Turn!.Id == TurnOf(service, device).Result);
            var group = new TestKit.TestGroup(
                Mls.PublicGroup.FromGroupInfo(Mls.UnverifiedGroupInfo.Decode(info.GroupInfo), info.RatchetTree),
                info.GroupInfo
            );
            await service.JoinAsync(convo, device, group.ExternalCommit(device.Client).Build(), turnId: info.Turn!.Id);
        }
        Assert.Empty(await LineAsync(service));
    }

    private static async Task<string?> TurnOf(Service service, TestDevice device)
    {
        await using var context = service.Database.Read();
        return await context
            .Set<Device>()
            .Where(row => row.Did == device.Did && row.DeviceId == device.DeviceId)
            .Join(context.Set<JoinPlace>(), row => row.Id, place => place.DeviceRow, (_, place) => place.TurnId)
            .SingleOrDefaultAsync();
    }
}
