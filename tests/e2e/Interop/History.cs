using System.Security.Cryptography;
using MlsConsole.Mls;

namespace MlsConsole.E2e.Interop;

/// <summary>The ts-mls process of a test class, started by the first test that needs it.</summary>
public sealed class TsPeer : IAsyncDisposable
{
    private readonly Lazy<TsSession> _session = new(TsSession.StartPeer);
    private int _members;

    internal Task<TheirMember> Join(string name, int suite, ushort[]? alsoCapable) =>
        TheirMember.Start(_session.Value, $"{name}/{Interlocked.Increment(ref _members)}", name, suite, alsoCapable);

    public async ValueTask DisposeAsync()
    {
        if (_session.IsValueCreated)
            await _session.Value.DisposeAsync();
    }
}

/// <summary>
/// One group and its members, who get every handshake message in the same order. After every epoch all members must say
/// the same of it: epoch authenticator, exported value, tree hash, who is in which leaf.
/// </summary>
internal sealed class History : IDisposable
{
    private readonly TsPeer _peer;
    private readonly int _suite;
    private readonly bool _encrypted;
    private readonly ushort[]? _alsoCapable;
    private readonly List<Member> _cast = [];
    private readonly List<Member> _all = [];
    private readonly List<Member> _members = [];
    private readonly List<Member> _absent = []; // in the tree, but not in the group: only while ts-mls refuses it
    private ulong _epoch;

    private History(TsPeer peer, int suite, bool encrypted, ushort[]? alsoCapable) =>
        (_peer, _suite, _encrypted, _alsoCapable) = (peer, suite, encrypted, alsoCapable);

    /// <summary>Clients, none of them in the group yet, except the first, who creates it.</summary>
    /// <param name="cast">A letter for each: O for ours, T for ts-mls.</param>
    /// <param name="encrypted">
    /// Whether commits and proposals of members are PrivateMessages; else they are PublicMessages.
    /// </param>
    /// <param name="alsoCapable">
    /// More values for the capabilities of all; where null, each library has its random GREASE.
    /// </param>
    public static async Task<History> Begin(
        TsPeer peer,
        int suite,
        string cast,
        bool encrypted,
        ushort[]? alsoCapable = null
    )
    {
        var history = new History(peer, suite, encrypted, alsoCapable);
        for (int i = 0; i < cast.Length; i++)
        {
            history._cast.Add(null!);
            await history.Recast(i, cast[i]);
        }
        await history[0].Create(RandomNumberGenerator.GetBytes(16));
        history._members.Add(history[0]);
        await history.Agree();
        return history;
    }

    public Member this[int index] => _cast[index];

    /// <summary>Who is in the group, in the order in which they came.</summary>
    public IReadOnlyList<int> Inside => [.. _members.Select(member => _cast.IndexOf(member))];

    public IReadOnlyList<int> Outside => [.. Enumerable.Range(0, _cast.Count).Except(Inside)];

    /// <summary>Another client, with another signature key, takes a member's place and name.</summary>
    public Task Reinstall(int index) => Recast(index, _cast[index] is OurMember ? 'O' : 'T');

    private async Task Recast(int index, char kind)
    {
        var name = $"client {index}";
        if (_cast[index] is { } former)
            _members.Remove(former);
        _all.Add(
            _cast[index] =
                kind == 'O' ? new OurMember(name, _suite, _alsoCapable) : await _peer.Join(name, _suite, _alsoCapable)
        );
    }

    public Task Update(int by) => Commit(by);

    /// <summary>Commits what was proposed and <paramref name="changes"/>, and sees that everybody follows.</summary>
    public async Task Commit(int by, params Change[] changes) =>
        await Deliver(this[by], (await this[by].Commit(_encrypted, true, changes)).Commit);

    /// <summary>Adds clients by one commit and one Welcome.</summary>
    public Task Add(int by, params int[] newcomers) => Add(by, treeInWelcome: true, newcomers);

    public async Task Add(int by, bool treeInWelcome, params int[] newcomers)
    {
        var changes = new List<Change>();
        foreach (int newcomer in newcomers)
            changes.Add(new(Add: await this[newcomer].KeyPackage()));
        var (commit, welcome) = await this[by].Commit(_encrypted, treeInWelcome, [.. changes]);
        await Welcome(by, commit, welcome, treeInWelcome, newcomers);
    }

    /// <summary>Somebody proposes to add a client, somebody else commits that.</summary>
    public async Task AddByReference(int proposer, int committer, int newcomer)
    {
        await Propose(proposer, new(Add: await this[newcomer].KeyPackage()));
        var (commit, welcome) = await this[committer].Commit(_encrypted, true);
        await Welcome(committer, commit, welcome, true, newcomer);
    }

    /// <summary>A client asks to be added, and a member commits that.</summary>
    public async Task AddOnRequest(int committer, int newcomer)
    {
        var request = await this[newcomer].ProposeJoin(await this[committer].GroupInfo());
        foreach (var member in _members)
            Assert.Equal(new(null, false), await member.Receive(request));
        var (commit, welcome) = await this[committer].Commit(_encrypted, true);
        await Welcome(committer, commit, welcome, true, newcomer);
    }

