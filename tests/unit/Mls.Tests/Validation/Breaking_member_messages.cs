using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// RFC 9420 §6.2, §6.3, §7.5, §9 and §12.4.2: what only a client with the secrets of the group can check.
/// </summary>
public sealed class Breaking_member_messages : Breaking<Breaking_member_messages>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        Case(
            Rules.MembershipTag,
            "another membership tag",
            scene => (Tagged(scene.AlicesCommit()), scene.AlicesCommit())
        ),
        Case(
            Rules.FramingPadding,
            "padding that is not zero",
            scene =>
                (
                    MemberScene.Encode(scene.Encrypted(padding: [0, 0, 1])),
                    MemberScene.Encode(scene.Encrypted(padding: [0, 0, 0]))
                )
        ),
        Case(
            Rules.FramingSender,
            "sender data of a blank leaf",
            scene => (MemberScene.Encode(scene.Encrypted(leaf: new(3))), Right(scene))
        ),
        Case(
            Rules.FramingSender,
            "sender data of a leaf outside the tree",
            scene => (MemberScene.Encode(scene.Encrypted(leaf: new(9))), Right(scene))
        ),
        Case(
            Rules.FramingSignature,
            "application message signed by another member",
            scene => (MemberScene.Encode(scene.Encrypted(signer: scene.AliceClient)), Right(scene))
        ),
        Case(
            Rules.FramingGroupId,
            "application message of another group",
            scene => (Header(scene, new byte[3], scene.Public.Epoch, ContentType.Application), Right(scene))
        ),
        Case(
            Rules.FramingEpoch,
            "application message of an epoch to come",
            scene =>
                (Header(scene, scene.Public.GroupId, scene.Public.Epoch + 1, ContentType.Application), Right(scene))
        ),
        Case(
            Rules.FramingEpoch,
            "encrypted commit of the epoch before",
            scene => (Header(scene, scene.Public.GroupId, scene.Public.Epoch - 1, ContentType.Commit), Right(scene))
        ),
        Case(
            Rules.AeadOpen,
            "a changed byte of the ciphertext",
            scene =>
            {
                var right = scene.Encrypted();
                return (
                    MemberScene.Encode(
                        new(
                            right.GroupId,
                            right.Epoch,
                            right.ContentType,
                            default,
                            right.EncryptedSenderData,
                            MemberScene.Flipped(right.Ciphertext)
                        )
                    ),
                    MemberScene.Encode(right)
                );
            }
        ),
        Case(
            Rules.AeadOpen,
            "other authenticated data",
            scene =>
            {
                var right = scene.Encrypted();
                return (
                    MemberScene.Encode(
                        new(
                            right.GroupId,
                            right.Epoch,
                            right.ContentType,
                            new byte[] { 1 },
                            right.EncryptedSenderData,
                            right.Ciphertext
                        )
                    ),
                    MemberScene.Encode(right)
                );
            }
        ),
        Case(
            Rules.RatchetGeneration,
            "a message for the second time",
            scene =>
            {
                byte[] first = scene.Alice.Encrypt("first"u8),
                    second = scene.Alice.Encrypt("second"u8);
                scene.Bob.Receive(first);
                return (first, second);
            }
        ),
        Case(
            Rules.RatchetGeneration,
            "a generation beyond the window",
            scene => (MemberScene.Encode(scene.Encrypted(generation: SecretTree.MaxForward + 1)), Right(scene))
        ),
        Case(
            Rules.HpkeOpen,
            "a path secret that does not open",
            scene =>
                (
                    scene.Changed(
                        scene.AlicesCommit(),
                        commit =>
                            MemberScene.WithFirstCiphertext(
                                commit,
                                item => item with { Ciphertext = MemberScene.Flipped(item.Ciphertext) }
                            )
                    ),
                    scene.AlicesCommit()
                )
        ),
        Case(
            Rules.PathSecret,
            "a path secret that is not of the path's keys",
            scene =>
            {
                byte[] right = scene.AlicesCommit();
                return (scene.Changed(right, commit => scene.WithFalseSecret(commit, right)), right);
            }
        ),
        Case(
            Rules.PathNotForMe,
            "an Update of my leaf that is not mine",
            scene =>
            {
                byte[] right = scene.AlicesCommit();
                using var encryption = CipherSuite.Get(1).GenerateKemKeyPair();
                var leaf = scene.BobClient.CreateLeaf(
                    encryption.PublicKey,
                    LeafNodeSource.Update,
                    place: (scene.Public.GroupId, scene.Bob.OwnLeaf)
                );
                var content = FramedContent.Create(
                    scene.Public.GroupId.Span,
                    scene.Public.Epoch,
                    new(SenderType.Member, scene.Bob.OwnLeaf),
                    [],
                    ContentType.Proposal,
                    new UpdateProposal(leaf).Write
                );
                byte[] update = scene.InClear(scene.BobClient, content);
                scene.Alice.Receive(update);
                scene.Bob.Receive(update);
                return (scene.AlicesCommit(), right);
            }
        ),
        Case(
            Rules.ConfirmationTag,
            "another confirmation tag",
            scene =>
            {
                byte[] right = scene.AlicesCommit();
                return (scene.Changed(right, confirmationTag: tag => MemberScene.Flipped(tag)), right);
            }
        ),
        Case(
            Rules.PreSharedKeyUnknown,
            "a pre-shared key that I do not have",
            scene => (scene.AlicesCommit(Key("unknown"u8)), scene.AlicesCommit(Key("known"u8)))
        ),
        Case(
            Rules.PreSharedKeyUnknown,
            "a resumption key of another group",
            scene => (OfOtherGroup(scene), scene.AlicesCommit(Key("known"u8)))
        ),
        Case(
            Rules.OwnCommit,
            "a commit of mine that I forgot",
            scene =>
            {
                byte[] forgotten = scene.Bob.Commit().Commit;
                scene.Bob.DiscardPendingCommit();
                return (forgotten, scene.AlicesCommit());
            }
        ),
        new(
            Rules.CredentialRefused,
            "an Add of somebody whom the application refuses",
            () =>
            {
                var scene = new MemberScene((credential, _, _) => !credential.Identity.Span.SequenceEqual("mallory"u8));
                return scene.Attempt(scene.AlicesCommit(Adding("mallory")), scene.AlicesCommit(Adding("dave")));
            }
        ),
        new(
            Rules.CredentialRefused,
            "an external sender whom the application refuses",
            () =>
            {
                var scene = new MemberScene((credential, _, _) => !credential.Identity.Span.SequenceEqual("mallory"u8));
                return scene.Attempt(
                    scene.AlicesCommit(Trusting("mallory")),
                    scene.AlicesCommit(Trusting("a service"))
                );
            }
        ),
        Case(
            Rules.GroupReInitialized,
            "an application message after a ReInit",
            scene =>
            {
                byte[] late = scene.Alice.Encrypt("late"u8);
                byte[] commit = scene
                    .Alice.Commit(new() { Proposals = [new ReInitProposal(new byte[16], 1, 1, Extensions.None)] })
                    .Commit;
                scene.Bob.Receive(commit);
                scene.Alice.MergePendingCommit();
                return (Header(scene, scene.Public.GroupId, scene.Public.Epoch, ContentType.Application), late);
            }
        ),
        new(
            Rules.LeafRequiredCapabilities,
            "joining a group that demands what I do not support",
            () =>
            {
                var group = Group.Create(
                    MemberScene.Named("alice"),
                    extensions: new(Breaking_group_infos.Required([], [ProposalType.SelfRemove], []))
                );
                var info = UnverifiedGroupInfo.Decode(group.CreateGroupInfo());
                var lacking = new Client(
                    1,
                    Credential.Basic("bob"u8.ToArray()),
                    capabilities: TestClient.DefaultCapabilities with
                    {
                        Proposals = new(),
                    }
                );
                return new(
                    () => Group.JoinByExternalCommit(lacking, info),
                    () => Group.JoinByExternalCommit(MemberScene.Named("bob"), info)
                );
            }
        ),
        new(
            Rules.WelcomeCipherSuite,
            "joining a group of another suite by external commit",
            () =>
            {
                var info = UnverifiedGroupInfo.Decode(Group.Create(MemberScene.Named("alice")).CreateGroupInfo());
                return new(
                    () => Group.JoinByExternalCommit(new Client(2, Credential.Basic("bob"u8.ToArray())), info),
                    () => Group.JoinByExternalCommit(MemberScene.Named("bob"), info)
                );
            }
        ),
        new(
            Rules.CommitProposalUnsupported,
            "a commit of my own with a type that others do not support",
            () =>
            {
                var scene = new MemberScene();
                return new(
                    () => scene.Bob.Commit(new() { Proposals = [new CustomProposal(0xF001, default)] }),
                    () => scene.Bob.Commit(),
                    scene.State
                );
            }
        ),
    ];

    private static Broken Case(Rule rule, string name, Func<MemberScene, (byte[] Broken, byte[] Control)> messages) =>
        new(
            rule,
            name,
            () =>
            {
                var scene = new MemberScene();
                var (broken, control) = messages(scene);
                return scene.Attempt(broken, control);
            }
        );

    private static byte[] Right(MemberScene scene) => MemberScene.Encode(scene.Encrypted());

    private static byte[] Header(MemberScene scene, ReadOnlyMemory<byte> groupId, ulong epoch, ContentType type)
    {
        var right = scene.Encrypted();
        return MemberScene.Encode(new(groupId, epoch, type, default, right.EncryptedSenderData, right.Ciphertext));
    }

    private static byte[] Tagged(byte[] commit)
    {
        var message = MlsMessage.Decode(commit).PublicMessage!;
        return MlsMessage
            .Of(new PublicMessage(message.Content, message.Auth, MemberScene.Flipped(message.MembershipTag!.Value)))
            .Encode();
    }

    private static CommitOptions Key(ReadOnlySpan<byte> id) =>
        new() { PreSharedKeys = [PreSharedKeyId.External(id.ToArray(), new byte[32])] };

    private static CommitOptions Adding(string name)
    {
        using var package = MemberScene.Named(name).CreateKeyPackage();
        return new() { Add = [MemberScene.Unverified(package)] };
    }

    private static CommitOptions Trusting(string name)
    {
        var service = MemberScene.Named(name);
        var writer = new TlsWriter();
        int start = writer.BeginVector();
        writer.WriteOpaque(service.SignatureKey.PublicKey);
        service.Credential.Write(writer);
        return new()
        {
            Proposals =
            [
                new GroupContextExtensionsProposal(
                    new(new Extension(ExtensionType.ExternalSenders, writer.EndVector(start).ToArray()))
                ),
            ],
        };
    }

    private static byte[] OfOtherGroup(MemberScene scene)
    {
        var other = PreSharedKeyId.Resumption(ResumptionUsage.Application, new byte[16], 1, new byte[32]);
        return scene.Changed(
            scene.AlicesCommit(Key("known"u8)),
            commit => new([new(new PreSharedKeyProposal(other), default)], commit.Path)
        );
    }
}
