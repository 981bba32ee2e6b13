namespace MlsConsole.E2e;

public sealed class RaceTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    private const int Rounds = 1000;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Of_two_commits_for_the_same_epoch_at_the_same_instant_exactly_one_wins_a_thousand_times()
    {
        using var alice = await TestDevice.Register(fixture.Host.Url, "alice-phone");
        using var bob = await TestDevice.Register(fixture.Host.Url, "bob-phone");
        var (convoId, created) = await alice.CreateConvo();
        var group = await alice.Add(convoId, created, bob);
        var winners = new List<string>();

        for (var round = 0; round < Rounds; round++)
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
        Assert.Equal(Enumerable.Range(1, Rounds + 1).Select(epoch => (ulong)epoch), log.Select(commit => commit.Epoch));
        Assert.Equal(winners, log.Skip(1).Select(commit => commit.Commit));
        Assert.Equal(log.Select(commit => commit.Seq).Order().Distinct(), log.Select(commit => commit.Seq));
        var served = await bob.ServedGroup(convoId);
        Assert.Equal(group.Group.TreeHash.ToArray(), served.TreeHash.ToArray());
        Assert.Equal((ulong)Rounds + 1, served.Epoch);
    }

    private static async Task<T[]> AtTheSameInstant<T>(params Func<Task<T>>[] actions)
    {
        using var barrier = new Barrier(actions.Length);
        return await Task.WhenAll(actions.Select(action => Task.Factory.StartNew(() =>
        {
            barrier.SignalAndWait();
            return action();
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));
    }
}
