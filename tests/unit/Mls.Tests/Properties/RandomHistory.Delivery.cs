namespace MlsConsole.Mls.Tests;

internal sealed partial class RandomHistory
{
    private readonly List<(byte[] Message, byte[] Data, ulong Epoch, HashSet<Group> Receivers)> _late = [];
    private readonly List<AuthenticatedContent> _publicProposals = [];
    private PublicGroup _observer;
    private bool _observerMissedProposals;

    public int Flips { get; private set; }
    public int PublicCommits { get; private set; }
    public int PrivateCommits { get; private set; }
    public int LateMessages { get; private set; }

    private void Propose(Group? by, Step step, byte[] message)
    {
        Flipped(message, step, by);
        foreach (var (member, _) in _members.Where(member => member.Group != by))
            Assert.IsType<ReceivedProposal>(member.Receive(message));
        if (MlsMessage.Decode(message).PublicMessage is not { } proposal)
        {
            _observerMissedProposals = true;
            return;
        }
        var seen = _observer.Authenticate(proposal);
        _publicProposals.Add(seen);
        // The observer cannot verify a membership tag; the proposal is the same one whatever the tag.
        if (Try(() => _observer.Authenticate(MlsMessage.Decode(Flip(message, step)).PublicMessage!)) is { } other)
            Assert.Equal(
                seen.ProposalReference(CipherSuite.Get(_suite)),
                other.ProposalReference(CipherSuite.Get(_suite))
            );
    }

    private void Commit(Group by, Step step, CommitOptions options)
    {
        var pending = by.Commit(options);
        Flipped(pending.Commit, step, by);
        var removed = Deliver(pending.Commit, by);
        if (step.Third)
            by.MergePendingCommit();
        else
            Assert.IsType<ReceivedOwnCommit>(by.Receive(pending.Commit));
        Observe(pending, step);
        NextEpoch(by, removed);
        if (pending.Welcome is not null)
            JoinByWelcome(by, pending.Welcome, options.TreeInWelcome, step);
        Agree(by);
    }

    private void External(Client client, LeafIndex? remove, Group from, Step step, Group? lost = null)
    {
        var (info, tree) = (
            from.CreateGroupInfo(includeTree: step.Third),
            step.Third ? default(ReadOnlyMemory<byte>?) : from.PublicGroup.EncodeRatchetTree()
        );
        Refused(() =>
            Group.JoinByExternalCommit(client, UnverifiedGroupInfo.Decode(Flip(info, step)), tree, remove, _psks)
        );
        if (tree is { } whole)
            Refused(() =>
                Group.JoinByExternalCommit(
                    client,
                    UnverifiedGroupInfo.Decode(info),
                    Flip(whole.ToArray(), step),
                    remove,
                    _psks
                )
            );
        var joined = Group.JoinByExternalCommit(client, UnverifiedGroupInfo.Decode(info), tree, remove, _psks);
        var pending = joined.Pending!;
        Flipped(pending.Commit, step, null);
        Deliver(pending.Commit, null);
        joined.MergePendingCommit();
        Observe(pending, step);
        if (lost is not null)
        {
            joined.KeepPastOf(lost);
            foreach (var message in _late)
                if (message.Receivers.Remove(lost))
                    message.Receivers.Add(joined);
        }
        NextEpoch(joined, []);
        _members.Add((joined, client));
        Agree(joined);
    }

    private List<Group> Deliver(byte[] commit, Group? by)
    {
        var removed = new List<Group>();
        foreach (var (member, _) in _members.Where(member => member.Group != by))
            if (Assert.IsType<ReceivedCommit>(member.Receive(commit)).RemovedMe)
                removed.Add(member);
        return removed;
    }

