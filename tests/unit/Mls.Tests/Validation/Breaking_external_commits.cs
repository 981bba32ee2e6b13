using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §12.2 and §12.4.3.2: what one may commit who is not a member yet.</summary>
public sealed class Breaking_external_commits : Breaking<Breaking_external_commits>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        PublicScene.Case(
            Rules.ExternalCommitByReference,
            "a Remove by reference",
            scene => scene.Join(),
            (scene, commit) =>
                commit.Reference(scene.Propose(scene.Alice, new RemoveProposal(scene.Group.LeafOf(scene.Bob))))
        ),
        PublicScene.Case(
            Rules.ExternalCommitByReference,
            "a reference that nobody sent",
            scene => scene.Join(),
            (_, commit) => commit.UnknownReference()
        ),
        PublicScene.Case(
            Rules.ExternalCommitExternalInit,
            "no ExternalInit",
            scene => scene.Join(),
            (_, commit) => commit.OmitExternalInit = true
        ),
        PublicScene.Case(
            Rules.ExternalCommitExternalInit,
            "two ExternalInits",
            scene => scene.Join(),
            (_, commit) => commit.With(new ExternalInitProposal(new byte[32]))
        ),
        PublicScene.Case(
            Rules.ExternalCommitExternalInit,
            "KEM output too short",
            scene => scene.Join(),
            (_, commit) => commit.KemOutput = new byte[31]
        ),
        PublicScene.Case(
            Rules.ExternalCommitSecondRemove,
            "two Removes",
            scene => scene.Resync(),
            (scene, commit) => commit.Remove(scene.Group.LeafOf(scene.Carol))
        ),
        PublicScene.Case(
            Rules.ExternalCommitProposal,
            "an Add",
            scene => scene.Join(),
            (scene, commit) => commit.Add(new TestClient(1, "another"))
        ),
        PublicScene.Case(
            Rules.ExternalCommitProposal,
            "an Update",
            scene => scene.Join(),
            (scene, commit) => commit.With(scene.Group.UpdateOf(scene.Alice))
        ),
        PublicScene.Case(
            Rules.ExternalCommitProposal,
            "GroupContextExtensions",
            scene => scene.Join(),
            (_, commit) => commit.With(new GroupContextExtensionsProposal(Extensions.None))
        ),
        PublicScene.Case(
            Rules.ExternalCommitProposal,
            "a ReInit",
            scene => scene.Join(),
            (_, commit) => commit.With(new ReInitProposal(new byte[16], 1, 1, Extensions.None))
        ),
        PublicScene.Case(
            Rules.ExternalCommitProposal,
            "a type that we do not know",
            scene => scene.Join(),
            (_, commit) => commit.With(new CustomProposal(0xF001, default))
        ),
        PublicScene.Case(
            Rules.ExternalCommitPathMissing,
            "no path",
            scene => scene.Join(),
            (_, commit) => commit.OmitPath = true
        ),
        PublicScene.Case(
            Rules.ExternalCommitRemovedKey,
            "the encryption key of the removed leaf",
            scene => scene.Resync(),
            (scene, commit) => commit.LeafEncryptionKey = scene.LeafOf(scene.Bob).EncryptionKey.ToArray()
        ),
        new(
            Rules.ProposalPreSharedKey,
            "a resumption for reinit in epoch 0",
            () =>
            {
                var (alice, mallory) = (new TestClient(1, "alice"), new TestClient(1, "mallory"));
                var group = TestGroup.Create(alice);
                BuiltCommit Join(ResumptionUsage usage) =>
                    group
                        .ExternalCommit(mallory)
                        .With(new PreSharedKeyProposal(PreSharedKeyId.Resumption(usage, new byte[16], 1, new byte[32])))
                        .Build();
                void Process(BuiltCommit built) =>
                    group.Group.Stage(
                        group.Group.Authenticate(MlsMessage.Decode(built.Commit).PublicMessage!),
                        [],
                        PublicScene.Now
                    );
                BuiltCommit wrong = Join(ResumptionUsage.ReInit),
                    right = Join(ResumptionUsage.Application);
                return new(() => Process(wrong), () => Process(right), group.Group.Snapshot);
            }
        ),
        PublicScene.Case(
            Rules.ProposalRemoveBlank,
            "Remove of a blank leaf by a joiner",
            scene => scene.Join(),
            (_, commit) => commit.Remove(new(3))
        ),
        PublicScene.Case(
            Rules.ProposalSelfRemove,
            "SelfRemove of a joiner by value",
            scene => scene.Join(),
            (_, commit) => commit.With(new SelfRemoveProposal())
        ),
        PublicScene.Case(
            Rules.CommitLeafTwice,
            "Remove of a leaf that removes itself",
            scene =>
                scene.Group.ExternalCommit(scene.Mallory).Reference(scene.Propose(scene.Bob, new SelfRemoveProposal())),
            (scene, commit) => commit.Remove(scene.Group.LeafOf(scene.Bob))
        ),
    ];
}
