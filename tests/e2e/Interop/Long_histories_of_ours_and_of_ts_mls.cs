namespace MlsConsole.E2e.Interop;

/// <summary>Random histories, drawn from a seed: the same steps in each run, with other keys.</summary>
[Trait("Category", "Slow")]
public sealed class Long_histories_of_ours_and_of_ts_mls(TsPeer peer) : IClassFixture<TsPeer>
{
    private const int Steps = 60;

    public static IEnumerable<object[]> Histories =>
        from suite in new[] { 1, 2, 3 }
        from encrypted in new[] { false, true }
        from seed in new[] { 1, 2, 3 }
        select new object[] { suite, encrypted, seed };

    [SkippableTheory]
    [MemberData(nameof(Histories))]
    public async Task Six_clients_agree_after_every_epoch(int suite, bool encrypted, int seed)
    {
        TsClient.Require();
        using var history = await History.Begin(peer, suite, seed % 2 == 0 ? "OTOTOT" : "TOTOTO", encrypted);
        var random = new Random(seed);
        var done = new List<string>();
        for (int step = 0; step < Steps; step++)
        {
            try
            {
                await Step(history, random, done);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"After {string.Join("; ", done)}", e);
            }
        }
        await history.Talk();
    }

    private static async Task Step(History history, Random random, List<string> done)
    {
        var members = history.Inside.ToArray();
        var others = history.Outside.ToArray();
        random.Shuffle(members);
        random.Shuffle(others);
        var (first, second, third) = (members[0], members.ElementAtOrDefault(1), members.ElementAtOrDefault(2));
        // The more are inside, the fewer come.
        if (others.Length > 0 && (members.Length < 3 || random.Next(3) == 0))
        {
            int newcomer = others[0];
            switch (random.Next(members.Length > 1 ? 4 : 3))
            {
                case 0:
                    done.Add($"{first} adds {newcomer}");
                    await history.Add(first, newcomer);
                    break;
                case 1:
                    var several = others.Take(2).ToArray();
                    done.Add($"{first} adds {string.Join(" and ", several)}");
                    await history.Add(first, several);
                    break;
                case 2:
                    done.Add($"{newcomer} joins with the GroupInfo of {first}");
                    await history.JoinExternally(newcomer, groupInfoOf: first);
                    break;
                default:
                    done.Add($"{first} adds {newcomer}, proposed by {second}");
                    await history.AddByReference(second, first, newcomer);
                    break;
            }
            return;
        }
        switch (random.Next(members.Length > 2 ? 8 : 4))
        {
            case 0 or 1:
                done.Add($"{first} updates");
                await history.Update(first);
                break;
            case 2:
                done.Add($"{first} comes back with the GroupInfo of {second}");
                if (random.Next(2) == 0)
                    await history.Reinstall(first);
                await history.JoinExternally(first, groupInfoOf: second, resync: true);
                break;
            case 3:
                done.Add($"{first} commits the Update of {second}");
                await history.Propose(second, new(Update: true));
                await history.Commit(first);
                break;
            case 4 or 5:
                done.Add($"{first} removes {second}");
                await history.Remove(first, second);
                break;
            case 6:
                done.Add($"{first} removes {second}, proposed by {third}");
                await history.RemoveByReference(third, first, second);
                break;
            default:
                done.Add("all talk");
                await history.Talk();
                break;
        }
    }
}
