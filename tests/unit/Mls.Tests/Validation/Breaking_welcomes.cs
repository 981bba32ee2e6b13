using System.Security.Cryptography;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// RFC 9420 §8.4, §11.2, §11.3 and §12.4.3.1: Welcomes from a client that knows all secrets of the new epoch.
/// </summary>
public sealed class Breaking_welcomes : Breaking<Breaking_welcomes>, IBreaksRules
{
    private static readonly PreSharedKeyId s_key = PreSharedKeyId.External("known"u8.ToArray(), new byte[32]);

    public static IReadOnlyList<Broken> Cases { get; } =
    [
        Case(
            Rules.WelcomeRecipient,
            "no entry for my key package",
            (scene, welcome) => welcome.Wrap(recipient: scene.Another)
        ),
        Case(Rules.WelcomeRecipient, "a Welcome of another suite", (_, welcome) => welcome.Wrap(suite: 2)),
        Case(
            Rules.WelcomeLeaf,
            "a tree without my leaf",
            (scene, welcome) => welcome.Wrap(recipient: scene.Another),
            (scene, welcome) => scene.Join(scene.Another, welcome)
        ),
        Case(
            Rules.WelcomeCipherSuite,
            "the GroupInfo of a group of another suite",
            (scene, welcome) => welcome.Wrap(info: _ => OfAnotherSuite())
        ),
        Case(
            Rules.WelcomePreSharedKey,
            "a nonce too short",
            (_, welcome) => welcome.Wrap(ids: _ => [PreSharedKeyId.External("known"u8.ToArray(), new byte[31])])
        ),
        Case(Rules.WelcomePreSharedKey, "one key twice", (_, welcome) => welcome.Wrap(ids: ids => [s_key, s_key])),
        Case(
            Rules.PreSharedKeyUnknown,
            "a key that I do not have",
            (_, welcome) => welcome.Wrap(ids: _ => [PreSharedKeyId.External("unknown"u8.ToArray(), new byte[32])])
        ),
        Case(Rules.HpkeOpen, "group secrets that do not open", (_, welcome) => welcome.Wrap(flip: true)),
        Case(
            Rules.AeadOpen,
            "a GroupInfo that does not open",
            (_, welcome) => welcome.Wrap(secrets: secrets => secrets with { JoinerSecret = new byte[32] })
        ),
        Case(
            Rules.PathSecret,
            "a path secret that is not of the tree's keys",
            (_, welcome) =>
                welcome.Wrap(secrets: secrets => secrets with { PathSecret = RandomNumberGenerator.GetBytes(32) })
        ),
        Case(
            Rules.ConfirmationTag,
            "another confirmation tag",
            (scene, welcome) =>
                welcome.Wrap(info: info => scene.Sign(info, tag: MemberScene.Flipped(info.ConfirmationTag)))
        ),
        Case(
            Rules.GroupInfoSignature,
            "a GroupInfo that another member signed",
            (scene, welcome) => welcome.Wrap(info: info => scene.Sign(info, signer: scene.Members.BobClient))
        ),
        Case(
            Rules.GroupInfoSigner,
            "a GroupInfo of a blank leaf",
            (scene, welcome) => welcome.Wrap(info: info => scene.Sign(info, leaf: new(9)))
        ),
        Case(
            Rules.GroupInfoRatchetTree,
            "no tree anywhere",
            (scene, welcome) => welcome.Wrap(info: info => scene.Sign(info, extensions: Extensions.None))
        ),
        Branch(
            Rules.WelcomeResumption,
            "two links to other groups",
            (_, welcome) =>
                welcome.Wrap(ids: ids => [ids[0], ids[0] with { Nonce = RandomNumberGenerator.GetBytes(32) }])
        ),
        Branch(
            Rules.WelcomeReInit,
            "a reinitialisation of a group that no ReInit ended",
            (_, welcome) => welcome.Wrap(ids: ids => [ids[0] with { Usage = ResumptionUsage.ReInit }])
        ),
        new(
            Rules.WelcomeReInit,
            "a reinitialised group without one of the members",
            () =>
            {
                var scene = new Scene();
                var (alice, bob) = (scene.Members.Alice, scene.Members.Bob);
                bob.Receive(
                    alice.Commit(new() { Proposals = [new ReInitProposal(new byte[16], 1, 1, Extensions.None)] }).Commit
                );
                alice.MergePendingCommit();
                OwnKeyPackage one = scene.Members.BobClient.CreateKeyPackage(),
                    two = scene.Members.BobClient.CreateKeyPackage(),
                    carol = scene.Members.CarolClient.CreateKeyPackage();
                Welcome Welcome(params OwnKeyPackage[] members) =>
                    MemberScene.Welcome(
                        alice
                            .CreateReinitialized(scene.Members.AliceClient, [.. members.Select(MemberScene.Unverified)])
                            .Pending!
                    );
                Welcome wrong = Welcome(one),
                    right = Welcome(two, carol);
                return new(() => scene.JoinBranch(one, wrong), () => scene.JoinBranch(two, right), scene.Members.State);
            }
        ),
        Case(
            Rules.WelcomeGroupId,
            "to a group that the client is in",
            (scene, welcome) =>
            {
                scene.KnownGroup = scene.Members.Alice.GroupId;
                return welcome.Wrap();
            }
        ),
        new(
            Rules.LeafTotalLifetime,
            "a member whose lifetime is longer than the application allows",
            () =>
            {
                var scene = new Scene();
                var strict = new Client(1, Credential.Basic("dave"u8.ToArray()))
                {
                    MaxLifetime = TimeSpan.FromDays(100),
                };
                OwnKeyPackage package = strict.CreateKeyPackage(),
                    lasting = MemberScene.Named("erin").CreateKeyPackage(new(0, ulong.MaxValue));
                Welcome Welcome(params OwnKeyPackage[] added) =>
                    MemberScene.Welcome(
                        scene.Members.Alice.Commit(new() { Add = [.. added.Select(MemberScene.Unverified)] })
                    );
                Welcome wrong = Welcome(package, lasting),
                    right = Welcome(package);
                return new(
                    () => Group.JoinByWelcome(strict, package, wrong).Dispose(),
                    () => Group.JoinByWelcome(strict, package, right).Dispose()
                );
            }
        ),
        Branch(
            Rules.PreSharedKeyUnknown,
            "a branch of a group that I do not know",
            (_, welcome) => welcome.Wrap(ids: ids => [ids[0] with { GroupId = new byte[16] }])
        ),
        new(
            Rules.WelcomeBranch,
            "a branch with somebody who is not in the group",
            () =>
            {
                var scene = new Scene();
                OwnKeyPackage one = scene.Members.BobClient.CreateKeyPackage(),
                    two = scene.Members.BobClient.CreateKeyPackage(),
                    stranger = MemberScene.Named("mallory").CreateKeyPackage();
                var wrong = MemberScene.Welcome(
                    scene.Members.Alice.Branch([MemberScene.Unverified(one), MemberScene.Unverified(stranger)]).Pending!
                );
                var right = MemberScene.Welcome(scene.Members.Alice.Branch([MemberScene.Unverified(two)]).Pending!);
                return new(() => scene.JoinBranch(one, wrong), () => scene.JoinBranch(two, right), scene.Members.State);
            }
        ),
        new(
            Rules.WelcomeResumption,
            "a branch that begins in a later epoch",
            () =>
            {
                var scene = new Scene();
                OwnKeyPackage carol = scene.Members.CarolClient.CreateKeyPackage(),
                    late = scene.Members.BobClient.CreateKeyPackage(),
                    first = scene.Members.BobClient.CreateKeyPackage();
                var link = PreSharedKeyId.Resumption(
                    ResumptionUsage.Branch,
                    scene.Members.Alice.GroupId,
                    scene.Members.Alice.CurrentEpoch,
                    new byte[32]
                );
                var group = scene.Members.Alice.Branch([MemberScene.Unverified(carol)]);
                group.MergePendingCommit();
                var plain = new Opened(
                    MemberScene.Welcome(group.Commit(new() { Add = [MemberScene.Unverified(late)] })),
                    late,
                    []
                );
                var wrong = plain.With(scene.Resumption).Wrap(ids: _ => [link]);
                var right = MemberScene.Welcome(scene.Members.Alice.Branch([MemberScene.Unverified(first)]).Pending!);
                return new(
                    () => scene.JoinBranch(late, wrong),
                    () => scene.JoinBranch(first, right),
                    scene.Members.State
                );
            }
        ),
    ];

