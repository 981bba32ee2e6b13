namespace MlsConsole.E2e.Interop;

/// <summary>
/// This library's members and those of ts-mls in one group, with nothing but bytes between them. A cast has a letter
/// for each client, O for ours and T for ts-mls; the first creates the group. Where ts-mls differs from RFC 9420 stands
/// in <c>tests/e2e/README.md</c>.
/// </summary>
public sealed class Groups_of_ours_and_of_ts_mls(TsPeer peer) : IClassFixture<TsPeer>
{
    private static readonly int[] s_suites = [1, 2, 3];

    /// <summary>Each suite with each cast, with handshakes as PublicMessage and as PrivateMessage.</summary>
    private static IEnumerable<object[]> Matrix(params string[] casts) =>
        from suite in s_suites
        from cast in casts
        from encrypted in new[] { false, true }
        select new object[] { suite, cast, encrypted };

    public static IEnumerable<object[]> Pairs => Matrix("OT", "TO");
    public static IEnumerable<object[]> Trios => Matrix("OOT", "OTO", "OTT", "TTO", "TOT", "TOO");

    private async Task<History> Begin(int suite, string cast, bool encrypted)
    {
        TsClient.Require();
        return await History.Begin(peer, suite, cast, encrypted);
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Agree_after_a_Welcome_after_updates_of_each_and_read_each_other(
        int suite,
        string cast,
        bool encrypted
    )
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1);
        await history.Talk();
        await history.Update(1);
        await history.Update(0);
        await history.Update(0);
        await history.Update(1);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Agree_when_the_tree_comes_beside_the_Welcome(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, treeInWelcome: false, 1);
        await history.Update(1);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Remove_one_another_and_add_one_another_again(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1);
        await history.Remove(0, 1);
        await history.Add(0, 1);
        await history.Update(1);
        await history.Remove(1, 0);
        await history.Update(1);
        await history.Add(1, 0);
        await history.Update(0);
        await history.Talk();
    }

    // An external commit is a PublicMessage always (RFC 9420 §12.4.3.2); the commits in between are not.
    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Join_by_external_commit_with_the_GroupInfo_of_the_other(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.JoinExternally(1, groupInfoOf: 0);
        await history.Talk();
        await history.Update(0);
        await history.Update(1);
        await history.Remove(1, 0);
        await history.JoinExternally(0, groupInfoOf: 1);
        await history.Update(1);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Come_back_by_an_external_commit_that_removes_the_old_leaf(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1);
        await history.JoinExternally(1, groupInfoOf: 0, resync: true);
        await history.Update(0);
        await history.JoinExternally(0, groupInfoOf: 1, resync: true);
        await history.Update(1);
        await history.Talk();
        foreach (int who in new[] { 1, 0 })
        {
            await history.Reinstall(who);
            await history.JoinExternally(who, groupInfoOf: 1 - who, resync: true);
            await history.Update(1 - who);
            await history.Update(who);
        }
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Mix_in_an_external_pre_shared_key(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1);
        byte[] id = [.. "a key that both know"u8];
        await history.AddPreSharedKey(id, [.. Enumerable.Repeat((byte)7, 32)]);
        await history.Commit(0, new Change(PreSharedKey: id));
        await history.Commit(1, new Change(PreSharedKey: id));
        await history.Propose(1, new(PreSharedKey: id));
        await history.Commit(0);
        await history.Talk();
    }

    // Of a Welcome with a resumption PSK ts-mls demands a reinitialised or branched group, so nobody is added in such a
    // commit.
    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Mix_in_the_resumption_key_of_an_epoch_before(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1);
        await history.Update(1);
        await history.Commit(0, new Change(Resumption: 1));
        await history.Commit(1, new Change(Resumption: 2));
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task Read_what_was_sent_before_a_commit_and_arrives_after_it(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1);
        await history.TalkAcross(0, 1);
        await history.TalkAcross(1, 1);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Trios))]
    public async Task Add_whoever_asks_for_it(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.AddOnRequest(committer: 0, newcomer: 1);
        await history.AddOnRequest(committer: 1, newcomer: 2);
        await history.Update(2);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Trios))]
    public async Task Commit_what_another_proposed(int suite, string cast, bool encrypted)
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.JoinExternally(1, groupInfoOf: 0);
        await history.AddByReference(proposer: 1, committer: 0, newcomer: 2);
        await history.Propose(1, new(Update: true));
        await history.Commit(0);
        await history.Propose(0, new(Update: true));
        await history.Commit(2);
        await history.Propose(2, new(Update: true));
        await history.Propose(0, new(Update: true));
        await history.Commit(1);
        await history.RemoveByReference(proposer: 1, committer: 0, whom: 2);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Trios))]
    public async Task Live_through_additions_updates_returns_and_removals_as_three(
        int suite,
        string cast,
        bool encrypted
    )
    {
        using var history = await Begin(suite, cast, encrypted);
        await history.Add(0, 1, 2);
        foreach (int who in new[] { 2, 1, 0 })
            await history.Update(who);
        await history.Talk();
        await history.JoinExternally(1, groupInfoOf: 2, resync: true);
        await history.Update(0);
        await history.Reinstall(2);
        await history.JoinExternally(2, groupInfoOf: 0, resync: true);
        await history.Update(1);
        await history.Remove(2, 0);
        await history.Update(1);
        await history.JoinExternally(0, groupInfoOf: 1);
        await history.Update(2);
        await history.Talk();
        await history.Remove(0, 1);
        await history.Add(2, 1);
        foreach (int who in new[] { 1, 0, 2 })
            await history.Update(who);
        await history.Talk();
    }
}
