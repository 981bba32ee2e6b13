using System.Security.Cryptography;
using System.Text;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// What may happen next in a group. Every step makes sense in every state, because its numbers are taken modulo the
/// number of choices.
/// </summary>
/// <param name="Kind">What happens.</param>
/// <param name="Who">Chooses the member that acts.</param>
/// <param name="Whom">Chooses another one, or how many.</param>
/// <param name="Flags">Encrypted or not, with a path or not, and so on.</param>
/// <param name="Flip">The byte and bit that are changed in copies of the messages of this step.</param>
internal readonly record struct Step(StepKind Kind, int Who, int Whom, int Flags, int Flip)
{
    public bool Encrypt => (Flags & 1) != 0;
    public bool Path => (Flags & 2) != 0;
    public bool Received => (Flags & 4) != 0;
    public bool Third => (Flags & 8) != 0;

    public override string ToString() => $"{Kind} {Who} {Whom} {Flags} {Flip}";
}

internal enum StepKind
{
    Add,
    Remove,
    Update,
    CommitReceived,
    ProposeUpdate,
    ProposeRemove,
    ProposeAdd,
    ProposeFromOutside,
    SelfRemove,
    ExternalJoin,
    Resync,
    PreSharedKey,
    Extensions,
    Talk,
    LostCommit,
}

/// <summary>
/// A group in one process: all its members, an observer who sees only what is public, and the delivery of all messages.
/// </summary>
/// <remarks>
/// Before a message is delivered, everybody gets a copy in which one bit is changed. After a commit everybody must be
/// in the same epoch.
/// </remarks>
internal sealed partial class RandomHistory : IDisposable
{
    private const ushort CustomExtension = 0xF001;
    private static readonly Capabilities s_capabilities = Mls.Client.DefaultCapabilities with
    {
        Extensions = new UInt16List(CustomExtension),
    };

    private readonly ushort _suite;
    private readonly int _most;
    private readonly PreSharedKeys _psks = new PreSharedKeys().Add("key"u8.ToArray(), "secret"u8);
    private readonly List<IDisposable> _disposables = [];
    private readonly List<(Group Group, Client Client)> _members = [];
    private readonly List<(Client Client, OwnKeyPackage Package)> _waiting = [];
    private int _names;

