using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

using CommitBuilder = MlsConsole.TestKit.CommitBuilder;

/// <summary>
/// A group of Alice, Bob and Carol as an observer without its secrets sees it, in the epoch after a commit with a path.
/// </summary>
internal sealed class PublicScene
{
    private readonly List<byte[]> _proposals = [];

    public PublicScene(Extensions? extensions = null)
    {
        Start = TestGroup.Create(Alice, extensions: extensions);
        Group = Start.Commit(Alice).Add(Bob).Add(Carol).WithPath().Build().After!;
    }

    public TestClient Alice { get; } = new(1, "alice");
    public TestClient Bob { get; } = new(1, "bob");
    public TestClient Carol { get; } = new(1, "carol");
    public TestClient Mallory { get; } = new(1, "mallory");
    public TestGroup Start { get; }
    public TestGroup Group { get; }
    public static DateTimeOffset Now => DateTimeOffset.UtcNow;

    /// <summary>A commit with a path by Alice.</summary>
    public CommitBuilder Commit() => Group.Commit(Alice).WithPath();

    /// <summary>Mallory joins.</summary>
    public CommitBuilder Join() => Group.ExternalCommit(Mallory);

    /// <summary>Bob comes back with a new signature key and removes his old leaf.</summary>
    public CommitBuilder Resync() => Group.ExternalCommit(Bob.Reinstalled()).Remove(Group.LeafOf(Bob));

    public LeafNode LeafOf(TestClient client) => Group.Group.Leaf(Group.LeafOf(client))!;

    /// <summary>Sends a proposal that commits may name.</summary>
    public byte[] Propose(TestClient by, Proposal proposal) => Propose(Group.Propose(by, proposal));

    public byte[] Propose(byte[] message)
    {
        _proposals.Add(message);
        return message;
    }

    /// <summary>A group whose GroupContext has one external sender.</summary>
    public static PublicScene WithExternalSender(TestClient sender)
    {
        var writer = new TlsWriter();
        int start = writer.BeginVector();
        writer.WriteOpaque(sender.SignatureKey.PublicKey);
        sender.Credential.Write(writer);
        return new(new(new Extension(ExtensionType.ExternalSenders, writer.EndVector(start).ToArray())));
    }

    /// <summary>All that a verifier does with a commit and the GroupInfo of its epoch.</summary>
    public void Process(BuiltCommit built)
    {
        var known = _proposals.ConvertAll(message =>
            Group.Group.Authenticate(MlsMessage.Decode(message).PublicMessage!)
        );
        Group
            .Group.Stage(Authenticate(built.Commit), known, Now)
            .Accept(UnverifiedGroupInfo.Decode(built.GroupInfo), null);
    }

    public AuthenticatedContent Authenticate(byte[] message) =>
        Group.Group.Authenticate(MlsMessage.Decode(message).PublicMessage!);

    public Attempt Attempt(BuiltCommit broken, BuiltCommit control) =>
        new(() => Process(broken), () => Process(control), Group.Group.Snapshot);

    public Attempt Attempt(byte[] brokenMessage, byte[] controlMessage) =>
        new(() => Authenticate(brokenMessage), () => Authenticate(controlMessage), Group.Group.Snapshot);

    /// <summary>A commit that is right, and the same commit with one thing changed.</summary>
    public static Broken Case(
        Rule rule,
        string name,
        Func<PublicScene, CommitBuilder> control,
        Func<PublicScene, CommitBuilder, CommitBuilder> spoil
    ) =>
        new(
            rule,
            name,
            () =>
            {
                var scene = new PublicScene();
                return scene.Attempt(spoil(scene, control(scene)).Build(), control(scene).Build());
            }
        );

    public static Broken Case(
        Rule rule,
        string name,
        Func<PublicScene, CommitBuilder> control,
        Action<PublicScene, CommitBuilder> spoil
    ) =>
        Case(
            rule,
            name,
            control,
            (scene, commit) =>
            {
                spoil(scene, commit);
                return commit;
            }
        );
}
