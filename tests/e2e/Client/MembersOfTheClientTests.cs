using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>
/// Members who leave or are removed, and what the others' commits do about it, with the host as a process.
/// </summary>
public sealed class MembersOfTheClientTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    private Uri Url => fixture.Host.Url;

    [Fact]
    public async Task Who_leaves_is_out_before_anybody_sends_another_message_and_may_come_back()
    {
        await using var couple = await Couple.Meet(Url);
        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
        Assert.Null(await couple.Bob.Conversations.ViewAsync(couple.ConvoId));
        Assert.Equal(
            "Unauthorized",
            (
                await Assert.ThrowsAsync<MlsClientException>(() =>
                    couple.Bob.Client.Call(Lexicon.Lexicons.GetMessages, new() { ConvoId = couple.ConvoId })
                )
            ).Error
        );

        await couple.Alice.Conversations.SyncAsync(couple.ConvoId);
        Assert.Equal(2UL, (await couple.Alice.Conversations.SendAsync(couple.ConvoId, "he is gone"u8.ToArray())).Epoch);
        Assert.Single((await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members);
        Assert.Empty(await couple.Bob.Client.StartAsync());

        Assert.Equal(RejoinWay.ExternalCommit, (await couple.Bob.Conversations.RejoinAsync(couple.ConvoId)).Way);
        await couple.Agree();
    }

    [Fact]
    public async Task Expired_who_left_too_long_ago_is_refused_like_a_stranger()
    {
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits) { ["Rejoin__GracePeriod"] = "00:00:00.001" }
        );
        await using var couple = await Couple.Meet(host.Url);
        Assert.Equal(RejoinWay.ExternalCommit, (await couple.Bob.Conversations.RejoinAsync(couple.ConvoId)).Way);
        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
        // After this the millisecond of grace is over on the host's clock, too.
        await Task.Delay(20);

        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            couple.Bob.Conversations.RejoinAsync(couple.ConvoId)
        );

        Assert.Equal(("Unauthorized", 403), (failure.Error, failure.Status));
        Assert.Equal(1, couple.Bob.Meddler.Count("processExternalCommit"));
    }

    [Fact]
    public async Task Banned_a_device_is_refused_without_a_loop_loses_its_leaf_and_is_back_when_unbanned_and_added()
    {
        await using var couple = await Couple.Meet(Url);
        await using var carol = await Added(couple, "carol");
        Assert.Equal(
            "NotAdmin",
            (
                await Assert.ThrowsAsync<MlsClientException>(() =>
                    carol.Conversations.BanMemberAsync(couple.ConvoId, couple.Bob.Did)
                )
            ).Error
        );
        await couple.Alice.Conversations.BanMemberAsync(couple.ConvoId, couple.Bob.Did, "spam");
        couple.Bob.Meddler.Forget();

        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            couple.Bob.Conversations.RejoinAsync(couple.ConvoId)
        );

        Assert.Equal(("Unauthorized", 403), (failure.Error, failure.Status));
        Assert.Equal(["getWelcomes", "getGroupInfo"], couple.Bob.Meddler.Calls);
        Assert.Equal(
            "Unauthorized",
            (
                await Assert.ThrowsAsync<MlsClientException>(() => couple.Bob.Conversations.SyncAsync(couple.ConvoId))
            ).Error
        );
        Assert.Empty(await couple.Bob.Client.StartAsync());
        Assert.Equal(0, couple.Bob.Meddler.Count("processExternalCommit"));
        // Any commit of a member has to remove the leaf: it is refused once, and made again with the removal.
        await carol.Conversations.UpdateAsync(couple.ConvoId);
        Assert.Equal(2, carol.Meddler.Count("commit"));
        Assert.Equal(2, (await carol.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);

        var kept = await Assert.ThrowsAsync<MlsClientException>(() =>
            carol.Conversations.AddMembersAsync(couple.ConvoId, [couple.Bob.Did])
        );
        Assert.Equal("delivery.add-of-banned", kept.Rule);
        await couple.Alice.Conversations.UnbanMemberAsync(couple.ConvoId, couple.Bob.Did);
        await couple.Alice.Conversations.AddMembersAsync(couple.ConvoId, [couple.Bob.Did]);
        Assert.Equal(RejoinWay.Welcome, (await couple.Bob.Conversations.RejoinAsync(couple.ConvoId)).Way);
        await couple.Agree();
        await couple.Bob.Conversations.ForgetAsync(couple.ConvoId);
        Assert.Equal(RejoinWay.ExternalCommit, (await couple.Bob.Conversations.RejoinAsync(couple.ConvoId)).Way);
        await couple.Agree();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_ban_that_ends_before_a_member_has_removed_the_leaf_is_no_failure_of_the_member(bool asked)
    {
        await using var couple = await Couple.Meet(Url);
        await using var carol = await Added(couple, "carol");
        carol.Meddler.After = async (method, answer) =>
        {
            // The answer says that the leaf is to be removed.
            if (method == "getConvo")
                await couple.Alice.Conversations.UnbanMemberAsync(couple.ConvoId, couple.Bob.Did);
            return answer;
        };
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        if (asked)
        {
            await foreach (var one in carol.Client.Events.FollowAsync(limit.Token))
            {
                if (one.Event is Lexicon.SubscribeConvoEventsInfo)
                    await couple.Alice.Conversations.BanMemberAsync(
                        couple.ConvoId,
                        couple.Bob.Did,
                        cancellation: limit.Token
                    );
                Assert.Null(one.Failure);
                if (one.Event is Lexicon.SubscribeConvoEventsRemovalRequested)
                    break;
            }
            Assert.Equal(1, carol.Meddler.Count("commit"));
        }
        else
        {
            await couple.Alice.Conversations.BanMemberAsync(couple.ConvoId, couple.Bob.Did);
            await carol.Conversations.UpdateAsync(couple.ConvoId);
            Assert.Equal(3, carol.Meddler.Count("commit"));
        }
        await couple.Agree();
        Assert.Equal(3, (await carol.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task A_commit_that_does_not_know_of_a_leave_is_refused_and_made_again_with_it()
    {
        await using var couple = await Couple.Meet(Url);
        await using var carol = await Person.Start(Url, "carol");
        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
        couple.Alice.Meddler.Forget();

        await couple.Alice.Conversations.AddMembersAsync(couple.ConvoId, [carol.Did]);

        Assert.Equal((1, 1), (couple.Alice.Meddler.Count("addMembers"), couple.Alice.Meddler.Count("commit")));
        await carol.Conversations.AcceptWelcomesAsync();
        await (couple with { Bob = carol }).Agree();
        Assert.Equal(2, (await carol.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task An_external_commit_takes_those_who_have_left_out_of_the_group()
    {
        await using var couple = await Couple.Meet(Url);
        await using var carol = await Added(couple, "carol");
        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
        await carol.Conversations.ForgetAsync(couple.ConvoId);

        Assert.Equal(1, (await carol.Conversations.RejoinAsync(couple.ConvoId)).Attempts);

        Assert.Equal(2, (await carol.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
        await (couple with { Bob = carol }).Agree();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Where_an_external_commit_left_them_in_the_next_commit_removes_them(bool asked)
    {
        await using var couple = await Couple.Meet(Url);
        await using var carol = await Added(couple, "carol");
        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
        await carol.Conversations.ForgetAsync(couple.ConvoId);
        carol.Meddler.After = (method, answer) =>
            method == "getGroupInfo"
                ? Meddler.Rewritten(answer, body => Assert.True(body.AsObject().Remove("selfRemoves")))
                : Task.FromResult(answer);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        if (asked)
        {
            await foreach (var one in couple.Alice.Client.Events.FollowAsync(limit.Token))
            {
                // The stream begins with an info: everything that happens from here on is heard.
                if (one.Event is Lexicon.SubscribeConvoEventsInfo)
                    await carol.Conversations.RejoinAsync(couple.ConvoId, limit.Token);
                if (one.Event is Lexicon.SubscribeConvoEventsRemovalRequested)
                    break;
                Assert.Null(one.Failure);
            }
        }
        else
        {
            await carol.Conversations.RejoinAsync(couple.ConvoId);
            Assert.Equal(3, (await carol.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
            await carol.Conversations.UpdateAsync(couple.ConvoId);
        }

        await (couple with { Bob = carol }).Agree();
        Assert.Equal(2, (await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task All_devices_of_an_account_leave_together()
    {
        await using var couple = await Couple.Meet(Url);
        await using var tablet = await Person.Start(Url, "tablet", couple.Bob.Key);
        await tablet.Conversations.RejoinAsync(couple.ConvoId);

        // The phone has not heard of the tablet, so the phone's first try is of an epoch that is over.
        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);

        Assert.Equal(2, couple.Bob.Meddler.Count("leaveConvo"));
        await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
        Assert.Single((await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members);
    }

    [Fact]
    public async Task Who_comes_back_before_anybody_has_removed_the_leaves_has_all_devices_in_again()
    {
        await using var couple = await Couple.Meet(Url);
        await using var tablet = await Person.Start(Url, "tablet", couple.Bob.Key);
        await tablet.Conversations.RejoinAsync(couple.ConvoId);
        await couple.Bob.Conversations.SyncAsync(couple.ConvoId);

        await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
        Assert.Equal(
            "Unauthorized",
            (await Assert.ThrowsAsync<MlsClientException>(() => tablet.Conversations.SyncAsync(couple.ConvoId))).Error
        );
        await couple.Bob.Conversations.RejoinAsync(couple.ConvoId);

        await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
        await couple.Agree();
        await (couple with { Bob = tablet }).Agree();
        Assert.Equal(3, (await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task A_leave_whose_answer_got_lost_is_asked_for_again_and_has_happened_once_also_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-leave-");
        try
        {
            SqliteStore Store() => new(Path.Combine(folder.FullName, "bob.db"), new byte[32]);
            await using var couple = await Couple.Meet(Url, storeOfBob: Store());
            var before = DateTimeOffset.UtcNow;
            couple.Bob.Meddler.After = Lost;
            Assert.Equal(
                ClientErrors.Unreachable,
                (
                    await Assert.ThrowsAsync<MlsClientException>(() =>
                        couple.Bob.Conversations.LeaveAsync(couple.ConvoId)
                    )
                ).Error
            );
            string? key = Assert.Single(
                couple.Bob.Meddler.BodiesOf("leaveConvo").Select(body => (string?)body["idempotencyKey"]).Distinct()
            );
            var after = DateTimeOffset.UtcNow;

            await couple.Bob.Restart(Store());
            Assert.InRange(
                await couple.Bob.Conversations.LeaveAsync(couple.ConvoId),
                before.AddSeconds(-1),
                after.AddSeconds(1)
            );
            Assert.Equal(key, (string?)Assert.Single(couple.Bob.Meddler.BodiesOf("leaveConvo"))["idempotencyKey"]);
            Assert.Null(await couple.Bob.Conversations.ViewAsync(couple.ConvoId));

            // After Bob has come back, his next leave is a call of its own.
            await couple.Bob.Conversations.RejoinAsync(couple.ConvoId);
            couple.Bob.Meddler.After = Lost;
            await Assert.ThrowsAsync<MlsClientException>(() => couple.Bob.Conversations.LeaveAsync(couple.ConvoId));
            couple.Bob.Meddler.After = null;
            await couple.Bob.Conversations.RejoinAsync(couple.ConvoId);
            await couple.Agree();
            await couple.Bob.Conversations.LeaveAsync(couple.ConvoId);
            await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
            Assert.Single((await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static Task<HttpResponseMessage> Lost(string method, HttpResponseMessage answer) =>
            method == "leaveConvo" ? throw new HttpRequestException("The answer got lost.") : Task.FromResult(answer);
    }

    [Fact]
    public async Task The_last_member_cannot_leave_and_nothing_has_changed()
    {
        await using var alice = await Person.Start(Url, "alice");
        var convoId = await alice.Conversations.CreateAsync();

        Assert.Equal(
            "LastMember",
            (await Assert.ThrowsAsync<MlsClientException>(() => alice.Conversations.LeaveAsync(convoId))).Error
        );

        Assert.Equal(0UL, (await alice.Conversations.SendAsync(convoId, "still here"u8.ToArray())).Epoch);
        Assert.Equal(1UL, (await alice.Conversations.UpdateAsync(convoId)).Epoch);
    }

    [Fact]
    public async Task Only_an_admin_removes_others()
    {
        await using var couple = await Couple.Meet(Url);
        await using var carol = await Added(couple, "carol");
        Assert.Equal(
            "NotAdmin",
            (
                await Assert.ThrowsAsync<MlsClientException>(() =>
                    couple.Bob.Conversations.RemoveMemberAsync(couple.ConvoId, carol.Did)
                )
            ).Error
        );

        await couple.Alice.Conversations.PromoteAdminAsync(couple.ConvoId, couple.Bob.Did);
        await couple.Bob.Conversations.RemoveMemberAsync(couple.ConvoId, carol.Did);

        await couple.Agree();
        Assert.Equal(2, (await couple.Bob.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
        Assert.Equal(
            "Unauthorized",
            (await Assert.ThrowsAsync<MlsClientException>(() => carol.Conversations.RejoinAsync(couple.ConvoId))).Error
        );
        await couple.Alice.Conversations.DemoteAdminAsync(couple.ConvoId, couple.Bob.Did);
        Assert.Equal(
            "NotAdmin",
            (
                await Assert.ThrowsAsync<MlsClientException>(() =>
                    couple.Bob.Conversations.RemoveMemberAsync(couple.ConvoId, couple.Alice.Did)
                )
            ).Error
        );
    }

    [Fact]
    public async Task How_a_rejoin_ended_is_told_and_a_service_that_will_not_hear_it_changes_nothing()
    {
        await using var couple = await Couple.Meet(Url, options => options.RejoinAttempts = 1);
        var bob = couple.Bob;
        await bob.Conversations.ForgetAsync(couple.ConvoId);
        bob.Meddler.After = async (method, answer) =>
        {
            if (method == "getGroupInfo")
                await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
            return answer;
        };
        await Assert.ThrowsAsync<MlsClientException>(() => bob.Client.JoinByExternalCommitAsync(couple.ConvoId));
        var told = Assert.Single(bob.Meddler.BodiesOf("reportRejoinOutcome"));
        Assert.Equal(
            ("externalCommit", "failed", 1, "EpochMismatch"),
            ((string?)told["way"], (string?)told["outcome"], (int?)told["attempts"], (string?)told["lastError"])
        );

        bob.Meddler.After = (method, answer) =>
            method == "reportRejoinOutcome"
                ? throw new HttpRequestException("The answer got lost.")
                : Task.FromResult(answer);
        Assert.True((await bob.Conversations.RejoinAsync(couple.ConvoId)).Joined);
        await couple.Agree();
    }

    [Fact]
    public async Task No_rejoin_waits_for_the_telling_and_a_client_that_closes_tells_what_it_has_not_told()
    {
        await using var couple = await Couple.Meet(Url, options => options.ReportDelay = TimeSpan.FromDays(40));
        var bob = couple.Bob;
        await bob.Conversations.ForgetAsync(couple.ConvoId);
        Assert.True((await bob.Conversations.RejoinAsync(couple.ConvoId)).Joined);
        var told = bob.Meddler;
        Assert.Empty(told.BodiesOf("reportRejoinOutcome"));
        await bob.Client.DisposeAsync();
        Assert.Equal("succeeded", (string?)Assert.Single(told.BodiesOf("reportRejoinOutcome"))["outcome"]);
    }

    private static async Task<Person> Added(Couple couple, string name)
    {
        var person = await Person.Start(couple.Alice.Service, name);
        await couple.Alice.Conversations.AddMembersAsync(couple.ConvoId, [person.Did]);
        await person.Conversations.AcceptWelcomesAsync();
        await couple.Bob.Conversations.SyncAsync(couple.ConvoId);
        return person;
    }
}