    private async Task Welcome(int by, byte[] commit, byte[]? welcome, bool treeInWelcome, params int[] newcomers)
    {
        await Broadcast(this[by], commit);
        Assert.NotNull(welcome);
        var tree = treeInWelcome ? null : await this[by].Tree();
        _epoch++;
        foreach (int newcomer in newcomers)
        {
            try
            {
                await this[newcomer].Join(welcome, tree);
                _members.Add(this[newcomer]);
            }
            catch (TreeRefusedException)
            {
                _absent.Add(this[newcomer]);
            }
        }
        await Agree();
        foreach (var refusing in _absent.ToList())
            await JoinExternally(_cast.IndexOf(refusing), groupInfoOf: by, resync: true);
    }

    public async Task Remove(int by, int whom) => await Commit(by, new Change(Remove: await this[whom].OwnLeaf()));

    public async Task RemoveByReference(int proposer, int committer, int whom)
    {
        await Propose(proposer, new(Remove: await this[whom].OwnLeaf()));
        await Commit(committer);
    }

    public async Task Propose(int by, Change change)
    {
        var message = await this[by].Propose(change, _encrypted);
        foreach (var member in _members.Where(member => member != this[by]))
            Assert.Equal(new(null, false), await member.Receive(message));
    }

    /// <summary>
    /// Joins by external commit with the GroupInfo of a member; or comes back, removing the old leaf.
    /// </summary>
    public async Task JoinExternally(int who, int groupInfoOf, bool resync = false)
    {
        _members.Remove(this[who]);
        byte[] commit;
        try
        {
            commit = await this[who].JoinExternally(await this[groupInfoOf].GroupInfo(), resync);
        }
        catch (TreeRefusedException)
        {
            // Once all have committed, no leaf is unmerged. The old leaf stays in the tree until then.
            Accepted(await this[groupInfoOf].GroupInfo());
            if (resync && !_absent.Contains(this[who]))
                _absent.Add(this[who]);
            foreach (var member in _members.ToList())
                await Update(_cast.IndexOf(member));
            commit = await this[who].JoinExternally(await this[groupInfoOf].GroupInfo(), resync);
        }
        _absent.Remove(this[who]);
        await Broadcast(this[who], commit);
        _members.Add(this[who]);
        _epoch++;
        await Agree();
    }

    /// <summary>This library sees nothing wrong with the tree.</summary>
    private void Accepted(byte[] groupInfo) =>
        Assert.Equal(_epoch, PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(groupInfo), null).Epoch);

    public async Task AddPreSharedKey(byte[] id, byte[] secret)
    {
        foreach (var member in _members)
            await member.AddPreSharedKey(id, secret);
    }

    /// <summary>Everybody says three things, which arrive in another order.</summary>
    public async Task Talk()
    {
        foreach (var sender in _members.ToList())
        {
            var messages = new List<(string Text, byte[] Bytes)>();
            foreach (var text in new[] { "one", "two", "three" })
                messages.Add(
                    (
                        $"{text} of {sender.Name}",
                        await sender.Send($"{text} of {sender.Name}", [.. "beside "u8, (byte)messages.Count])
                    )
                );
            foreach (var receiver in _members.Where(member => member != sender))
            foreach (int i in new[] { 1, 0, 2 })
                Assert.Equal(new(messages[i].Text, false), await receiver.Receive(messages[i].Bytes));
        }
    }

    /// <summary>What everybody said before a few commits arrives after them.</summary>
    public async Task TalkAcross(params int[] committers)
    {
        var said = new List<(Member Sender, string Text, byte[] Bytes)>();
        foreach (var sender in _members)
            said.Add((sender, $"late, {sender.Name}", await sender.Send($"late, {sender.Name}", [])));
        foreach (int committer in committers)
            await Update(committer);
        foreach (var (sender, text, bytes) in said)
        foreach (var receiver in _members.Where(member => member != sender))
            Assert.Equal(new(text, false), await receiver.Receive(bytes));
    }

    private async Task Deliver(Member from, byte[] commit)
    {
        await Broadcast(from, commit);
        _epoch++;
        await Agree();
    }

    /// <summary>Hands a commit to all other members; those whom it removes are members no longer.</summary>
    private async Task Broadcast(Member from, byte[] commit)
    {
        foreach (var member in _members.Where(member => member != from).ToList())
        {
            var outcome = await member.Receive(commit);
            Assert.Null(outcome.Text);
            if (outcome.Removed)
                _members.Remove(member);
        }
    }

    private async Task Agree()
    {
        var expected = await _members[0].View();
        Assert.Equal(_epoch, expected.Epoch);
        Assert.Equal(
            _members.Concat(_absent).Select(member => member.Name).Order(),
            expected.Members.Split(", ").Select(member => member.Split(':')[1]).Order()
        );
        foreach (var member in _members.Skip(1))
            Assert.Equal(expected, await member.View());
    }

    public void Dispose()
    {
        foreach (var member in _all)
            member.Dispose();
    }
}