    /// <summary>
    /// The observer follows commits in the clear. After one that it could not follow, it begins anew from a GroupInfo.
    /// </summary>
    private void Observe(PendingCommit pending, Step step)
    {
        var info = UnverifiedGroupInfo.Decode(pending.GroupInfo);
        if (MlsMessage.Decode(pending.Commit).PublicMessage is { } commit && !_observerMissedProposals)
        {
            var before = _observer;
            _observer = before.Stage(before.Authenticate(commit), _publicProposals, null).Accept(info, null);
            // Changed in a tag that it cannot verify, it is the same commit; changed in anything else it is refused.
            if (
                Try(() =>
                    before
                        .Stage(
                            before.Authenticate(MlsMessage.Decode(Flip(pending.Commit, step)).PublicMessage!),
                            _publicProposals,
                            null
                        )
                        .Accept(info, null)
                ) is
                { } other
            )
                Assert.Equal(_observer.Context.Encoded.ToArray(), other.Context.Encoded.ToArray());
            PublicCommits++;
        }
        else
        {
            _observer = PublicGroup.FromGroupInfo(info, null);
            PrivateCommits++;
        }
        Refused(() => PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(Flip(pending.GroupInfo, step)), null));
    }

    private void NextEpoch(Group by, List<Group> removed)
    {
        foreach (var gone in removed)
        {
            Assert.True(gone.HasEnded);
            _members.RemoveAll(member => member.Group == gone);
            foreach (var message in _late)
                message.Receivers.Remove(gone);
            gone.Dispose();
        }
        _publicProposals.Clear();
        _observerMissedProposals = false;
        _late.RemoveAll(message => message.Epoch + 3 < by.CurrentEpoch || message.Receivers.Count == 0);
    }

    private void JoinByWelcome(Group by, byte[] bytes, bool treeInside, Step step)
    {
        ReadOnlyMemory<byte>? tree = treeInside ? default(ReadOnlyMemory<byte>?) : by.PublicGroup.EncodeRatchetTree();
        var recipients = MlsMessage
            .Decode(bytes)
            .Welcome!.Secrets.Select(entry => Convert.ToHexString(entry.NewMember.Span))
            .ToHashSet();
        foreach (
            var (client, package) in _waiting.Where(waiting =>
                recipients.Contains(Convert.ToHexString(waiting.Package.KeyPackage.Reference.Span))
            )
        )
        {
            // Entries for others are not this client's concern.
            if (
                Try(() =>
                    Group.JoinByWelcome(
                        client,
                        package,
                        MlsMessage.Decode(Flip(bytes, step)).Welcome ?? throw new MlsException(Rules.CodecWireFormat),
                        tree,
                        _psks
                    )
                ) is
                { } same
            )
            {
                Assert.Equal(by.EpochAuthenticator, same.EpochAuthenticator);
                Assert.True(recipients.Count > 1);
                same.Dispose();
            }
            _members.Add(
                (Group.JoinByWelcome(client, package, MlsMessage.Decode(bytes).Welcome!, tree, _psks), client)
            );
        }
        _waiting.Clear();
    }

    /// <summary>Some messages now, out of order, some in a later epoch.</summary>
    private void Talk(Group by, Step step)
    {
        if (by.MustCommit)
        {
            Assert.Throws<InvalidOperationException>(() => by.Encrypt("before the commit"u8));
            Commit(by, step, new() { Encrypt = step.Encrypt });
        }
        var sent = Enumerable
            .Range(0, 1 + step.Whom % 3)
            .Select(i => (Data: BitConverter.GetBytes(step.Flip + i), Aad: new byte[i]))
            .ToList()
            .ConvertAll(item => (Message: by.Encrypt(item.Data, item.Aad, step.Path ? 64 : 0), item.Data));
        Flipped(sent[0].Message, step, by);
        foreach (var (message, data) in Enumerable.Reverse(sent))
            _late.Add(
                (
                    message,
                    data,
                    by.CurrentEpoch,
                    [.. _members.Select(member => member.Group).Where(member => member != by)]
                )
            );
        for (int i = _late.Count - 1; i >= 0; i--)
        {
            var (message, data, epoch, receivers) = _late[i];
            foreach (var receiver in receivers.Where((_, at) => step.Received || (at + i) % 2 == 0).ToList())
            {
                var received = Assert.IsType<ReceivedMessage>(receiver.Receive(message));
                Assert.Equal((Convert.ToHexString(data), epoch), (Convert.ToHexString(received.Data), received.Epoch));
                Assert.Throws<MlsException>(() => receiver.Receive(message));
                receivers.Remove(receiver);
                if (epoch != receiver.CurrentEpoch)
                    LateMessages++;
            }
        }
        _late.RemoveAll(message => message.Receivers.Count == 0);
    }

    /// <summary>Every member refuses a copy with one bit changed, and stays where it is.</summary>
    private void Flipped(byte[] message, Step step, Group? by)
    {
        var flipped = Flip(message, step);
        foreach (var (member, _) in _members.Where(member => member.Group != by))
        {
            var (epoch, authenticator) = (member.CurrentEpoch, member.EpochAuthenticator);
            Refused(() => member.Receive(flipped));
            Assert.Equal((epoch, false), (member.CurrentEpoch, member.HasEnded));
            Assert.Equal(authenticator, member.EpochAuthenticator);
        }
    }

    private byte[] Flip(byte[] bytes, Step step)
    {
        Flips++;
        var copy = (byte[])bytes.Clone();
        copy[step.Flip / 8 % copy.Length] ^= (byte)(1 << step.Flip % 8);
        return copy;
    }

    private static void Refused(Action act) => Assert.Throws<MlsException>(act);

    private static T? Try<T>(Func<T> act)
        where T : class
    {
        try
        {
            return act();
        }
        catch (MlsException)
        {
            return null;
        }
    }

    private void Agree(Group with)
    {
        var (authenticator, tree) = (with.EpochAuthenticator, with.PublicGroup.TreeHash.ToArray());
        foreach (var (member, _) in _members)
        {
            Assert.Equal(with.CurrentEpoch, member.CurrentEpoch);
            Assert.Equal(authenticator, member.EpochAuthenticator);
            Assert.Equal(tree, member.PublicGroup.TreeHash.ToArray());
        }
        Assert.Equal(_members.Count, with.PublicGroup.MemberCount);
        Assert.Equal(tree, _observer.TreeHash.ToArray());
        Assert.Equal(with.PublicGroup.Context.Encoded.ToArray(), _observer.Context.Encoded.ToArray());
    }
}
