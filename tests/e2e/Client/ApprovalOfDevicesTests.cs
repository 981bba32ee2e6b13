using System.Collections.Concurrent;
using MlsConsole.Clients;
using MlsConsole.Lexicon;

namespace MlsConsole.E2e.Clients;

/// <summary>Conversations that require approval of new devices, with the host as a process.</summary>
public sealed class ApprovalOfDevicesTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [Fact]
    public async Task A_new_device_waits_until_one_of_its_account_approves_it_and_then_joins_by_itself_and_all_see_it()
    {
        await using var couple = await MeetAsync(fixture.Host.Url);
        var (alice, bob, convoId) = couple;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        var seen = new ConcurrentQueue<(string Kind, string? ConvoId, string DeviceId)>();
        var watching = Follow(
            alice,
            one =>
            {
                if (one.Event is SubscribeConvoEventsNewDevice { DeviceId: "tablet" } told)
                    seen.Enqueue(("new", told.ConvoId, told.DeviceId));
                if (one.Event is SubscribeConvoEventsDeviceApproved approved)
                    seen.Enqueue(("approved", approved.ConvoId, approved.DeviceId));
            },
            limit.Token
        );
        await watching.Online;

        await using var tablet = new Person(fixture.Host.Url, "tablet", bob.Key);
        var recovery = Assert.Single(await tablet.Client.StartAsync(limit.Token));
        Assert.Equal(
            (false, true, RejoinWay.ExternalCommit),
            (recovery.Rejoin!.Joined, recovery.Rejoin.AwaitsApproval, recovery.Rejoin.Way)
        );
        var refused = await Assert.ThrowsAsync<MlsClientException>(() =>
            tablet.Client.JoinByExternalCommitAsync(convoId, limit.Token)
        );
        Assert.Equal("DeviceNotApproved", refused.Error);
        Assert.Empty(tablet.Meddler.BodiesOf("reportRejoinOutcome"));

        var joined = new TaskCompletionSource<RejoinResult>();
        var following = Follow(
            tablet,
            one =>
            {
                if (one is { Event: SubscribeConvoEventsDeviceApproved, Sync.Rejoin: { } rejoin })
                    joined.TrySetResult(rejoin);
            },
            limit.Token
        );
        // The tablet's stream of events begins with what happens next, so something has to happen.
        for (; !following.Online.IsCompleted; await Task.Delay(100, limit.Token))
            await alice.Conversations.UpdateAsync(convoId, limit.Token);
        await bob.Conversations.ApproveDeviceAsync(
            convoId,
            "tablet",
            await tablet.Conversations.SignatureKeyAsync(convoId, limit.Token),
            limit.Token
        );

        var result = await joined.Task.WaitAsync(limit.Token);
        Assert.Equal((RejoinWay.ExternalCommit, true, false), (result.Way, result.Joined, result.AwaitsApproval));
        await alice.Conversations.SyncAsync(convoId, limit.Token);
        await bob.Conversations.SyncAsync(convoId, limit.Token);
        Assert.Equal(await alice.Where(convoId), await tablet.Where(convoId));
        Assert.Equal(await alice.Where(convoId), await bob.Where(convoId));
        while (seen.Count < 3)
            await Task.Delay(50, limit.Token);
        Assert.Equal([("new", null, "tablet"), ("approved", convoId, "tablet"), ("new", convoId, "tablet")], seen);
        limit.Cancel();
        foreach (var one in new[] { watching.Ended, following.Ended })
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
    }

    [Fact]
    public async Task A_device_that_lost_its_state_is_back_alone_and_with_another_key_it_waits_and_that_is_no_loop()
    {
        await using var couple = await MeetAsync(fixture.Host.Url, options => options.RejoinsPerHour = 2);
        var (alice, bob, convoId) = couple;
        await bob.Conversations.ForgetAsync(convoId);
        Assert.True((await bob.Conversations.RejoinAsync(convoId)).Joined);
        await couple.Agree();

        // A reinstalled device has another key. A server that mints the account's tokens can enrol a key as well.
        await bob.Restart();
        Assert.True(Assert.Single(await bob.Client.StartAsync()).Rejoin!.AwaitsApproval);
        for (int i = 0; i < 5; i++)
            Assert.True((await bob.Conversations.RejoinAsync(convoId)).AwaitsApproval);
        Assert.Equal(6, bob.Meddler.Count("processExternalCommit"));
        Assert.Equal(0, (await alice.Conversations.SyncAsync(convoId)).Commits);
    }

    [Fact]
    public async Task Members_are_not_asked_for_a_device_that_awaits_approval()
    {
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits) { ["Rollout__Initial"] = "Off" }
        );
        await using var couple = await MeetAsync(host.Url, options => options.MemberWait = TimeSpan.Zero);
        var (alice, bob, convoId) = couple;
        await using var tablet = await Person.Start(
            host.Url,
            "tablet",
            bob.Key,
            configure: options => options.MemberWait = TimeSpan.Zero
        );
        var result = await tablet.Conversations.RejoinAsync(convoId);
        Assert.Equal((RejoinWay.Legacy, false, true), (result.Way, result.Joined, result.AwaitsApproval));
        Assert.False(await alice.Conversations.AnswerRejoinRequestsAsync(convoId));

        await bob.Conversations.ApproveDeviceAsync(
            convoId,
            "tablet",
            await tablet.Conversations.SignatureKeyAsync(convoId)
        );
        result = await tablet.Conversations.RejoinAsync(convoId);
        Assert.Equal((RejoinWay.Legacy, false, false), (result.Way, result.Joined, result.AwaitsApproval));
        Assert.True(await alice.Conversations.AnswerRejoinRequestsAsync(convoId));
        Assert.Equal([convoId], await tablet.Conversations.AcceptWelcomesAsync());
        Assert.Equal(await alice.Where(convoId), await tablet.Where(convoId));
    }

    [Fact]
    public async Task An_approval_that_a_commit_overtakes_is_signed_anew_and_a_key_that_is_not_enrolled_is_refused()
    {
        await using var couple = await MeetAsync(fixture.Host.Url);
        var (alice, bob, convoId) = couple;
        await using var tablet = await Person.Start(fixture.Host.Url, "tablet", bob.Key);
        byte[] key = await tablet.Conversations.SignatureKeyAsync(convoId);
        await alice.Conversations.UpdateAsync(convoId);
        bob.Meddler.Forget();
        await bob.Conversations.ApproveDeviceAsync(convoId, "tablet", key);
        Assert.Equal(2, bob.Meddler.Count("approveDevice"));
        key[0] ^= 1;
        Assert.Equal(
            "InvalidRequest",
            (
                await Assert.ThrowsAsync<MlsClientException>(() =>
                    bob.Conversations.ApproveDeviceAsync(convoId, "tablet", key)
                )
            ).Error
        );
        Assert.True((await tablet.Conversations.RejoinAsync(convoId)).Joined);
    }

    [Fact]
    public async Task An_admin_switches_it_on_for_a_conversation_that_is_there_and_off_again()
    {
        await using var couple = await Couple.Meet(fixture.Host.Url);
        var (alice, bob, convoId) = couple;
        await using var tablet = new Person(fixture.Host.Url, "tablet", bob.Key);
        Assert.Equal(
            "NotAdmin",
            (
                await Assert.ThrowsAsync<MlsClientException>(() =>
                    bob.Conversations.SetDeviceApprovalAsync(convoId, true)
                )
            ).Error
        );
        await alice.Conversations.SetDeviceApprovalAsync(convoId, true);
        Assert.True(Assert.Single(await tablet.Client.StartAsync()).Rejoin!.AwaitsApproval);
        await alice.Conversations.UpdateAsync(convoId);
        await alice.Conversations.SetDeviceApprovalAsync(convoId, false);
        Assert.True((await tablet.Conversations.RejoinAsync(convoId)).Joined);
    }

    /// <summary>Alice's conversation, which requires approval, with Bob.</summary>
    private static async Task<Couple> MeetAsync(Uri service, Action<MlsClientOptions>? ofBob = null)
    {
        var alice = await Person.Start(service, "alice", configure: options => options.RequireDeviceApproval = true);
        var bob = await Person.Start(service, "bob", configure: ofBob);
        string convoId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(convoId, [bob.Did]);
        Assert.Equal([convoId], await bob.Conversations.AcceptWelcomesAsync());
        return new(alice, bob, convoId);
    }

    private static (Task Online, Task Ended) Follow(
        Person person,
        Action<ConversationEvent> told,
        CancellationToken cancellation
    )
    {
        var online = new TaskCompletionSource();
        var ended = Task.Run(
            async () =>
            {
                await foreach (var one in person.Client.Events.FollowAsync(cancellation))
                {
                    Assert.Null(one.Failure);
                    told(one);
                    online.TrySetResult();
                }
            },
            cancellation
        );
        return (online.Task.WaitAsync(cancellation), ended);
    }
}
