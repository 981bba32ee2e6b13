using System.Text;

namespace MlsConsole.Mls.Tests;

/// <summary>Clients of this library among themselves, and a public observer that follows.</summary>
public abstract class GroupTests : IDisposable
{
    private readonly List<IDisposable> _disposables = [];

    public void Dispose()
    {
        _disposables.ForEach(item => item.Dispose());
        GC.SuppressFinalize(this);
    }

    protected T Keep<T>(T item)
        where T : IDisposable
    {
        _disposables.Add(item);
        return item;
    }

    protected Client Client(ushort suite, string name) =>
        Keep(new Client(suite, Credential.Basic(Encoding.UTF8.GetBytes(name))));

    protected static MlsException Refused(Rule rule, Action act)
    {
        var thrown = Assert.Throws<MlsException>(act);
        Assert.Equal(rule, thrown.Rule);
        return thrown;
    }

    /// <summary>Commits, gives the commit to the others, merges it; the observer agrees with everybody.</summary>
    protected static PendingCommit Commit(Group by, CommitOptions options, params Group[] others)
    {
        var observer = by.PublicGroup;
        var pending = by.Commit(options);
        foreach (var other in others)
            other.Receive(pending.Commit);
        by.MergePendingCommit();
        var message = MlsMessage.Decode(pending.Commit).PublicMessage;
        if (message is not null && message.Content.Commit!.Proposals.All(proposal => proposal.Proposal is not null))
        {
            var followed = observer
                .Stage(observer.Authenticate(message), [], null)
                .Accept(UnverifiedGroupInfo.Decode(pending.GroupInfo), null);
            Assert.Equal(by.PublicGroup.TreeHash.ToArray(), followed.TreeHash.ToArray());
        }
        Agree([by, .. others.Where(other => !other.HasEnded)]);
        return pending;
    }

    protected static void Agree(params Group[] groups)
    {
        foreach (var group in groups)
        {
            Assert.Equal(groups[0].CurrentEpoch, group.CurrentEpoch);
            Assert.Equal(groups[0].EpochAuthenticator, group.EpochAuthenticator);
            Assert.Equal(groups[0].PublicGroup.TreeHash.ToArray(), group.PublicGroup.TreeHash.ToArray());
            Assert.Equal(groups[0].Export("label", "context"u8, 40), group.Export("label", "context"u8, 40));
        }
    }

    protected Group Add(Group by, Client client, params Group[] others)
    {
        using var package = client.CreateKeyPackage();
        var pending = Commit(by, new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] }, others);
        var joined = Keep(Group.JoinByWelcome(client, package, MlsMessage.Decode(pending.Welcome!).Welcome!));
        Agree([by, joined, .. others]);
        return joined;
    }

    protected static void Talk(params Group[] members)
    {
        foreach (var sender in members)
        {
            var first = sender.Encrypt("first"u8, "aad"u8.ToArray(), paddingTo: 32);
            var second = sender.Encrypt("second"u8);
            foreach (var receiver in members.Where(member => member != sender))
            {
                // Out of order, and each only once.
                Assert.Equal("second"u8, Assert.IsType<ReceivedMessage>(receiver.Receive(second)).Data);
                var message = Assert.IsType<ReceivedMessage>(receiver.Receive(first));
                Assert.Equal(("first", sender.OwnLeaf), (Encoding.UTF8.GetString(message.Data), message.Sender));
                Assert.Equal("aad"u8, message.AuthenticatedData.Span);
                Assert.Equal(Rules.RatchetGeneration, Assert.Throws<MlsException>(() => receiver.Receive(first)).Rule);
            }
        }
    }
}