    /// <summary>Alice adds Dave to the group; Dave has two key packages.</summary>
    private sealed class Scene
    {
        public MemberScene Members { get; } = new();
        public Client Dave { get; }

        /// <summary>A group that Dave has already; once only, so that the control is not refused.</summary>
        public ReadOnlyMemory<byte>? KnownGroup { get; set; }
        public OwnKeyPackage Added { get; }
        public OwnKeyPackage Another { get; }
        public byte[] Resumption => Members.Secrets.ResumptionPsk;

        public Scene()
        {
            Dave = new(1, Credential.Basic("dave"u8.ToArray())) { HasGroup = Knows };
            Added = Dave.CreateKeyPackage();
            Another = Dave.CreateKeyPackage();
        }

        private bool Knows(ReadOnlyMemory<byte> groupId)
        {
            bool knows = KnownGroup is { } known && known.Span.SequenceEqual(groupId.Span);
            KnownGroup = null;
            return knows;
        }

        public Opened Add() =>
            new(
                MemberScene.Welcome(Members.Alice.Commit(new() { Add = [MemberScene.Unverified(Added)] })),
                Added,
                "secret"u8.ToArray()
            );

        public void Join(OwnKeyPackage package, Welcome welcome)
        {
            using var keys = new PreSharedKeys().Add("known"u8.ToArray(), "secret"u8);
            Group.JoinByWelcome(Dave, package, welcome, preSharedKeys: keys).Dispose();
        }

