using System.Security.Cryptography;
using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.E2e.Interop;

/// <summary>A client of this library.</summary>
/// <param name="alsoCapable">More values for every list of its capabilities but the versions.</param>
internal sealed class OurMember(string name, int suite, ushort[]? alsoCapable) : Member(name)
{
    private readonly Client _client = new(
        (ushort)suite,
        Credential.Basic(Encoding.UTF8.GetBytes(name)),
        capabilities: alsoCapable is null ? null : With(alsoCapable)
    );
    private readonly List<OwnKeyPackage> _keyPackages = [];
    private readonly PreSharedKeys _preSharedKeys = new();
    private Group? _group;

    private static Capabilities With(ushort[] more)
    {
        var own = Client.DefaultCapabilities;
        UInt16List Joined(UInt16List list) => new([.. list.ToArray().Union(more)]);
        return new(
            own.Versions,
            Joined(own.CipherSuites),
            Joined(own.Extensions),
            Joined(own.Proposals),
            Joined(own.Credentials)
        );
    }

    public Group Group => _group ?? throw new InvalidOperationException($"{Name} is in no group.");

    public override Task<byte[]> KeyPackage()
    {
        var made = _client.CreateKeyPackage();
        _keyPackages.Add(made);
        return Task.FromResult(made.Encode());
    }

    public override Task Create(byte[] groupId)
    {
        _group = Group.Create(_client, groupId, preSharedKeys: _preSharedKeys);
        return Task.CompletedTask;
    }

    public override Task Join(byte[] welcome, byte[]? tree)
    {
        var decoded = MlsMessage.Decode(welcome).Welcome!;
        var own = _keyPackages.Single(package =>
            decoded.Secrets.Any(secret => secret.NewMember.Span.SequenceEqual(package.KeyPackage.Reference.Span))
        );
        // A null array would become an empty tree.
        Enter(
            Group.JoinByWelcome(
                _client,
                own,
                decoded,
                tree is null ? default(ReadOnlyMemory<byte>?) : tree,
                _preSharedKeys
            )
        );
        return Task.CompletedTask;
    }

    public override Task<byte[]> JoinExternally(byte[] groupInfo, bool resync)
    {
        var info = UnverifiedGroupInfo.Decode(groupInfo);
        LeafIndex? former = null;
        if (resync)
            former = PublicGroup
                .FromGroupInfo(info, null)
                .Members.Single(member =>
                    member.Leaf.Credential.Identity.Span.SequenceEqual(_client.Credential.Identity.Span)
                )
                .Index;
        var joined = Group.JoinByExternalCommit(_client, info, remove: former, preSharedKeys: _preSharedKeys);
        byte[] commit = joined.Pending!.Commit;
        joined.MergePendingCommit();
        Enter(joined);
        return Task.FromResult(commit);
    }

    public override Task<(byte[] Commit, byte[]? Welcome)> Commit(
        bool encrypted,
        bool treeInWelcome,
        params Change[] changes
    )
    {
        var pending = Group.Commit(
            new()
            {
                Encrypt = encrypted,
                TreeInWelcome = treeInWelcome,
                Add =
                [
                    .. changes
                        .Where(change => change.Add is not null)
                        .Select(change => UnverifiedKeyPackage.Decode(change.Add)),
                ],
                Remove =
                [
                    .. changes
                        .Where(change => change.Remove is not null)
                        .Select(change => new LeafIndex(change.Remove!.Value)),
                ],
                Proposals = [.. changes.Where(change => change is { Add: null, Remove: null }).Select(ToProposal)],
            }
        );
        var (commit, welcome) = (pending.Commit, pending.Welcome);
        Group.MergePendingCommit();
        return Task.FromResult((commit, welcome));
    }

    public override Task<byte[]> Propose(Change change, bool encrypted) =>
        Task.FromResult(change.Update ? Group.ProposeUpdate(encrypted) : Group.Propose(ToProposal(change), encrypted));

    private Proposal ToProposal(Change change) =>
        change switch
        {
            { Add: { } package } => new AddProposal(UnverifiedKeyPackage.Decode(package)),
            { Remove: { } leaf } => new RemoveProposal(new(leaf)),
            { PreSharedKey: { } id } => new PreSharedKeyProposal(
                PreSharedKeyId.External(id, RandomNumberGenerator.GetBytes(HashLength))
            ),
            { Resumption: { } epoch } => new PreSharedKeyProposal(
                PreSharedKeyId.Resumption(
                    ResumptionUsage.Application,
                    Group.GroupId,
                    epoch,
                    RandomNumberGenerator.GetBytes(HashLength)
                )
            ),
            { Require: not null } => new GroupContextExtensionsProposal(
                new(new Extension(ExtensionType.RequiredCapabilities, change.RequiredCapabilities))
            ),
            _ => throw new ArgumentException("No such proposal.", nameof(change)),
        };

    // Suites 1 to 3 have SHA-256.
    private const int HashLength = 32;

    public override Task<byte[]> ProposeJoin(byte[] groupInfo)
    {
        var context = UnverifiedGroupInfo.Decode(groupInfo).GroupContext;
        var made = _client.CreateKeyPackage();
        _keyPackages.Add(made);
        return Task.FromResult(ExternalProposals.Join(_client, made, context.GroupId, context.Epoch));
    }

    public override Task<byte[]> GroupInfo() => Task.FromResult(Group.CreateGroupInfo());

    public override Task<byte[]> Tree() => Task.FromResult(Group.PublicGroup.EncodeRatchetTree());

    public override Task<byte[]> Send(string text, byte[] authenticatedData) =>
        Task.FromResult(Group.Encrypt(Encoding.UTF8.GetBytes(text), authenticatedData, paddingTo: 32));

    public override Task<Outcome> Receive(byte[] message) =>
        Task.FromResult(
            Group.Receive(message) switch
            {
                ReceivedMessage received => new Outcome(Encoding.UTF8.GetString(received.Data), false),
                ReceivedCommit { RemovedMe: true } => new Outcome(null, true),
                ReceivedCommit or ReceivedProposal => new Outcome(null, false),
                var other => throw new InvalidOperationException($"{Name} received {other}."),
            }
        );

    public override Task AddPreSharedKey(byte[] id, byte[] secret)
    {
        _preSharedKeys.Add(id, secret);
        return Task.CompletedTask;
    }

    public override Task<EpochView> View() =>
        Task.FromResult(
            new EpochView(
                Group.CurrentEpoch,
                Convert.ToBase64String(Group.PublicGroup.TreeHash.Span),
                Convert.ToBase64String(Group.EpochAuthenticator),
                Convert.ToBase64String(Group.Export(EpochView.Label, EpochView.Context, EpochView.Length)),
                string.Join(
                    ", ",
                    Group.PublicGroup.Members.Select(member =>
                        $"{member.Index.Value}:{Encoding.UTF8.GetString(member.Leaf.Credential.Identity.Span)}"
                    )
                )
            )
        );

    public override Task<uint> OwnLeaf() => Task.FromResult(Group.OwnLeaf.Value);

    private void Enter(Group group)
    {
        _group?.Dispose();
        _group = group;
    }

    public override void Dispose()
    {
        _group?.Dispose();
        foreach (var package in _keyPackages)
            package.Dispose();
        _preSharedKeys.Dispose();
        _client.Dispose();
    }
}
