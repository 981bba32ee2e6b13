namespace MlsConsole.E2e;

public sealed class RaceTests
{
    [SkippableTheory]
    [InlineData(StorageProvider.Sqlite)]
    [InlineData(StorageProvider.PostgreSql)]
    [Trait("Category", "Slow")]
    public async Task Of_two_commits_for_the_same_epoch_at_the_same_instant_exactly_one_wins_a_thousand_times(
        StorageProvider provider
    )
    {
        await using var host = await HostProcess.Start(HostFixture.NoLimits, await DatabaseServers.Of(provider));
        await Race(host, host, rounds: 1000);
    }

    [SkippableFact]
    [Trait("Category", "Slow")]
    [Trait("Category", "Database")]
    public Task Of_a_thousand_pairs_of_commits_from_two_hosts_over_one_database_exactly_one_of_each_wins() =>
        RaceOfTwoHosts(rounds: 1000);

    [SkippableFact]
    [Trait("Category", "Long")]
    public Task Of_ten_thousand_pairs_of_commits_from_two_hosts_over_one_database_exactly_one_of_each_wins() =>
        RaceOfTwoHosts(rounds: 10_000);

    [SkippableTheory]
    [InlineData(StorageProvider.Sqlite)]
    [InlineData(StorageProvider.PostgreSql)]
    [Trait("Category", "Slow")]
    public async Task A_token_that_comes_to_two_hosts_over_one_database_at_the_same_instant_is_accepted_once(
        StorageProvider provider
    )
    {
        await using var first = await HostProcess.Start(HostFixture.NoLimits, await DatabaseServers.Of(provider));
        await using var second = await first.StartAnother();
        using var user = new XrpcUser(first.Url);
        for (var i = 0; i < 100; i++)
        {
            var token = user.Token("getConvos");
            var answers = await AtTheSameInstant(
                () => user.QueryWith(token, first.Url, "getConvos"),
                () => user.QueryWith(token, second.Url, "getConvos")
            );
            Assert.Single(answers, answer => answer.IsSuccess);
            Assert.Equal(
                (401, "AuthenticationRequired"),
                Assert.Single(
                    answers.Where(answer => !answer.IsSuccess).Select(answer => (answer.Status, answer.Error))
                )
            );
        }
    }

    private static async Task RaceOfTwoHosts(int rounds)
    {
        await using var first = await HostProcess.Start(
            HostFixture.NoLimits,
            await DatabaseServers.Of(StorageProvider.PostgreSql)
        );
        await using var second = await first.StartAnother();
        await Race(first, second, rounds);
        var (code, report) = await first.Run("verify-audit");
        Assert.True(code == 0, report);
    }

    private static async Task Race(HostProcess alices, HostProcess bobs, int rounds)
    {
        using var alice = await TestDevice.Register(alices.Url, "alice-phone");
        using var bob = await TestDevice.Register(bobs.Url, "bob-phone");
        var (convoId, created) = await alice.CreateConvo();
        var group = await alice.Add(convoId, created, bob);
        var winners = new List<string>();

        for (var round = 0; round < rounds; round++)
        {
            // A member's commit against a member's commit, against a rejoin, and a rejoin against a rejoin.
            var first = round % 3 == 2 ? alice.Rejoin(convoId, group) : alice.Update(convoId, group);
            var second = round % 3 == 0 ? bob.Update(convoId, group) : bob.Rejoin(convoId, group);
            var answers = await AtTheSameInstant(() => alice.Send(first), () => bob.Send(second));

            var won = Array.FindIndex(answers, answer => answer.IsSuccess);
            Assert.True(won >= 0, $"nobody won round {round}: {answers[0].Body} {answers[1].Body}");
            var (winner, loser) = (won == 0 ? first : second, answers[1 - won]);
            Assert.False(loser.IsSuccess, $"both won round {round}");
            Assert.Equal(group.Group.Epoch + 1, answers[won].Body.GetProperty("epoch").GetUInt64());
            Assert.Equal((409, "EpochMismatch"), (loser.Status, loser.Error));
            Assert.Equal(group.Group.Epoch + 1, loser.Body.GetProperty("currentEpoch").GetUInt64());
            Assert.Equal("stale", loser.Body.GetProperty("reason").GetString());
            Assert.Equal($"{group.Group.Epoch + 1}", loser.CurrentEpochHeader);
            winners.Add(winner.Commit);
            group = winner.After;
        }

        var log = await alice.CommitLog(convoId);
        Assert.Equal(Enumerable.Range(1, rounds + 1).Select(epoch => (ulong)epoch), log.Select(commit => commit.Epoch));
        Assert.Equal(winners, log.Skip(1).Select(commit => commit.Commit));
        Assert.Equal(log.Select(commit => commit.Seq).Order().Distinct(), log.Select(commit => commit.Seq));
        var served = await bob.ServedGroup(convoId);
        Assert.Equal(group.Group.TreeHash.ToArray(), served.TreeHash.ToArray());
        Assert.Equal((ulong)rounds + 1, served.Epoch);
    }

    private static async Task<T[]> AtTheSameInstant<T>(params Func<Task<T>>[] actions)
    {
        using var barrier = new Barrier(actions.Length);
        return await Task.WhenAll(
            actions.Select(action =>
                Task.Factory.StartNew(
                        () =>
                        {
                            barrier.SignalAndWait();
                            return action();
                        },
                        CancellationToken.None,
                        TaskCreationOptions.LongRunning,
                        TaskScheduler.Default
                    )
                    .Unwrap()
            )
        );
    }
}