        public void JoinBranch(OwnKeyPackage package, Welcome welcome) =>
            Group.JoinByWelcome(Members.BobClient, package, welcome, parent: Members.Bob).Dispose();

        public UnverifiedGroupInfo Sign(
            UnverifiedGroupInfo info,
            byte[]? tag = null,
            Client? signer = null,
            LeafIndex? leaf = null,
            Extensions? extensions = null
        ) =>
            UnverifiedGroupInfo.Create(
                CipherSuite.Get(1),
                (signer ?? Members.AliceClient).SignatureKey.PrivateKey,
                info.GroupContext,
                extensions ?? info.Extensions,
                tag ?? info.ConfirmationTag.ToArray(),
                leaf ?? info.Signer
            );
    }

    /// <summary>A Welcome that was opened and can be wrapped again with something changed.</summary>
    private sealed class Opened(Welcome welcome, OwnKeyPackage package, byte[] preSharedKey)
    {
        private readonly CipherSuite _suite = CipherSuite.Get(1);

        public Opened With(byte[] key) => new(welcome, package, key);

        public Welcome Wrap(
            Func<GroupSecrets, GroupSecrets>? secrets = null,
            Func<IReadOnlyList<PreSharedKeyId>, IReadOnlyList<PreSharedKeyId>>? ids = null,
            Func<UnverifiedGroupInfo, UnverifiedGroupInfo>? info = null,
            OwnKeyPackage? recipient = null,
            ushort suite = 1,
            bool flip = false
        )
        {
            var opened = WelcomeSecrets.OpenGroupSecrets(
                _suite,
                welcome,
                package.KeyPackage.Reference.Span,
                package.Init.PrivateKey
            );
            var groupInfo = WelcomeSecrets.OpenGroupInfo(
                _suite,
                welcome,
                opened.JoinerSecret.Span,
                PskSecret(opened.PreSharedKeys)
            );
            var changedIds = ids is null ? opened.PreSharedKeys : ids(opened.PreSharedKeys);
            var (key, nonce) = WelcomeSecrets.KeyAndNonce(_suite, opened.JoinerSecret.Span, PskSecret(changedIds));
            var encrypted = _suite.AeadSeal(key, nonce, [], (info is null ? groupInfo : info(groupInfo)).Encoded.Span);
            var changed = opened with { PreSharedKeys = changedIds };
            var to = (recipient ?? package).KeyPackage;
            var (kemOutput, ciphertext) = _suite.EncryptWithLabel(
                to.InitKey.Span,
                "Welcome",
                encrypted,
                (secrets is null ? changed : secrets(changed)).Encode()
            );
            return new(
                suite,
                [new(to.Reference, new(kemOutput, flip ? MemberScene.Flipped(ciphertext) : ciphertext))],
                encrypted
            );
        }

        private byte[] PskSecret(IReadOnlyList<PreSharedKeyId> ids) =>
            PreSharedKeySecret.Derive(_suite, [.. ids.Select(id => (id, (ReadOnlyMemory<byte>)preSharedKey))]);
    }

    private static Broken Case(
        Rule rule,
        string name,
        Func<Scene, Opened, Welcome> spoil,
        Action<Scene, Welcome>? join = null
    ) =>
        new(
            rule,
            name,
            () =>
            {
                var scene = new Scene();
                var opened = scene.Add();
                Welcome wrong = spoil(scene, opened),
                    right = opened.Wrap();
                return new(
                    () => (join ?? ((at, welcome) => at.Join(at.Added, welcome)))(scene, wrong),
                    () => scene.Join(scene.Added, right)
                );
            }
        );

    /// <summary>Alice's and Bob's branch of the group.</summary>
    private static Broken Branch(Rule rule, string name, Func<Scene, Opened, Welcome> spoil) =>
        new(
            rule,
            name,
            () =>
            {
                var scene = new Scene();
                var package = scene.Members.BobClient.CreateKeyPackage();
                var opened = new Opened(
                    MemberScene.Welcome(scene.Members.Alice.Branch([MemberScene.Unverified(package)]).Pending!),
                    package,
                    scene.Resumption
                );
                Welcome wrong = spoil(scene, opened),
                    right = opened.Wrap();
                return new(
                    () => scene.JoinBranch(package, wrong),
                    () => scene.JoinBranch(package, right),
                    scene.Members.State
                );
            }
        );

    private static UnverifiedGroupInfo OfAnotherSuite() =>
        UnverifiedGroupInfo.Decode(
            Group.Create(new Client(3, Credential.Basic("alice"u8.ToArray()))).CreateGroupInfo()
        );
}
