using System.Security.Cryptography;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

using CommitBuilder = MlsConsole.TestKit.CommitBuilder;

/// <summary>RFC 9420 §12.1, §12.2 and §12.4: proposals and lists of proposals in a member's commit.</summary>
public sealed class Breaking_proposal_lists : Breaking<Breaking_proposal_lists>, IBreaksRules
{
    private const ushort Unknown = 0xF001;
    private static readonly PreSharedKeyProposal s_key = Key(32);
    private static readonly GroupContextExtensionsProposal s_noExtensions = new(Extensions.None);

    public static IReadOnlyList<Broken> Cases { get; } =
    [
        PublicScene.Case(
            Rules.CommitUnknownProposal,
            "a reference that nobody sent",
            Empty,
            (_, commit) => commit.UnknownReference()
        ),
        PublicScene.Case(
            Rules.CommitOwnUpdate,
            "Update of the committer",
            Empty,
            (scene, commit) => commit.With(scene.Group.UpdateOf(scene.Alice))
        ),
        PublicScene.Case(
            Rules.CommitRemovesCommitter,
            "Remove of the committer",
            scene => scene.Commit().Remove(scene.Group.LeafOf(scene.Bob)),
            (scene, commit) => commit.Remove(scene.Group.LeafOf(scene.Alice))
        ),
        PublicScene.Case(
            Rules.CommitLeafTwice,
            "two Removes of a leaf",
            scene => scene.Commit().Remove(scene.Group.LeafOf(scene.Bob)),
            (scene, commit) => commit.Remove(scene.Group.LeafOf(scene.Bob))
        ),
        PublicScene.Case(
            Rules.CommitLeafTwice,
            "Update and Remove of a leaf",
            scene => scene.Commit().Reference(scene.Propose(scene.Bob, scene.Group.UpdateOf(scene.Bob))),
            (scene, commit) => commit.Remove(scene.Group.LeafOf(scene.Bob))
        ),
        PublicScene.Case(
            Rules.CommitLeafTwice,
            "two Updates of a leaf",
            scene => scene.Commit().Reference(scene.Propose(scene.Bob, scene.Group.UpdateOf(scene.Bob))),
            (scene, commit) => commit.Reference(scene.Propose(scene.Bob, scene.Group.UpdateOf(scene.Bob)))
        ),
        PublicScene.Case(
            Rules.CommitLeafTwice,
            "SelfRemove and Remove of a leaf",
            scene => scene.Commit().Reference(scene.Propose(scene.Bob, new SelfRemoveProposal())),
            (scene, commit) => commit.Remove(scene.Group.LeafOf(scene.Bob))
        ),
        PublicScene.Case(
            Rules.CommitPreSharedKeyDuplicate,
            "one pre-shared key twice",
            scene => scene.Commit().With(s_key),
            (_, commit) => commit.With(s_key)
        ),
        PublicScene.Case(
            Rules.CommitGroupContextExtensionsTwice,
            "two GroupContextExtensions",
            scene => scene.Commit().With(s_noExtensions),
            (_, commit) => commit.With(s_noExtensions)
        ),
        PublicScene.Case(
            Rules.CommitReInitNotAlone,
            "ReInit with an Add",
            scene => scene.Commit().With(ReInit(1)),
            (scene, commit) => commit.Add(scene.Mallory)
        ),
        PublicScene.Case(
            Rules.CommitExternalInitByMember,
            "ExternalInit",
            Empty,
            (_, commit) => commit.With(new ExternalInitProposal(new byte[32]))
        ),
        PublicScene.Case(
            Rules.CommitProposalUnsupported,
            "a type that nobody lists",
            Empty,
            (_, commit) => commit.With(new CustomProposal(Unknown, default))
        ),
        PublicScene.Case(
            Rules.CommitPathMissing,
            "Remove without a path",
            scene => scene.Commit().Remove(scene.Group.LeafOf(scene.Bob)),
            (_, commit) => commit.OmitPath = true
        ),
        PublicScene.Case(
            Rules.CommitPathMissing,
            "no proposals and no path",
            Empty,
            (_, commit) => commit.OmitPath = true
        ),
        PublicScene.Case(
            Rules.CommitPathMissing,
            "Update without a path",
            scene => scene.Commit().Reference(scene.Propose(scene.Bob, scene.Group.UpdateOf(scene.Bob))),
            (_, commit) => commit.OmitPath = true
        ),
        PublicScene.Case(
            Rules.CommitPathMissing,
            "GroupContextExtensions without a path",
            scene => scene.Commit().With(s_noExtensions),
            (_, commit) => commit.OmitPath = true
        ),
        PublicScene.Case(
            Rules.ProposalPreSharedKey,
            "nonce too short",
            scene => scene.Commit().With(s_key),
            (_, commit) => commit.With(Key(31))
        ),
        PublicScene.Case(
            Rules.ProposalPreSharedKey,
            "nonce too long",
            scene => scene.Commit().With(s_key),
            (_, commit) => commit.With(Key(33))
        ),
        PublicScene.Case(
            Rules.ProposalPreSharedKey,
            "resumption for reinit",
            scene => scene.Commit().With(Resumption(ResumptionUsage.Application)),
            (_, commit) => commit.With(Resumption(ResumptionUsage.ReInit))
        ),
        PublicScene.Case(
            Rules.ProposalPreSharedKey,
            "resumption for branch",
            scene => scene.Commit().With(Resumption(ResumptionUsage.Application)),
            (_, commit) => commit.With(Resumption(ResumptionUsage.Branch))
        ),
        new(
            Rules.ProposalReInitVersion,
            "ReInit to an older version",
            () =>
            {
                var scene = new PublicScene();
                return scene.Attempt(scene.Commit().With(ReInit(0)).Build(), scene.Commit().With(ReInit(1)).Build());
            }
        ),
        PublicScene.Case(
            Rules.ProposalRemoveBlank,
            "Remove of a blank leaf",
            Empty,
            (_, commit) => commit.Remove(new(3))
        ),
        PublicScene.Case(
            Rules.ProposalRemoveBlank,
            "Remove of a leaf outside the tree",
            Empty,
            (_, commit) => commit.Remove(new(uint.MaxValue))
        ),
        new(
            Rules.ProposalUpdateKey,
            "Update that keeps the encryption key",
            () =>
            {
                var scene = new PublicScene();
                byte[] same = scene.Group.Propose(
                        scene.Bob,
                        scene.Group.UpdateOf(scene.Bob, scene.LeafOf(scene.Bob).EncryptionKey.ToArray())
                    ),
                    renewed = scene.Group.Propose(scene.Bob, scene.Group.UpdateOf(scene.Bob));
                scene.Propose(same);
                scene.Propose(renewed);
                return scene.Attempt(scene.Commit().Reference(same).Build(), scene.Commit().Reference(renewed).Build());
            }
        ),
        PublicScene.Case(
            Rules.ProposalSelfRemove,
            "SelfRemove by value",
            Empty,
            (_, commit) => commit.With(new SelfRemoveProposal())
        ),
        PublicScene.Case(
            Rules.ProposalSelfRemove,
            "SelfRemove of the committer",
            Empty,
            (scene, commit) => commit.Reference(scene.Propose(scene.Alice, new SelfRemoveProposal()))
        ),
        External("Update by an external sender", scene => scene.Group.UpdateOf(scene.Bob)),
        External("ExternalInit by an external sender", _ => new ExternalInitProposal(new byte[32])),
        External("SelfRemove by an external sender", _ => new SelfRemoveProposal()),
        External("a type that we do not know, by an external sender", _ => new CustomProposal(Unknown, default)),
    ];

    private static CommitBuilder Empty(PublicScene scene) => scene.Commit();

    private static PreSharedKeyProposal Key(int nonce) => new(PreSharedKeyId.External(new byte[4], new byte[nonce]));

    private static PreSharedKeyProposal Resumption(ResumptionUsage usage) =>
        new(PreSharedKeyId.Resumption(usage, new byte[16], 1, RandomNumberGenerator.GetBytes(32)));

    private static ReInitProposal ReInit(ushort version) => new(new byte[16], version, 1, Extensions.None);

    private static Broken External(string name, Func<PublicScene, Proposal> proposal) =>
        new(
            Rules.ProposalSender,
            name,
            () =>
            {
                var sender = new TestClient(1, "a service");
                var scene = PublicScene.WithExternalSender(sender);
                byte[] Send(Proposal content) =>
                    ProposalBuilder.Sign(scene.Group, sender, new(SenderType.External, 0), content);
                return scene.Attempt(Send(proposal(scene)), Send(new RemoveProposal(scene.Group.LeafOf(scene.Bob))));
            }
        );
}
