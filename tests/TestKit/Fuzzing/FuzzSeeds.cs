using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>Makes a scene, and for every target seeds in it: valid inputs, from which a fuzzer starts.</summary>
public sealed class FuzzSeeds : IDisposable
{
    private readonly List<IDisposable> _disposables = [];
    private readonly List<Group> _members = [];
    private readonly List<(LeafIndex, Client)> _clients = [];
    private readonly PreSharedKeys _psks = new PreSharedKeys().Add(FuzzScene.PreSharedKey.ExternalId, "secret"u8);
    private readonly Dictionary<string, List<byte[]>> _seeds = FuzzTargets.Names.ToDictionary(
        name => name,
        _ => new List<byte[]>()
    );

    private FuzzSeeds() => Scene = Build();

    /// <summary>What the seeds fit.</summary>
    public FuzzScene Scene { get; }

    /// <summary>The seeds of a target.</summary>
    public IReadOnlyList<byte[]> Of(string target) => _seeds[target];

    /// <summary>A new scene with new keys. Sizes and kinds of the seeds are always the same.</summary>
    public static FuzzSeeds Create() => new();

    /// <summary>Writes the file <c>scene</c>, and a folder of seeds for each target.</summary>
    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "scene"), Scene.Saved);
        foreach (var (target, seeds) in _seeds)
        {
            string into = Path.Combine(folder, target);
            Directory.CreateDirectory(into);
            for (int i = 0; i < seeds.Count; i++)
                File.WriteAllBytes(Path.Combine(into, $"seed-{i:00}"), seeds[i]);
        }
    }

    private FuzzScene Build()
    {
        // Five members; the first three have committed, so that the tree has parents.
        foreach (string name in (string[])["alice", "bob", "carol", "dave"])
            Join(Client(name));
        for (int i = 0; i < 3; i++)
            Everybody(i, new());
        var (readerClient, joiner) = (Client("reader"), Client("joiner"));
        var own = Keep(readerClient.CreateKeyPackage());
        var added = Everybody(
            0,
            new() { Add = [UnverifiedKeyPackage.Decode(own.Encode())], PreSharedKeys = [FuzzScene.PreSharedKey] }
        );
        byte[] application = _members[0].Encrypt("application"u8, "aad"u8.ToArray(), 32);

        var proposals = new List<byte[]>
        {
            _members[1].ProposeUpdate(),
            _members[2].Propose(new SelfRemoveProposal()),
            _members[3].Propose(new AddProposal(Package("erin"))),
        };
        for (int i = 0; i < proposals.Count; i++)
            foreach (var member in _members.Where(member => member != _members[i + 1]))
                member.Receive(proposals[i]);
        var scene = FuzzScene.Load(
            FuzzScene.Save(
                own,
                readerClient,
                joiner,
                added.Welcome!,
                proposals,
                [.. _clients, (new LeafIndex(4), readerClient)]
            )
        );

        var commits = Commits(joiner);
        _seeds["commit"].AddRange(commits);
        _seeds["commit-signed"].AddRange(commits.Where(commit => MlsMessage.Decode(commit).PublicMessage is not null));
        byte[][] infos = [_members[0].CreateGroupInfo(), _members[1].CreateGroupInfo(), added.GroupInfo];
        _seeds["group-info"].AddRange(infos);
        _seeds["group-info-signed"].AddRange(infos);
        byte[][] packages =
        [
            own.Encode(),
            MlsMessage.Of(Package("frank", lastResort: true)).Encode(),
            Package("grace").Encoded.ToArray(),
        ];
        _seeds["key-package"].AddRange(packages);
        _seeds["key-package-signed"].AddRange(packages);
        _seeds["welcome"].Add(added.Welcome!);
        _seeds["welcome-inside"]
            .Add(
                new TlsWriter()
                    .WriteOpaque(scene.GroupSecrets.Encode())
                    .WriteRaw(scene.GroupInfo.Encoded.Span)
                    .ToArray()
            );
        _seeds["welcome-inside"]
            .Add(
                new TlsWriter()
                    .WriteOpaque((scene.GroupSecrets with { PathSecret = null }).Encode())
                    .WriteRaw(scene.GroupInfo.Encoded.Span)
                    .ToArray()
            );
        _seeds["tree"].Add(scene.Group.EncodeRatchetTree());
        _seeds["message"].AddRange(PlainContents(scene, commits));
        _seeds["decode"].AddRange([.. commits, .. proposals, infos[0], packages[0], added.Welcome!, application]);
        return scene;
    }

    /// <summary>
    /// Commits of the first member in the epoch of the scene, none of which is merged, and external commits.
    /// </summary>
    private List<byte[]> Commits(Client joiner)
    {
        var alice = _members[0];
        CommitOptions[] all =
        [
            new(), // what was proposed, by reference
            new() { IncludeReceived = false },
            new() { IncludeReceived = false, Add = [Package("heidi"), Package("ivan")] },
            new()
            {
                IncludeReceived = false,
                Add = [Package("judy")],
                ForcePath = false,
            },
            new() { IncludeReceived = false, Remove = [new(3)] },
            new()
            {
                IncludeReceived = false,
                PreSharedKeys = [FuzzScene.PreSharedKey],
                ForcePath = false,
            },
            new() { IncludeReceived = false, Proposals = [new GroupContextExtensionsProposal(new())] },
            new() { IncludeReceived = false, Encrypt = true },
        ];
        var commits = new List<byte[]>();
        foreach (var options in all)
        {
            commits.Add(alice.Commit(options).Commit);
            alice.DiscardPendingCommit();
        }
        foreach (LeafIndex? remove in (LeafIndex?[])[null, new(2)])
        {
            using var joined = Group.JoinByExternalCommit(
                joiner,
                UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()),
                remove: remove
            );
            commits.Add(joined.Pending!.Commit);
        }
        return commits;
    }

    /// <summary>What PrivateMessages encrypt: a byte of the content type, then the content.</summary>
    private static IEnumerable<byte[]> PlainContents(FuzzScene scene, IEnumerable<byte[]> commits)
    {
        var bodies = commits
            .Concat(scene.Proposals)
            .Select(bytes => MlsMessage.Decode(bytes).PublicMessage?.Content)
            .OfType<FramedContent>();
        foreach (var content in bodies)
        {
            var writer = new TlsWriter().WriteUInt8((byte)content.ContentType);
            content.WriteBody(writer);
            yield return writer.ToArray();
        }
        yield return new TlsWriter().WriteUInt8((byte)ContentType.Application).WriteOpaque("application"u8).ToArray();
    }

    private void Join(Client client)
    {
        if (_members.Count == 0)
        {
            _members.Add(Keep(Group.Create(client, preSharedKeys: _psks)));
        }
        else
        {
            var package = Keep(client.CreateKeyPackage());
            var added = Everybody(0, new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] });
            _members.Add(
                Keep(
                    Group.JoinByWelcome(
                        client,
                        package,
                        MlsMessage.Decode(added.Welcome!).Welcome!,
                        preSharedKeys: _psks
                    )
                )
            );
        }
        _clients.Add((_members[^1].OwnLeaf, client));
    }

    private PendingCommit Everybody(int committer, CommitOptions options)
    {
        var pending = _members[committer].Commit(options);
        for (int i = 0; i < _members.Count; i++)
            if (i != committer)
                _members[i].Receive(pending.Commit);
        _members[committer].MergePendingCommit();
        return pending;
    }

    private UnverifiedKeyPackage Package(string name, bool lastResort = false) =>
        UnverifiedKeyPackage.Decode(Keep(Client(name).CreateKeyPackage(lastResort: lastResort)).Encode());

    private Client Client(string name) => Keep(new Client(1, Credential.Basic(Encoding.ASCII.GetBytes(name))));

    private T Keep<T>(T item)
        where T : IDisposable
    {
        _disposables.Add(item);
        return item;
    }

    public void Dispose()
    {
        _disposables.ForEach(item => item.Dispose());
        _psks.Dispose();
    }
}
