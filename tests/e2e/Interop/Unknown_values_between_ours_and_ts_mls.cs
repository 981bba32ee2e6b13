using MlsConsole.Mls;

namespace MlsConsole.E2e.Interop;

/// <summary>What one side does not know, or does in another way, and how the other takes it.</summary>
public sealed class Unknown_values_between_ours_and_ts_mls(TsPeer peer) : IClassFixture<TsPeer>
{
    /// <summary>
    /// All of GREASE (RFC 9420 §13.5), last_resort and SelfRemove, which have the same number, and private use (§17).
    /// </summary>
    private static readonly ushort[] s_values =
    [
        .. Enumerable.Range(0, 15).Select(i => (ushort)(0x0A0A + i * 0x1010)),
        0x000A,
        0xF00D,
        0xFFFE,
    ];

    public static IEnumerable<object[]> Pairs =>
        from suite in new[] { 1, 2, 3 }
        from cast in new[] { "OT", "TO" }
        select new object[] { suite, cast };

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task In_capabilities_are_kept_and_ignored(int suite, string cast)
    {
        TsClient.Require();
        using var history = await History.Begin(peer, suite, cast, encrypted: false, s_values);
        await history.Add(0, 1);
        await history.Update(1);
        await history.Update(0);
        await history.JoinExternally(1, groupInfoOf: 0, resync: true);
        await history.Propose(1, new(Update: true));
        await history.Commit(0);
        await history.Talk();
        // Whoever wrote the leaves, each has all values in all lists: (key package, update or commit alike).
        foreach (int who in new[] { 0, 1 })
        {
            var members = PublicGroup
                .FromGroupInfo(UnverifiedGroupInfo.Decode(await history[who].GroupInfo()), null)
                .Members.ToList();
            Assert.Equal(2, members.Count);
            foreach (var (_, leaf) in members)
            foreach (
                var list in new[]
                {
                    leaf.Capabilities.CipherSuites,
                    leaf.Capabilities.Extensions,
                    leaf.Capabilities.Proposals,
                    leaf.Capabilities.Credentials,
                }
            )
                Assert.Empty(s_values.Except(list.ToArray()));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task In_required_capabilities_are_agreed_on_if_all_have_them(int suite, string cast)
    {
        TsClient.Require();
        using var history = await History.Begin(peer, suite, cast, encrypted: false, s_values);
        await history.Add(0, 1);
        // ts-mls commits GroupContextExtensions without a path, see below: so it is ours who commits, whoever proposed.
        int ours = cast.IndexOf('O'),
            theirs = 1 - ours;
        await history.Commit(ours, new Change(Require: 0xF00D));
        await history.Propose(theirs, new(Require: 0xFFFE));
        await history.Commit(ours);
        await history.Update(theirs);
        await history.Talk();
    }

    [SkippableTheory]
    [MemberData(nameof(Pairs))]
    public async Task A_commit_of_ts_mls_with_GroupContextExtensions_has_no_path_and_is_refused(int suite, string cast)
    {
        TsClient.Require();
        using var history = await History.Begin(peer, suite, cast, encrypted: false, s_values);
        await history.Add(0, 1);
        int ours = cast.IndexOf('O'),
            theirs = 1 - ours;
        var before = await history[ours].View();
        var (commit, _) = await history[theirs]
            .Commit(encrypted: false, treeInWelcome: true, new Change(Require: 0xF00D));
        var refused = await Assert.ThrowsAsync<MlsException>(() => history[ours].Receive(commit));
        Assert.Equal(Rules.CommitPathMissing, refused.Rule);
        Assert.Equal(before, await history[ours].View());
    }
}
