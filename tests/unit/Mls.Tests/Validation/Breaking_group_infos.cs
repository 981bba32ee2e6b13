using System.Security.Cryptography;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §12.4.3: the GroupInfo with a commit, and the one that a joiner starts from.</summary>
public sealed class Breaking_group_infos : Breaking<Breaking_group_infos>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        PublicScene.Case(
            Rules.GroupInfoEpoch,
            "the epoch before",
            scene => scene.Commit(),
            (scene, commit) => commit.GroupInfoEpoch = scene.Group.Group.Epoch
        ),
        PublicScene.Case(
            Rules.GroupInfoTreeHash,
            "another tree hash",
            scene => scene.Commit(),
            (_, commit) => commit.GroupInfoTreeHash = RandomNumberGenerator.GetBytes(32)
        ),
        PublicScene.Case(
            Rules.GroupInfoContext,
            "another transcript",
            scene => scene.Commit(),
            (_, commit) => commit.GroupInfoTranscriptHash = RandomNumberGenerator.GetBytes(32)
        ),
        PublicScene.Case(
            Rules.GroupInfoConfirmationTag,
            "another confirmation tag",
            scene => scene.Commit(),
            (_, commit) => commit.GroupInfoConfirmationTag = RandomNumberGenerator.GetBytes(32)
        ),
        PublicScene.Case(
            Rules.GroupInfoSigner,
            "another member signs",
            scene => scene.Commit(),
            (scene, commit) =>
            {
                commit.GroupInfoSignedBy = scene.Bob;
                commit.GroupInfoSigner = scene.Group.LeafOf(scene.Bob);
            }
        ),
        PublicScene.Case(
            Rules.GroupInfoSignature,
            "another key signs",
            scene => scene.Commit(),
            (scene, commit) => commit.GroupInfoSignedBy = scene.Mallory
        ),
        PublicScene.Case(
            Rules.GroupInfoExternalPub,
            "no external_pub",
            scene => scene.Commit(),
            (_, commit) => commit.OmitExternalPub = true
        ),
        PublicScene.Case(
            Rules.GroupInfoExternalPub,
            "an external_pub of low order",
            scene => scene.Commit(),
            (_, commit) => commit.ExternalPub = new byte[32]
        ),
        PublicScene.Case(
            Rules.GroupInfoRatchetTree,
            "another tree inside",
            scene => scene.Commit(),
            (scene, commit) => commit.GroupInfoTree = scene.Group.RatchetTree
        ),
        Joining(Rules.GroupInfoSigner, "a blank leaf as signer", (scene, info) => info with { Signer = new(3) }),
        Joining(
            Rules.GroupInfoSignature,
            "signature of another key",
            (scene, info) => info with { SignedBy = scene.Mallory }
        ),
        Joining(Rules.GroupInfoRatchetTree, "no tree at all", (_, info) => info with { Tree = null }),
        Joining(
            Rules.GroupInfoRatchetTree,
            "another tree beside than inside",
            (scene, info) => info with { Beside = scene.Start.RatchetTree }
        ),
        Joining(
            Rules.TreeHash,
            "tree hash of another tree",
            (_, info) => info with { TreeHash = RandomNumberGenerator.GetBytes(32) }
        ),
        Joining(
            Rules.FramingConfirmationTag,
            "confirmation tag too short",
            (_, info) => info with { ConfirmationTag = new byte[31] }
        ),
        Joining(
            Rules.CipherSuiteUnsupported,
            "a cipher suite that we do not know",
            (_, info) => info with { CipherSuite = 0x0A0A }
        ),
        Joining(
            Rules.LeafGroupExtensions,
            "an extension that no member lists",
            (_, info) => info with { ContextExtensions = new(new Extension(0xF001, default)) }
        ),
        Joining(
            Rules.LeafRequiredCapabilities,
            "required_capabilities that the members do not have",
            (_, info) => info with { ContextExtensions = new(Required([0xF001], [], [])) }
        ),
        Joining(
            Rules.ExtensionDuplicate,
            "a GroupInfo extension twice",
            (_, info) => info with { Extra = [new(0xF001, default), new(0xF001, default)] }
        ),
        Joining(
            Rules.ExtensionPlace,
            "required_capabilities outside the GroupContext",
            (_, info) => info with { Extra = [Required([], [], [])] }
        ),
        Joining(
            Rules.ExtensionPlace,
            "external_pub inside the GroupContext",
            (_, info) => info with { ContextExtensions = new(new Extension(ExtensionType.ExternalPub, default)) }
        ),
        Joining(
            Rules.ExtensionDuplicate,
            "a GroupContext extension twice",
            (_, info) => info with { ContextExtensions = new(Required([], [], []), Required([], [], [])) }
        ),
    ];

    internal static Extension Required(ushort[] extensions, ushort[] proposals, ushort[] credentials)
    {
        var writer = new TlsWriter();
        new UInt16List(extensions).Write(writer);
        new UInt16List(proposals).Write(writer);
        new UInt16List(credentials).Write(writer);
        return new(ExtensionType.RequiredCapabilities, writer.ToArray());
    }

    /// <summary>What a GroupInfo is made of; as it comes, it is one that a joiner accepts.</summary>
    private sealed record Info(
        TestClient SignedBy,
        LeafIndex Signer,
        byte[]? Tree,
        byte[]? Beside,
        byte[] TreeHash,
        byte[] ConfirmationTag,
        ushort CipherSuite,
        Extensions ContextExtensions,
        Extension[] Extra
    )
    {
        public void Verify(PublicScene scene)
        {
            var now = scene.Group.Group;
            var context = new GroupContext(
                CipherSuite,
                now.GroupId,
                now.Epoch,
                TreeHash,
                now.Context.ConfirmedTranscriptHash,
                ContextExtensions
            );
            var external = new Extension(
                ExtensionType.ExternalPub,
                new TlsWriter().WriteOpaque(SignedBy.NewKemKey()).ToArray()
            );
            Extension[] extensions = Tree is null
                ? [external, .. Extra]
                : [external, new(ExtensionType.RatchetTree, Tree), .. Extra];
            var info = UnverifiedGroupInfo.Create(
                SignedBy.Suite,
                SignedBy.SignatureKey.PrivateKey,
                context,
                new(extensions),
                ConfirmationTag,
                Signer
            );
            PublicGroup
                .FromGroupInfo(info, Beside is null ? default(ReadOnlyMemory<byte>?) : Beside)
                .RequireExternalPub(info);
        }
    }

    private static Broken Joining(Rule rule, string name, Func<PublicScene, Info, Info> spoil) =>
        new(
            rule,
            $"joining: {name}",
            () =>
            {
                var scene = new PublicScene();
                var now = scene.Group.Group;
                var right = new Info(
                    scene.Alice,
                    scene.Group.LeafOf(scene.Alice),
                    scene.Group.RatchetTree,
                    null,
                    now.TreeHash.ToArray(),
                    now.ConfirmationTag.ToArray(),
                    1,
                    Extensions.None,
                    []
                );
                var wrong = spoil(scene, right);
                return new(() => wrong.Verify(scene), () => right.Verify(scene));
            }
        );
}
