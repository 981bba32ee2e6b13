using MlsConsole.Clients;
using MlsConsole.Lexicon;

namespace MlsConsole.E2e.Clients;

/// <summary>The way back by a member, with the host as a process.</summary>
public sealed class FallbackToLegacyTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [Fact]
    public async Task Fallback_to_legacy_where_external_commits_are_off_a_member_who_is_online_adds_the_device_again()
    {
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits) { ["Rollout__Initial"] = "Off" }
        );
        await using var couple = await Couple.Meet(host.Url, options => options.MemberWait = TimeSpan.FromMinutes(2));
        using var end = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        var online = new TaskCompletionSource();
        var following = Task.Run(
            async () =>
            {
                await foreach (var one in couple.Alice.Client.Events.FollowAsync(end.Token))
                {
                    Assert.Null(one.Failure);
                    online.TrySetResult();
                }
            },
            end.Token
        );
        await online.Task.WaitAsync(end.Token);
        await couple.Bob.Restart();

        var recovery = Assert.Single(await couple.Bob.Client.StartAsync(end.Token));

        Assert.Equal((RejoinWay.Legacy, true), (recovery.Rejoin!.Way, recovery.Rejoin.Joined));
        Assert.Equal(0, couple.Bob.Meddler.Count("processExternalCommit"));
        var told = Assert.Single(couple.Bob.Meddler.BodiesOf("reportRejoinOutcome"));
        Assert.Equal(
            ("legacy", "succeeded", "ExternalCommitsDisabled"),
            ((string?)told["way"], (string?)told["outcome"], (string?)told["lastError"])
        );
        end.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
        await couple.Agree();
        Assert.Equal(2, (await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task Fallback_to_legacy_where_external_commits_keep_failing_and_the_Welcome_may_come_later()
    {
        await using var couple = await Couple.Meet(
            fixture.Host.Url,
            options => (options.RejoinAttempts, options.MemberWait) = (2, TimeSpan.Zero)
        );
        var (alice, bob) = (couple.Alice, couple.Bob);
        await bob.Conversations.ForgetAsync(couple.ConvoId);
        bob.Meddler.After = async (method, answer) =>
        {
            if (method == "getGroupInfo")
                await alice.Conversations.UpdateAsync(couple.ConvoId);
            return answer;
        };
        for (var i = 0; i < 2; i++)
        {
            var result = await bob.Conversations.RejoinAsync(couple.ConvoId);
            Assert.Equal((RejoinWay.Legacy, false, 2), (result.Way, result.Joined, result.Attempts));
        }
        Assert.Single(bob.Meddler.BodiesOf("rejoin").Select(body => (string?)body["keyPackage"]).Distinct());
        Assert.Empty(bob.Meddler.BodiesOf("reportRejoinOutcome"));

        Assert.True(await alice.Conversations.AnswerRejoinRequestsAsync(couple.ConvoId));
        Assert.False(await alice.Conversations.AnswerRejoinRequestsAsync(couple.ConvoId));
        Assert.Equal([couple.ConvoId], await bob.Conversations.AcceptWelcomesAsync());

        var told = Assert.Single(bob.Meddler.BodiesOf("reportRejoinOutcome"));
        Assert.Equal(("legacy", "succeeded"), ((string?)told["way"], (string?)told["outcome"]));
        await couple.Agree();
        Assert.Equal(2, (await alice.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }

    [Fact]
    public async Task A_request_of_an_account_that_is_not_in_the_group_is_not_answered_by_itself()
    {
        await using var couple = await Couple.Meet(fixture.Host.Url);
        await using var carol = await Person.Start(
            fixture.Host.Url,
            "carol",
            configure: options => options.MemberWait = TimeSpan.Zero
        );
        var claimed = await couple.Alice.Client.Call(
            Lexicons.ClaimKeyPackages,
            new() { Dids = [carol.Did], CipherSuite = 1 }
        );
        var package = Assert.Single(claimed.KeyPackages).KeyPackage;
        couple.Alice.Meddler.After = async (method, answer) =>
            method != "getRejoinRequests"
                ? answer
                : await Meddler.Rewritten(
                    answer,
                    body =>
                        body["requests"]!
                            .AsArray()
                            .Add(
                                new System.Text.Json.Nodes.JsonObject
                                {
                                    ["requestId"] = "invented",
                                    ["did"] = carol.Did,
                                    ["deviceId"] = "carol",
                                    ["keyPackage"] = package,
                                    ["createdAt"] = "2026-01-01T00:00:00.000Z",
                                    ["expiresAt"] = "2036-01-01T00:00:00.000Z",
                                }
                            )
                );

        Assert.False(await couple.Alice.Conversations.AnswerRejoinRequestsAsync(couple.ConvoId));

        Assert.Equal(2, (await couple.Alice.Conversations.ViewAsync(couple.ConvoId))!.Members.Count);
    }
}