    /// <param name="suite">The cipher suite.</param>
    /// <param name="most">Members that the group has at most.</param>
    public RandomHistory(ushort suite, int most)
    {
        (_suite, _most) = (suite, most);
        var client = NewClient();
        _members.Add((Group.Create(client, preSharedKeys: _psks), client));
        _observer = PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(_members[0].Group.CreateGroupInfo()), null);
    }

    public int Members => _members.Count;
    public ulong Epoch => _members[0].Group.CurrentEpoch;

    public void Do(Step step)
    {
        var (by, client) = _members[step.Who % _members.Count];
        var other = _members[step.Whom % _members.Count].Group;
        switch (step.Kind)
        {
            case StepKind.Add:
                var packages = Packages(Math.Min(1 + step.Whom % 4, _most - _members.Count));
                if (packages.Count > 0)
                    Commit(
                        by,
                        step,
                        new()
                        {
                            Add = packages,
                            ForcePath = step.Path,
                            Encrypt = step.Encrypt,
                            IncludeReceived = step.Received,
                            TreeInWelcome = step.Third,
                        }
                    );
                break;
            case StepKind.Remove:
                if (other != by)
                    Commit(
                        by,
                        step,
                        new()
                        {
                            Remove = [other.OwnLeaf],
                            Encrypt = step.Encrypt,
                            IncludeReceived = step.Received,
                        }
                    );
                break;
            case StepKind.Update:
                Commit(
                    by,
                    step,
                    new()
                    {
                        Encrypt = step.Encrypt,
                        IncludeReceived = false,
                        AuthenticatedData = "aad"u8.ToArray(),
                    }
                );
                break;
            case StepKind.CommitReceived:
                Commit(by, step, new() { Encrypt = step.Encrypt, ForcePath = step.Path });
                break;
            case StepKind.ProposeUpdate:
                Propose(by, step, by.ProposeUpdate(step.Encrypt));
                break;
            case StepKind.ProposeRemove:
                if (other != by)
                    Propose(by, step, by.Propose(new RemoveProposal(other.OwnLeaf), step.Encrypt));
                break;
            case StepKind.ProposeAdd:
                foreach (var package in Packages(Math.Min(1, _most - _members.Count - _waiting.Count)))
                    Propose(by, step, by.Propose(new AddProposal(package), step.Encrypt));
                break;
            case StepKind.ProposeFromOutside:
                if (Packages(Math.Min(1, _most - _members.Count - _waiting.Count)).Count > 0)
                    Propose(
                        null,
                        step,
                        ExternalProposals.Join(_waiting[^1].Client, _waiting[^1].Package, by.GroupId, by.CurrentEpoch)
                    );
                break;
            case StepKind.SelfRemove:
                if (_members.Count > 1)
                    Propose(by, step, by.Propose(new SelfRemoveProposal(), step.Encrypt));
                break;
            case StepKind.ExternalJoin:
                if (_members.Count < _most)
                    External(NewClient(), null, other, step);
                break;
            case StepKind.Resync:
                if (_members.Count > 1)
                    Resync(by, step.Path ? client : NewClient(), step);
                break;
            case StepKind.PreSharedKey:
                // Who is added by the same commit was not there before, and cannot know a resumption key.
                bool resumption = step.Third && _waiting.Count == 0;
                Commit(
                    by,
                    step,
                    new()
                    {
                        PreSharedKeys = [PreSharedKey(resumption)],
                        ForcePath = step.Path,
                        Encrypt = step.Encrypt,
                        IncludeReceived = step.Received,
                    }
                );
                break;
            case StepKind.Extensions:
                Commit(
                    by,
                    step,
                    new()
                    {
                        Proposals = [new GroupContextExtensionsProposal(Extensions(step))],
                        Encrypt = step.Encrypt,
                        IncludeReceived = step.Received,
                    }
                );
                break;
            case StepKind.Talk:
                Talk(by, step);
                break;
            case StepKind.LostCommit:
                // Another commit wins, sometimes: then this one is discarded by what is received.
                by.Commit(new() { Encrypt = step.Encrypt });
                if (step.Path)
                    by.DiscardPendingCommit();
                break;
        }
    }

    private void Resync(Group lost, Client next, Step step)
    {
        var other = _members.First(member => member.Group != lost).Group;
        _members.RemoveAll(member => member.Group == lost);
        External(next, lost.OwnLeaf, other, step, lost);
        lost.Dispose();
    }

    /// <summary>A resumption key is of the current epoch, in which all members are.</summary>
    private PreSharedKeyId PreSharedKey(bool resumption)
    {
        var nonce = RandomNumberGenerator.GetBytes(CipherSuite.Get(_suite).HashLength);
        return resumption
            ? PreSharedKeyId.Resumption(ResumptionUsage.Application, _members[0].Group.GroupId, Epoch, nonce)
            : PreSharedKeyId.External("key"u8.ToArray(), nonce);
    }

    private static Extensions Extensions(Step step) =>
        (step.Whom % 3) switch
        {
            0 => Mls.Extensions.None,
            1 => new(
                new RequiredCapabilities(
                    new UInt16List(CustomExtension),
                    new UInt16List(ProposalType.SelfRemove),
                    new UInt16List(CredentialType.Basic)
                ).ToExtension()
            ),
            _ => new(new Extension(CustomExtension, new byte[step.Who % 100])),
        };

    private List<UnverifiedKeyPackage> Packages(int count)
    {
        var packages = new List<UnverifiedKeyPackage>();
        for (; count > 0; count--)
        {
            var client = NewClient();
            var package = client.CreateKeyPackage();
            _disposables.Add(package);
            _waiting.Add((client, package));
            packages.Add(UnverifiedKeyPackage.Decode(package.Encode()));
        }
        return packages;
    }

    private Client NewClient()
    {
        var client = new Client(
            _suite,
            Credential.Basic(Encoding.ASCII.GetBytes($"client {_names++}")),
            capabilities: s_capabilities
        );
        _disposables.Add(client);
        return client;
    }

    public void Dispose()
    {
        foreach (var (group, _) in _members)
            group.Dispose();
        _disposables.ForEach(item => item.Dispose());
        _psks.Dispose();
    }
}
