using MlsConsole.Core.Events;
using MlsConsole.Core.Forks;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Outbox;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Publishing_group_infos
{
    [Fact]
    public async Task A_member_publishes_another_one_of_the_epoch_and_joiners_get_it()
    {
        await using var scene = await DeliveryScene.StartAsync();
        byte[] theirs = scene.GroupInfoBy(scene.Bob);
        var updated = await Update(scene, scene.Bob, theirs);
        Assert.Equal(scene.Group.Group.Epoch, updated.Epoch);
        Assert.Equal(
            theirs,
            (
                await scene
                    .Service.Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(scene.Bob.Caller, new(scene.Convo.Id, true), default)
            ).GroupInfo
        );
        await scene.Service.RestartAsync(); // and a cold group is verified with it
        await scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Who_asks_while_an_epoch_begins_gets_all_of_one_epoch(bool cold)
    {
        await using var scene = await DeliveryScene.StartAsync();
        if (cold)
            await scene.Service.RestartAsync();
        var commit = scene.Control;
        var given = await SentCommands.WithAnotherBeforeAsync(
            "group_info",
            () => scene.Service.CommitAsync(scene.Convo, scene.Alice, commit),
            () =>
                scene
                    .Service.Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(scene.Bob.Caller, new(scene.Convo.Id, true), default)
        );
        Assert.Equal(2ul, given.Epoch);
        Assert.Equal(commit.GroupInfo, given.GroupInfo);
        Assert.Equal(
            commit.After!.Group.TreeHash.ToArray(),
            PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(given.GroupInfo), given.RatchetTree).TreeHash.ToArray()
        );
    }

    [Fact]
    public async Task An_older_one_never_takes_the_place_of_a_newer_one()
    {
        await using var scene = await DeliveryScene.StartAsync();
        byte[] old = scene.GroupInfoBy(scene.Alice);
        var commit = scene.Control;
        await scene.Service.CommitAsync(scene.Convo, scene.Alice, commit);
        string before = await scene.Service.StateAsync();
        var refusal = (await Assert.ThrowsAsync<RefusedException>(() => Update(scene, scene.Alice, old))).Refusal;
        Assert.Equal(("EpochMismatch", 2ul, "stale"), (refusal.Error, refusal.CurrentEpoch, refusal.Mismatch));
        Assert.Equal(before, await scene.Service.StateAsync());
    }

    [Fact]
    public async Task Another_external_pub_is_refused_and_shown_as_a_suspected_fork()
    {
        await using var scene = await DeliveryScene.StartAsync();
        string before = await scene.Service.StateAsync(but: "epoch_agreements");
        var refusal = (
            await Assert.ThrowsAsync<RefusedException>(() =>
                Update(scene, scene.Bob, scene.GroupInfoBy(scene.Bob, scene.Bob.Client.NewKemKey()))
            )
        ).Refusal;
        Assert.Equal("delivery.external-pub-changed", refusal.Rule);
        Assert.Equal(before, await scene.Service.StateAsync(but: "epoch_agreements"));
        var suspicion = Assert.Single(await scene.Service.Get<SuspectedForks>().LatestAsync(10, null, default));
        Assert.Equal((scene.Convo.Id, scene.Group.Group.Epoch), (suspicion.ConvoId, suspicion.Epoch));
        Assert.Equal([ForkSign.ExternalPub], suspicion.Signs);
        // What one member did says nothing of what the others say.
        Assert.True(
            (
                await scene
                    .Service.Get<EpochAcknowledgements>()
                    .AcknowledgeEpochAsync(
                        scene.Alice.Caller,
                        new(scene.Convo.Id, scene.Alice.DeviceId, 1, new byte[32], null),
                        default
                    )
            ).Agreed
        );
    }

    [Fact]
    public async Task The_rules_of_a_commits_group_info_hold_for_it_too()
    {
        await using var scene = await DeliveryScene.StartAsync();
        byte[] spoilt = scene.GroupInfoBy(scene.Bob);
        spoilt[^1] ^= 1;
        var refusal = (await Assert.ThrowsAsync<RefusedException>(() => Update(scene, scene.Bob, spoilt))).Refusal;
        Assert.Equal(("InvalidGroupInfo", Rules.GroupInfoSignature.Id), (refusal.Error, refusal.Rule));
        refusal = (
            await Assert.ThrowsAsync<RefusedException>(() =>
                Update(scene, scene.Alice, TestGroup.Create(scene.Alice.Client).GroupInfo)
            )
        ).Refusal;
        Assert.Equal("InvalidGroupInfo", refusal.Error);
        Assert.Equal(
            "Unauthorized",
            (await Assert.ThrowsAsync<RefusedException>(() => Update(scene, scene.Carol, scene.GroupInfoBy(scene.Bob))))
                .Refusal
                .Error
        );
    }

    [Fact]
    public async Task Members_are_asked_for_one_at_most_once_a_minute_whoever_wants_it()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(clock: clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var infos = service.Get<GroupInfoPublisher>();
        Assert.Equal(new(true, 1), await infos.RequestRefreshAsync(bob.Caller, convo.Id, null, default));
        Assert.Equal(new(false, 1), await infos.RequestRefreshAsync(bob.Caller, convo.Id, null, default));
        Assert.Equal(new(false, 1), await infos.RequestRefreshAsync(alice.Caller, convo.Id, null, default));
        clock.Advance(GroupInfoPublisher.RefreshInterval);
        Assert.Equal(new(true, 1), await infos.RequestRefreshAsync(alice.Caller, convo.Id, null, default));
        await service.Get<EventRelay>().RelayAsync(default);
        Assert.Equal(
            [1ul, 1ul],
            (await service.Get<EventReader>().ReadForAsync(alice.Did, 0, default))
                .Events.Where(one => one.Kind == EventKind.GroupInfoRefreshRequested)
                .Select(one => one.Epoch!.Value)
        );
        await service.EnrolAsync("did:example:mallory", "phone");
        Assert.Equal(
            "Unauthorized",
            (
                await Assert.ThrowsAsync<RefusedException>(() =>
                    infos.RequestRefreshAsync(Service.Caller("did:example:mallory"), convo.Id, null, default)
                )
            )
                .Refusal
                .Error
        );
    }

    private static Task<UpdateGroupInfoResult> Update(DeliveryScene scene, TestDevice by, byte[] groupInfo) =>
        scene.UpdateGroupInfoAsync(by, groupInfo);
}
