using System.Text;
using System.Text.Json.Nodes;
using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>How a device on this project's client comes back, with the host as a process.</summary>
public sealed class RejoinOfTheClientTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    private Uri Url => fixture.Host.Url;

    [Fact]
    public async Task Instant_rejoin_a_device_that_lost_its_state_is_back_by_one_external_commit_and_nobody_else_acts()
    {
        await using var couple = await Couple.Meet(Url);
        await couple.Bob.Conversations.ForgetAsync(couple.ConvoId);
        couple.Bob.Meddler.Forget();

        var result = await couple.Bob.Client.JoinByExternalCommitAsync(couple.ConvoId);

        Assert.Equal(
            (RejoinWay.ExternalCommit, true, 2UL, 1),
            (result.Way, result.Joined, result.Epoch, result.Attempts)
        );
        Assert.Equal(1, couple.Bob.Meddler.Count("processExternalCommit"));
        await couple.Agree();
        Assert.Equal(2, (await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task Auto_recovery_on_launch_when_the_store_was_deleted_and_the_process_restarted()
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-client-");
        var (path, key) = (Path.Combine(folder.FullName, "mls.db"), new byte[32]);
        await using var couple = await Couple.Meet(Url, storeOfBob: new SqliteStore(path, key));
        var second = await couple.Alice.Conversations.CreateAsync();
        // The Welcome of this Add is never opened.
        await couple.Alice.Conversations.AddMembersAsync(second, [couple.Bob.Did]);
        await couple.Bob.Client.DisposeAsync();
        File.Delete(path);

        await couple.Bob.Restart(new SqliteStore(path, key));
        var recoveries = await couple.Bob.Client.StartAsync();

        Assert.Equal(
            new[] { couple.ConvoId, second }.Order(),
            recoveries.Select(recovery => recovery.ConversationId).Order()
        );
        Assert.All(
            recoveries,
            recovery =>
                Assert.True(
                    recovery is { Failure: null, Rejoin: { Joined: true, Way: RejoinWay.ExternalCommit } },
                    $"{recovery}"
                )
        );
        await couple.Agree();
        await (couple with { ConvoId = second }).Agree();
        Assert.Empty(await couple.Bob.Client.StartAsync());
        await couple.Bob.Client.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_device_that_starts_again_with_its_store_goes_on_where_it_was()
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-client-");
        var (path, key) = (Path.Combine(folder.FullName, "mls.db"), new byte[32]);
        await using var couple = await Couple.Meet(Url, storeOfBob: new SqliteStore(path, key));
        await couple.Agree();
        await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "while you were away"u8.ToArray());

        await couple.Bob.Restart(new SqliteStore(path, key));
        Assert.Empty(await couple.Bob.Client.StartAsync());

        var sync = await couple.Bob.Conversations.SyncAsync(couple.ConvoId);
        Assert.Equal("while you were away"u8, Assert.Single(sync.Messages).Data);
        Assert.Equal((1, 0), (sync.Commits, sync.Unreadable));
        Assert.Equal(0, couple.Bob.Meddler.Count("processExternalCommit"));
        await couple.Agree();
        await couple.Bob.Client.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Epoch_mismatch_retry_the_epoch_moves_after_the_fetch_and_the_device_tries_with_a_fresh_GroupInfo()
    {
        await using var couple = await Couple.Meet(Url);
        await couple.Bob.Conversations.ForgetAsync(couple.ConvoId);
        var moves = 2;
        couple.Bob.Meddler.After = async (method, answer) =>
        {
            if (method == "getGroupInfo" && moves-- > 0)
                await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
            return answer;
        };

        var result = await couple.Bob.Conversations.RejoinAsync(couple.ConvoId);

        Assert.Equal((RejoinWay.ExternalCommit, 3, 4UL), (result.Way, result.Attempts, result.Epoch));
        var told = Assert.Single(couple.Bob.Meddler.BodiesOf("reportRejoinOutcome"));
        Assert.Equal(
            ("externalCommit", "succeeded", 3, "EpochMismatch"),
            ((string?)told["way"], (string?)told["outcome"], (int?)told["attempts"], (string?)told["lastError"])
        );
        await couple.Agree();
    }

    [Fact]
    public async Task An_epoch_that_moves_every_time_ends_the_rejoin_after_bounded_attempts()
    {
        await using var couple = await Couple.Meet(Url, options => options.RejoinAttempts = 3);
        await couple.Bob.Conversations.ForgetAsync(couple.ConvoId);
        couple.Bob.Meddler.After = async (method, answer) =>
        {
            if (method == "getGroupInfo")
                await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
            return answer;
        };

        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            couple.Bob.Client.JoinByExternalCommitAsync(couple.ConvoId)
        );

        Assert.Equal(("EpochMismatch", 4UL), (failure.Error, failure.CurrentEpoch));
        Assert.Equal(3, couple.Bob.Meddler.Count("processExternalCommit"));
    }

    [Fact]
    public async Task An_unauthorised_account_is_refused_at_once_and_asks_once()
    {
        await using var couple = await Couple.Meet(Url);
        await using var stranger = await Person.Start(Url, "stranger");
        stranger.Meddler.Forget();

        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            stranger.Conversations.RejoinAsync(couple.ConvoId)
        );

        Assert.Equal(("Unauthorized", 403), (failure.Error, failure.Status));
        Assert.Equal(["getWelcomes", "getGroupInfo"], stranger.Meddler.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_devices_of_one_user_join_at_once(bool k256)
    {
        using var key = k256 ? AccountKey.CreateK256() : AccountKey.CreateP256();
        await using var alice = await Person.Start(Url, "alice");
        await using var phone = await Person.Start(Url, "phone", key);
        var convoId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(convoId, [phone.Did]);
        await using var laptop = await Person.Start(
            Url,
            "laptop",
            key,
            configure: options => options.RejoinAttempts = 10
        );
        await phone.Restart();
        await Task.WhenAll(phone.Client.StartAsync(), laptop.Client.StartAsync());

        await Task.WhenAll(new[] { alice, phone, laptop }.Select(person => person.Conversations.SyncAsync(convoId)));
        Assert.Equal(3, (await alice.Conversations.ViewAsync(convoId))!.Members.Count);
        Assert.Equal(await alice.Where(convoId), await phone.Where(convoId));
        Assert.Equal(await alice.Where(convoId), await laptop.Where(convoId));
    }

    [Fact]
    public async Task A_409_on_an_own_commit_never_leads_to_a_rejoin()
    {
        await using var couple = await Couple.Meet(Url);
        var overtaken = 0;
        couple.Alice.Meddler.Before = async method =>
        {
            if (method == "commit" && overtaken++ < 3)
                await couple.Bob.Conversations.UpdateAsync(couple.ConvoId);
        };

        var recorded = await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);

        Assert.Equal(5UL, recorded.Epoch);
        Assert.Equal(4, couple.Alice.Meddler.Count("commit"));
        Assert.Equal(
            0,
            couple.Alice.Meddler.Count("getGroupInfo") + couple.Alice.Meddler.Count("processExternalCommit")
        );
        await couple.Agree();
    }

    [Fact]
    public async Task A_rejoin_loop_is_broken_after_bounded_attempts()
    {
        await using var couple = await Couple.Meet(Url, options => options.RejoinsPerHour = 3);
        // In the log of this service no commit holds, so each commit throws Bob out of the group again.
        couple.Bob.Meddler.After = (method, answer) =>
            method == "getMessages" ? Meddler.Rewritten(answer, Spoil) : Task.FromResult(answer);
        for (var i = 0; i < 2; i++)
            await FallOut();
        var looped = await Assert.ThrowsAsync<MlsClientException>(async () =>
        {
            await couple.Bob.Conversations.ForgetAsync(couple.ConvoId);
            for (var i = 0; i < 5; i++)
                await couple.Bob.Client.JoinByExternalCommitAsync(couple.ConvoId);
        });

        Assert.Equal(ClientErrors.RejoinLoop, looped.Error);
        Assert.NotNull(looped.RetryAfter);
        Assert.Equal(3, couple.Bob.Meddler.Count("processExternalCommit"));

        async Task FallOut()
        {
            await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
            var sync = await couple.Bob.Conversations.SyncAsync(couple.ConvoId);
            Assert.Equal(RejoinWay.ExternalCommit, sync.Rejoin!.Way);
            await couple.Alice.Conversations.SyncAsync(couple.ConvoId);
        }

        static void Spoil(JsonNode body)
        {
            foreach (var entry in body["messages"]!.AsArray())
                if ((string?)entry!["kind"] == "commit")
                    entry["message"] = Convert.ToBase64String(new byte[40]);
        }
    }

    [Theory]
    [InlineData("withheld")]
    [InlineData("spoilt")]
    [InlineData("older")]
    public async Task A_dishonest_service_cannot_lead_a_device_that_knows_an_old_epoch_into_another_branch(string lie)
    {
        await using var couple = await Couple.Meet(Url);
        var old = await couple.Bob.Client.Call(Lexicon.Lexicons.GetGroupInfo, new() { ConvoId = couple.ConvoId });
        for (var i = 0; i < 3; i++)
            await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
        if (lie == "older")
            await couple.Bob.Conversations.SyncAsync(couple.ConvoId);
        couple.Bob.Meddler.After = (method, answer) =>
            (method, lie) switch
            {
                ("getCommits", "withheld") => Meddler.Rewritten(
                    answer,
                    body =>
                    {
                        if (body["commits"]!.AsArray() is { Count: > 0 } commits)
                            commits.RemoveAt(commits.Count - 1);
                    }
                ),
                ("getCommits", "spoilt") => Meddler.Rewritten(
                    answer,
                    body =>
                        (body["commits"]![0]!["commit"], body["commits"]![1]!["commit"]) = (
                            body["commits"]![1]!["commit"]!.DeepClone(),
                            body["commits"]![0]!["commit"]!.DeepClone()
                        )
                ),
                ("getGroupInfo", "older") => Meddler.Rewritten(
                    answer,
                    body => (body["groupInfo"], body["ratchetTree"]) = (old.GroupInfo, old.RatchetTree)
                ),
                _ => Task.FromResult(answer),
            };
        couple.Bob.Meddler.Forget();

        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            couple.Bob.Conversations.RejoinAsync(couple.ConvoId)
        );

        Assert.Equal(ClientErrors.OtherBranch, failure.Error);
        Assert.Equal(0, couple.Bob.Meddler.Count("processExternalCommit"));
        couple.Bob.Meddler.After = null;
        Assert.Equal(RejoinWay.ExternalCommit, (await couple.Bob.Conversations.RejoinAsync(couple.ConvoId)).Way);
        await couple.Agree();
    }

    [Fact]
    public async Task A_device_that_rejoins_with_its_old_state_still_reads_what_was_sent_before()
    {
        await using var couple = await Couple.Meet(Url);
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "before"u8.ToArray());

        await couple.Bob.Conversations.RejoinAsync(couple.ConvoId);

        Assert.Equal(
            "before"u8.ToArray(),
            Assert.Single((await couple.Bob.Conversations.SyncAsync(couple.ConvoId)).Messages).Data
        );
        await couple.Agree();
    }

    [Fact]
    public async Task A_lost_answer_is_asked_for_again_with_the_same_idempotency_key_and_a_new_token()
    {
        await using var couple = await Couple.Meet(Url);
        couple.Alice.Meddler.Forget();
        var lost = 2;
        couple.Alice.Meddler.After = (method, answer) =>
            method == "commit" && lost-- > 0
                ? throw new HttpRequestException("The answer got lost.")
                : Task.FromResult(answer);

        var recorded = await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);

        Assert.Equal(2UL, recorded.Epoch);
        Assert.Equal(["commit", "commit", "commit"], couple.Alice.Meddler.Calls);
        Assert.Equal(3, couple.Alice.Meddler.Tokens.Distinct().Count());
        await couple.Agree();
    }

    [Fact]
    public async Task A_commit_whose_answer_never_came_is_found_in_the_log()
    {
        await using var couple = await Couple.Meet(Url);
        couple.Alice.Meddler.After = (method, answer) =>
            method == "commit" ? throw new HttpRequestException("The answer got lost.") : Task.FromResult(answer);
        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            couple.Alice.Conversations.UpdateAsync(couple.ConvoId)
        );
        Assert.Equal(ClientErrors.Unreachable, failure.Error);
        couple.Alice.Meddler.After = null;

        Assert.Equal(3UL, (await couple.Alice.Conversations.UpdateAsync(couple.ConvoId)).Epoch);

        Assert.Equal(0, couple.Alice.Meddler.Count("processExternalCommit"));
        await couple.Agree();
    }

    [Fact]
    public async Task A_member_who_is_removed_learns_it_and_cannot_come_back()
    {
        await using var couple = await Couple.Meet(Url);
        await couple.Alice.Conversations.RemoveMemberAsync(couple.ConvoId, couple.Bob.Did);

        var failure = await Assert.ThrowsAsync<MlsClientException>(() =>
            couple.Bob.Conversations.RejoinAsync(couple.ConvoId)
        );

        Assert.Equal("Unauthorized", failure.Error);
        Assert.Single((await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members);
    }

    [Fact]
    public async Task Events_are_followed_through_a_kill_of_the_host()
    {
        await using var host = await HostProcess.Start(HostFixture.NoLimits);
        await using var couple = await Couple.Meet(host.Url);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        var heard = new List<string>();
        var events = Task.Run(
            async () =>
            {
                await foreach (var one in couple.Bob.Client.Events.FollowAsync(limit.Token))
                {
                    Assert.Null(one.Failure);
                    heard.AddRange(one.Sync?.Messages.Select(message => Encoding.UTF8.GetString(message.Data)) ?? []);
                    if (heard.LastOrDefault() == "last")
                        return;
                }
            },
            limit.Token
        );
        // Bob's stream begins somewhere around here. Each message reaches him once: by the stream, or from the log with
        // which he begins.
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "one"u8.ToArray(), limit.Token);
        await couple.Alice.Conversations.UpdateAsync(couple.ConvoId, limit.Token);
        await host.Restart();
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "two"u8.ToArray(), limit.Token);
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "last"u8.ToArray(), limit.Token);
        await events;

        Assert.Equal(["one", "two", "last"], heard);
    }
}
