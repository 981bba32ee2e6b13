using System.Security.Cryptography;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §6, §6.1 and §6.2, as far as one sees it who has no secret.</summary>
public sealed class Breaking_framing : Breaking<Breaking_framing>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        PublicScene.Case(
            Rules.FramingGroupId,
            "another group",
            scene => scene.Commit(),
            (_, commit) => commit.GroupId = [1, 2, 3]
        ),
        PublicScene.Case(
            Rules.FramingEpoch,
            "the epoch before",
            scene => scene.Commit(),
            (scene, commit) => commit.Epoch = scene.Group.Group.Epoch - 1
        ),
        PublicScene.Case(
            Rules.FramingEpoch,
            "the epoch after",
            scene => scene.Commit(),
            (scene, commit) => commit.Epoch = scene.Group.Group.Epoch + 1
        ),
        PublicScene.Case(
            Rules.FramingSender,
            "a blank leaf",
            scene => scene.Commit(),
            (_, commit) => commit.Sender = new(SenderType.Member, 3)
        ),
        PublicScene.Case(
            Rules.FramingSender,
            "a leaf outside the tree",
            scene => scene.Commit(),
            (_, commit) => commit.Sender = new(SenderType.Member, uint.MaxValue)
        ),
        PublicScene.Case(
            Rules.FramingSignature,
            "signature of another client",
            scene => scene.Commit(),
            (scene, commit) => commit.SignedBy = scene.Mallory
        ),
        PublicScene.Case(
            Rules.FramingSignature,
            "a changed byte of the signature",
            scene => scene.Commit(),
            (_, commit) => commit.SpoilSignature = true
        ),
        PublicScene.Case(
            Rules.FramingSignature,
            "a leaf of another member as sender",
            scene => scene.Commit(),
            (scene, commit) => commit.Sender = new(SenderType.Member, scene.Group.LeafOf(scene.Bob))
        ),
        PublicScene.Case(
            Rules.FramingSignature,
            "external commit not signed with the key of its path",
            scene => scene.Join(),
            (scene, commit) => commit.SignedBy = scene.Bob
        ),
        PublicScene.Case(
            Rules.FramingConfirmationTag,
            "confirmation tag too short",
            scene => scene.Commit(),
            (_, commit) => commit.ConfirmationTagLength = -1
        ),
        PublicScene.Case(
            Rules.FramingConfirmationTag,
            "confirmation tag too long",
            scene => scene.Commit(),
            (_, commit) => commit.ConfirmationTagLength = 1
        ),
        PublicScene.Case(
            Rules.FramingMembershipTag,
            "membership tag too short",
            scene => scene.Commit(),
            (_, commit) => commit.MembershipTagLength = -1
        ),
        PublicScene.Case(
            Rules.FramingSenderType,
            "commit by an external sender",
            scene => scene.Commit(),
            (_, commit) => commit.Sender = new(SenderType.External, 0)
        ),
        PublicScene.Case(
            Rules.FramingSenderType,
            "commit by one who proposes itself",
            scene => scene.Commit(),
            (_, commit) => commit.Sender = new(SenderType.NewMemberProposal, 0)
        ),
        Proposal(
            Rules.FramingSenderType,
            "Remove by one who proposes itself",
            (scene, _) => Self(scene, new RemoveProposal(new(1))),
            (scene, _) => Self(scene, new AddProposal(scene.Mallory.BareKeyPackage()))
        ),
        Proposal(
            Rules.FramingSenderType,
            "proposal with the sender of an external commit",
            (scene, _) =>
                ProposalBuilder.Sign(
                    scene.Group,
                    scene.Mallory,
                    new(SenderType.NewMemberCommit, 0),
                    new AddProposal(scene.Mallory.BareKeyPackage())
                ),
            (scene, _) => Self(scene, new AddProposal(scene.Mallory.BareKeyPackage()))
        ),
        Proposal(
            Rules.FramingSignature,
            "Add of another by one who proposes itself",
            (scene, _) => Self(scene, new AddProposal(new TestClient(1, "another").BareKeyPackage())),
            (scene, _) => Self(scene, new AddProposal(scene.Mallory.BareKeyPackage()))
        ),
        Proposal(
            Rules.FramingSender,
            "a place outside external_senders",
            (scene, service) => External(scene, service, 1),
            (scene, service) => External(scene, service, 0)
        ),
        Proposal(
            Rules.FramingSignature,
            "an external sender's signature by another key",
            (scene, _) => External(scene, scene.Mallory, 0),
            (scene, service) => External(scene, service, 0)
        ),
        new(
            Rules.FramingSender,
            "an external sender in a group without external_senders",
            () =>
            {
                var service = new TestClient(1, "a service");
                PublicScene without = new(),
                    with = PublicScene.WithExternalSender(service);
                return new(
                    () => without.Authenticate(External(without, service, 0)),
                    () => with.Authenticate(External(with, service, 0)),
                    without.Group.Group.Snapshot
                );
            }
        ),
        new(
            Rules.FramingApplicationInClear,
            "application data in the clear",
            () =>
            {
                var scene = new PublicScene();
                return scene.Attempt(
                    InClear(scene, ContentType.Application, writer => writer.WriteOpaque("hello"u8)),
                    InClear(scene, ContentType.Proposal, new RemoveProposal(new(1)).Write)
                );
            }
        ),
        new(
            Rules.GroupReInitialized,
            "a commit after a ReInit",
            () =>
            {
                var scene = new PublicScene();
                BuiltCommit ends = scene.Commit().With(new ReInitProposal(new byte[16], 1, 1, Extensions.None)).Build(),
                    goesOn = scene.Commit().Build();
                PublicGroup ended = Follow(scene, ends),
                    alive = Follow(scene, goesOn);
                byte[] broken = Next(scene, ends),
                    control = Next(scene, goesOn);
                return new(
                    () => ended.Authenticate(MlsMessage.Decode(broken).PublicMessage!),
                    () => alive.Authenticate(MlsMessage.Decode(control).PublicMessage!),
                    ended.Snapshot
                );
            }
        ),
        new(
            Rules.FramingEpoch,
            "a commit after the last epoch that has a number",
            () =>
            {
                var scene = new PublicScene();
                TestGroup last = AtEpoch(scene, ulong.MaxValue),
                    before = AtEpoch(scene, ulong.MaxValue - 1);
                byte[] broken = last.Commit(scene.Alice).WithPath().Build().Commit,
                    control = before.Commit(scene.Alice).WithPath().Build().Commit;
                return new(() => Stage(last, broken), () => Stage(before, control), last.Group.Snapshot);
            }
        ),
    ];

    private static Broken Proposal(
        Rule rule,
        string name,
        Func<PublicScene, TestClient, byte[]> broken,
        Func<PublicScene, TestClient, byte[]> control
    ) =>
        new(
            rule,
            name,
            () =>
            {
                var service = new TestClient(1, "a service");
                var scene = PublicScene.WithExternalSender(service);
                return scene.Attempt(broken(scene, service), control(scene, service));
            }
        );

    private static byte[] Self(PublicScene scene, Proposal proposal) =>
        ProposalBuilder.Sign(scene.Group, scene.Mallory, new(SenderType.NewMemberProposal, 0), proposal);

    private static byte[] External(PublicScene scene, TestClient signer, uint place) =>
        ProposalBuilder.Sign(
            scene.Group,
            signer,
            new(SenderType.External, place),
            new RemoveProposal(scene.Group.LeafOf(scene.Bob))
        );

    private static byte[] InClear(PublicScene scene, ContentType type, Action<TlsWriter> body)
    {
        var group = scene.Group.Group;
        var content = FramedContent.Create(
            group.GroupId.Span,
            group.Epoch,
            new(SenderType.Member, scene.Group.LeafOf(scene.Alice)),
            [],
            type,
            body
        );
        var signature = scene.Alice.Suite.SignWithLabel(
            scene.Alice.SignatureKey.PrivateKey,
            "FramedContentTBS",
            content.ToBeSigned(WireFormat.PublicMessage, group.Context).WrittenSpan
        );
        return MlsMessage
            .Of(new PublicMessage(content, new(signature, default), RandomNumberGenerator.GetBytes(32)))
            .Encode();
    }

    /// <summary>What a verifier reaches by a commit, stored and read again.</summary>
    private static PublicGroup Follow(PublicScene scene, BuiltCommit commit) =>
        PublicGroup.Restore(
            scene
                .Group.Group.Stage(scene.Authenticate(commit.Commit), [], null)
                .Accept(UnverifiedGroupInfo.Decode(commit.GroupInfo), null)
                .Snapshot()
        );

    private static byte[] Next(PublicScene scene, BuiltCommit before) =>
        before.After!.Commit(scene.Bob).WithPath().Build().Commit;

    private static TestGroup AtEpoch(PublicScene scene, ulong epoch)
    {
        var now = scene.Group.Group;
        var context = new GroupContext(
            1,
            now.GroupId,
            epoch,
            now.TreeHash,
            now.Context.ConfirmedTranscriptHash,
            now.Context.Extensions
        );
        var info = TestGroup.SignGroupInfo(
            scene.Alice,
            context,
            now.ConfirmationTag.Span,
            scene.Group.LeafOf(scene.Alice),
            now.EncodeRatchetTree()
        );
        return new(PublicGroup.FromGroupInfo(info, null), MlsMessage.Of(info).Encode());
    }

    private static void Stage(TestGroup group, byte[] commit) =>
        group.Group.Stage(group.Group.Authenticate(MlsMessage.Decode(commit).PublicMessage!), [], null);
}
