using MlsConsole.Core.Approvals;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Groups;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Proposals;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Welcomes;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// What the service demands beyond RFC 9420: each request is refused with its error and rule and without effect, and
/// its control is taken afterwards.
/// </summary>
public sealed class Breaking_delivery_rules
{
    /// <param name="Rule">Null for a refusal that is no matter of a rule.</param>
    /// <param name="Name">What is wrong; unique for the rule or error.</param>
    /// <param name="Send">Builds the broken request and its control; both are sent by the test.</param>
    public sealed record Refused(
        Rule? Rule,
        string Error,
        string Name,
        Func<DeliveryScene, Task<(Func<Task> Broken, Func<Task> Control)>> Send
    )
    {
        public string Title => $"{Rule?.Id ?? Error}: {Name}";
    }

    public static IReadOnlyList<Refused> Cases { get; } =
    [
        Commit(
            DeliveryRules.PrivateHandshake,
            "an encrypted commit",
            scene =>
                (
                    scene.Control with
                    {
                        Commit = ProposalBuilder.RandomPrivateMessage(scene.Group, type: ContentType.Commit),
                    },
                    scene.Control
                )
        ),
        Commit(
            DeliveryRules.NotACommit,
            "a proposal",
            scene =>
                (
                    scene.Control with
                    {
                        Commit = scene.Group.Propose(scene.Alice.Client, new RemoveProposal(new(1))),
                    },
                    scene.Control
                )
        ),
        Commit(
            DeliveryRules.NotACommit,
            "an external commit as a member's",
            scene => (scene.Group.ExternalCommit(scene.Alice.Client).Remove(new(0)).Build(), scene.Control)
        ),
        Proposal(DeliveryRules.NotAProposal, "a commit as a proposal", scene => scene.Control.Commit),
        Proposal(
            DeliveryRules.NotAProposal,
            "an outsider's wish to be added",
            scene =>
                ProposalBuilder.Sign(
                    scene.Group,
                    scene.Carol.Client,
                    new(SenderType.NewMemberProposal, 0),
                    new AddProposal(scene.Carol.Client.BareKeyPackage())
                )
        ),
        Proposal(
            DeliveryRules.PrivateHandshake,
            "an encrypted proposal",
            scene => ProposalBuilder.RandomPrivateMessage(scene.Group, type: ContentType.Proposal)
        ),
        Proposal(
            DeliveryRules.SenderOfAnother,
            "another member's proposal",
            scene => scene.Group.Propose(scene.Alice.Client, scene.Group.UpdateOf(scene.Alice.Client))
        ),
        Proposal(
            DeliveryRules.LeafIdentityChanged,
            "an Update to another identity",
            scene =>
                scene.Group.Propose(
                    scene.Bob.Client,
                    scene.Group.UpdateOf(scene.Bob.Client.As("did:example:mallory#phone"))
                )
        ),
        Proposal(
            DeliveryRules.LeafNotEnrolled,
            "a proposal to add a device that is not enrolled",
            scene =>
                scene.Group.Propose(
                    scene.Bob.Client,
                    new AddProposal(new TestClient(1, "did:example:zed#phone").BareKeyPackage())
                )
        ),
        Proposal(
            DeliveryRules.KeyPackageNotPublished,
            "a proposal to add a key package that was not published",
            scene => scene.Group.Propose(scene.Bob.Client, new AddProposal(scene.Carol.Client.BareKeyPackage()))
        ),
        new(
            DeliveryRules.NotAnExternalCommit,
            "InvalidCommit",
            "a member's commit as an external one",
            scene =>
                Both(
                    () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Control),
                    () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync)
                )
        ),
        new(
            DeliveryRules.SenderOfAnother,
            "InvalidCommit",
            "another member's commit",
            scene =>
                Both(
                    () => scene.Service.CommitAsync(scene.Convo, scene.Bob, scene.Control),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control)
                )
        ),
        Commit(
            DeliveryRules.LeafNotEnrolled,
            "an Add of a device that is not enrolled",
            scene =>
                (
                    scene
                        .Group.Commit(scene.Alice.Client)
                        .Add(new TestClient(1, "did:example:zed#phone"))
                        .WithPath()
                        .Build(),
                    scene.Control
                )
        ),
        new(
            DeliveryRules.LeafNotEnrolled,
            "InvalidGroupInfo",
            "a group of a device that is not enrolled",
            scene =>
                Both(
                    () => scene.CreateAsync(TestGroup.Create(new TestClient(1, "did:example:zed#phone"))),
                    () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client))
                )
        ),
        new(
            DeliveryRules.SenderDeleted,
            "InvalidCommit",
            "a commit without a path by a deleted device's leaf",
            async scene =>
            {
                // Alice has another device, so that what is refused is the leaf and not the account.
                await scene.Service.EnrolAsync(scene.Alice.Did, "laptop");
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                var adding = scene.Group.Commit(scene.Alice.Client).Add(package).Build();
                await scene
                    .Service.Get<DeviceRegistry>()
                    .DeleteDeviceAsync(scene.Alice.Caller, new(scene.Alice.DeviceId, null), CancellationToken.None);
                return (
                    () => scene.AddMembersAsync(adding, ProposalBuilder.RandomWelcome(scene.Group.Suite, package)),
                    () =>
                        scene.Service.CommitAsync(
                            scene.Convo,
                            scene.Bob,
                            scene.Group.Commit(scene.Bob.Client).WithPath().Build()
                        )
                );
            }
        ),
        Commit(
            DeliveryRules.LeafIdentityChanged,
            "a path leaf with another identity",
            scene =>
                (
                    scene.Group.Commit(scene.Alice.Client.As("did:example:mallory#phone")).WithPath().Build(),
                    scene.Control
                )
        ),
        new(
            DeliveryRules.KeyPackageNotPublished,
            "InvalidCommit",
            "an Add of a key package that was not published",
            async scene =>
            {
                byte[] published = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (() => scene.AddAsync(scene.Carol.Client.KeyPackage()), () => scene.AddAsync(published));
            }
        ),
        new(
            DeliveryRules.DeviceTwice,
            "InvalidCommit",
            "an Add of a device that has a leaf",
            async scene =>
            {
                byte[] again = await scene.PublishAsync(scene.Bob, scene.Bob.Client.Reinstalled()),
                    other = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (() => scene.AddAsync(again), () => scene.AddAsync(other));
            }
        ),
        new(
            DeliveryRules.RemoveOfStranger,
            "InvalidCommit",
            "an external commit that removes another account's leaf",
            scene =>
                Both(
                    () =>
                        scene.Service.JoinAsync(
                            scene.Convo,
                            scene.Tablet,
                            scene
                                .Group.ExternalCommit(scene.Tablet.Client)
                                .Remove(scene.Group.LeafOf(scene.Alice.Client))
                                .Build()
                        ),
                    () =>
                        scene.Service.JoinAsync(
                            scene.Convo,
                            scene.Tablet,
                            scene.Group.ExternalCommit(scene.Tablet.Client).Build()
                        )
                )
        ),
        new(
            DeliveryRules.OnlyAdds,
            "InvalidCommit",
            "no proposals",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (() => scene.AddMembersAsync(scene.Control, null), () => scene.AddAsync(package));
            }
        ),
        new(
            DeliveryRules.OnlyAdds,
            "InvalidCommit",
            "an Add and a Remove that nobody asked for",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (
                    () =>
                        scene.AddMembersAsync(
                            scene
                                .Group.Commit(scene.Alice.Client)
                                .Add(package)
                                .Remove(scene.Group.LeafOf(scene.Bob.Client))
                                .Build(),
                            ProposalBuilder.RandomWelcome(scene.Group.Suite, package)
                        ),
                    () => scene.AddAsync(package)
                );
            }
        ),
        new(
            DeliveryRules.RejoinRequestAnswered,
            "InvalidCommit",
            "a request that nobody made",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (
                    () =>
                        Asking_to_be_added_again.AddAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Alice,
                            scene.Adding(package),
                            package,
                            "no-such-request"
                        ),
                    () => scene.AddAsync(package)
                );
            }
        ),
        new(
            DeliveryRules.RejoinRequestAnswered,
            "InvalidCommit",
            "an Add of another key package than the request's",
            async scene =>
            {
                byte[] package = scene.Bob.Client.KeyPackage(),
                    other = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                var asked = await Asking_to_be_added_again.AskAsync(scene.Service, scene.Convo, scene.Bob, package);
                return (
                    () =>
                        Asking_to_be_added_again.AddAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Alice,
                            scene.Adding(other),
                            other,
                            asked.RequestId
                        ),
                    () =>
                        Asking_to_be_added_again.AddAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Alice,
                            Asking_to_be_added_again.Answer(scene.Convo, scene.Alice, scene.Bob, package),
                            package,
                            asked.RequestId
                        )
                );
            }
        ),
        new(
            DeliveryRules.KeyPackageIdentity,
            "InvalidKeyPackage",
            "a request to be added with a key package of another device",
            scene =>
                Both(
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            scene.Carol.Client.KeyPackage()
                        ),
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            scene.Bob.Client.KeyPackage()
                        )
                )
        ),
        new(
            DeliveryRules.KeyPackageIdentity,
            "InvalidKeyPackage",
            "a request to be added with a key that is not enrolled",
            scene =>
                Both(
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            scene.Bob.Client.Reinstalled().KeyPackage()
                        ),
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            scene.Bob.Client.KeyPackage()
                        )
                )
        ),
        new(
            Rules.KeyPackageCipherSuite,
            "InvalidKeyPackage",
            "a request to be added with a key package of another cipher suite",
            scene =>
                Both(
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            new TestClient(2, scene.Bob.Client.Identity).KeyPackage()
                        ),
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            scene.Bob.Client.KeyPackage()
                        )
                )
        ),
        new(
            Rules.KeyPackageSignature,
            "InvalidKeyPackage",
            "a request to be added with a key package that is spoilt",
            scene =>
                Both(
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            Spoilt(scene.Bob.Client.KeyPackage())
                        ),
                    () =>
                        Asking_to_be_added_again.AskAsync(
                            scene.Service,
                            scene.Convo,
                            scene.Bob,
                            scene.Bob.Client.KeyPackage()
                        )
                )
        ),
        new(
            DeliveryRules.RemoveOfTarget,
            "InvalidCommit",
            "a removal that leaves the target's leaf",
            scene =>
                Both(
                    () => scene.Service.RemoveMemberAsync(scene.Convo, scene.Alice, scene.Bob.Did, scene.Control),
                    () => scene.Service.RemoveMemberAsync(scene.Convo, scene.Alice, scene.Bob.Did, scene.RemovingBob)
                )
        ),
        new(
            DeliveryRules.RemoveOfTarget,
            "InvalidCommit",
            "a removal of another than the target",
            scene =>
                Both(
                    () => scene.Service.RemoveMemberAsync(scene.Convo, scene.Alice, scene.Carol.Did, scene.RemovingBob),
                    () => scene.Service.RemoveMemberAsync(scene.Convo, scene.Alice, scene.Bob.Did, scene.RemovingBob)
                )
        ),
        new(
            DeliveryRules.RemoveOfTarget,
            "InvalidCommit",
            "a removal of oneself",
            scene =>
                Both(
                    () => scene.Service.RemoveMemberAsync(scene.Convo, scene.Alice, scene.Alice.Did, scene.Control),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control)
                )
        ),
        new(
            DeliveryRules.LeaveOfEachLeaf,
            "InvalidProposal",
            "a leave without a proposal for the leaf",
            scene =>
                Both(
                    () => scene.Service.LeaveAsync(scene.Convo, scene.Bob),
                    () => scene.Service.LeaveAsync(scene.Convo, scene.Bob, new SelfRemoveProposal())
                )
        ),
        new(
            DeliveryRules.LeaveOfEachLeaf,
            "InvalidProposal",
            "a leave with an Update",
            scene =>
                Both(
                    () =>
                        scene.Service.LeaveAsync(
                            scene.Convo,
                            scene.Bob,
                            new SelfRemoveProposal(),
                            scene.Group.UpdateOf(scene.Bob.Client)
                        ),
                    () =>
                        scene.Service.LeaveAsync(
                            scene.Convo,
                            scene.Bob,
                            new RemoveProposal(scene.Group.LeafOf(scene.Bob.Client))
                        )
                )
        ),
        new(
            DeliveryRules.AddOfBanned,
            "InvalidCommit",
            "an Add of a banned account",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                await scene.Service.BanAsync(scene.Carol.Did, scene.Convo.Id);
                return (
                    () => scene.AddAsync(package),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control)
                );
            }
        ),
        new(
            DeliveryRules.OneLeaf,
            "InvalidGroupInfo",
            "a group of two",
            scene =>
                Both(
                    () => scene.CreateAsync(scene.Group),
                    () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client))
                )
        ),
        new(
            DeliveryRules.WelcomeMissing,
            "InvalidWelcome",
            "an Add without a Welcome",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (() => scene.AddMembersAsync(scene.Adding(package), null), () => scene.AddAsync(package));
            }
        ),
        new(
            DeliveryRules.WelcomeMissing,
            "InvalidWelcome",
            "a Welcome without an Add",
            scene =>
                Both(
                    () =>
                        scene.Service.CommitAsync(
                            scene.Convo,
                            scene.Alice,
                            scene.Control,
                            ProposalBuilder.RandomWelcome(scene.Group.Suite, scene.Carol.Client.KeyPackage())
                        ),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control)
                )
        ),
        new(
            DeliveryRules.WelcomeRecipients,
            "InvalidWelcome",
            "a Welcome for another key package",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (
                    () =>
                        scene.AddMembersAsync(
                            scene.Adding(package),
                            ProposalBuilder.RandomWelcome(scene.Group.Suite, scene.Carol.Client.KeyPackage())
                        ),
                    () => scene.AddAsync(package)
                );
            }
        ),
        GroupInfoSize(
            "a conversation",
            static (scene, length) =>
                scene.CreateAsync(
                    DeliveryScene.WithGroupInfoOf(
                        length,
                        padding =>
                            TestGroup.Create(scene.Alice.Client).GroupInfoBy(scene.Alice.Client, padding: padding),
                        static info => info
                    )
                )
        ),
        GroupInfoSize(
            "a refresh",
            static (scene, length) =>
                scene.UpdateGroupInfoAsync(
                    scene.Bob,
                    DeliveryScene.WithGroupInfoOf(
                        length,
                        padding => scene.Group.GroupInfoBy(scene.Bob.Client, padding: padding),
                        static info => info
                    )
                )
        ),
        GroupInfoSize(
            "a commit",
            static (scene, length) =>
                scene.Service.CommitAsync(
                    scene.Convo,
                    scene.Alice,
                    DeliveryScene.WithGroupInfoOf(
                        length,
                        padding => Padded(scene.Group.Commit(scene.Alice.Client).WithPath(), padding),
                        static commit => commit.GroupInfo
                    )
                )
        ),
        GroupInfoSize(
            "an external commit",
            static (scene, length) =>
                scene.Service.JoinAsync(
                    scene.Convo,
                    scene.Tablet,
                    DeliveryScene.WithGroupInfoOf(
                        length,
                        padding => Padded(scene.Group.ExternalCommit(scene.Tablet.Client), padding),
                        static commit => commit.GroupInfo
                    )
                )
        ),
        new(
            DeliveryRules.GroupInfoSigner,
            "InvalidGroupInfo",
            "a GroupInfo that another member signed",
            scene =>
                Both(
                    () => scene.UpdateGroupInfoAsync(scene.Bob, scene.GroupInfoBy(scene.Alice)),
                    () => scene.UpdateGroupInfoAsync(scene.Bob, scene.GroupInfoBy(scene.Bob))
                )
        ),
        new(
            DeliveryRules.ExternalPubChanged,
            "InvalidGroupInfo",
            "a GroupInfo of the epoch with another external_pub",
            scene =>
                Both(
                    () =>
                        scene.UpdateGroupInfoAsync(
                            scene.Bob,
                            scene.GroupInfoBy(scene.Bob, scene.Bob.Client.NewKemKey())
                        ),
                    () => scene.UpdateGroupInfoAsync(scene.Bob, scene.GroupInfoBy(scene.Bob))
                )
        ),
        new(
            DeliveryRules.KeyPackageIdentity,
            "InvalidKeyPackage",
            "a key package of another device",
            scene =>
                Both(
                    () => scene.RegisterAsync(scene.Carol, scene.Bob.Client.KeyPackage()),
                    () => scene.RegisterAsync(scene.Carol, scene.Carol.Client.KeyPackage())
                )
        ),
        new(
            DeliveryRules.KeyPackageUsed,
            "InvalidKeyPackage",
            "a key package that was claimed",
            async scene =>
            {
                byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                await scene.Service.ClaimAsync(scene.Alice, scene.Carol);
                return (
                    () => scene.Service.PublishAsync(scene.Carol, package),
                    () => scene.Service.PublishAsync(scene.Carol, scene.Carol.Client.KeyPackage())
                );
            }
        ),
        new(
            DeliveryRules.ApplicationMessage,
            "InvalidRequest",
            "a proposal as a message",
            scene =>
                Both(
                    () => scene.SendAsync(scene.Group.Propose(scene.Alice.Client, new RemoveProposal(new(1)))),
                    () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group))
                )
        ),
        new(
            DeliveryRules.ApplicationMessage,
            "InvalidRequest",
            "an encrypted proposal as a message",
            scene =>
                Both(
                    () =>
                        scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group, type: ContentType.Proposal)),
                    () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group))
                )
        ),
        new(
            DeliveryRules.ApplicationMessage,
            "InvalidRequest",
            "a message of another group",
            scene =>
                Both(
                    () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(TestGroup.Create(scene.Alice.Client))),
                    () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group))
                )
        ),
        new(
            null,
            "Unauthorized",
            "a commit by somebody who is no member",
            scene =>
                Both(
                    () => scene.Service.CommitAsync(scene.Convo, scene.Carol, scene.Control),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control)
                )
        ),
        new(
            null,
            "NotAdmin",
            "a Remove of another account",
            scene =>
                Both(
                    () => scene.Service.CommitAsync(scene.Convo, scene.Bob, scene.Removing(scene.Bob, scene.Alice)),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Removing(scene.Alice, scene.Bob))
                )
        ),
        new(
            null,
            "EpochMismatch",
            "a commit for the epoch before",
            async scene =>
            {
                var (early, late) = (scene.Control, scene.Control);
                await scene.Service.CommitAsync(scene.Convo, scene.Alice, early);
                return (
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, late),
                    () =>
                        scene.Service.CommitAsync(
                            scene.Convo,
                            scene.Alice,
                            early.After!.Commit(scene.Alice.Client).WithPath().Build()
                        )
                );
            }
        ),
        new(
            null,
            "WrongUser",
            "an external commit with a key that is not enrolled",
            scene =>
                Both(
                    () =>
                        scene.Service.JoinAsync(
                            scene.Convo,
                            scene.Bob,
                            scene
                                .Group.ExternalCommit(scene.Bob.Client.Reinstalled())
                                .Remove(scene.Group.LeafOf(scene.Bob.Client))
                                .Build()
                        ),
                    () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync)
                )
        ),
        new(
            null,
            "DeviceNotApproved",
            "an external commit of a new device where that requires approval",
            async scene =>
            {
                var (convo, _, bob, tablet) = await Approving_devices.SceneAsync(scene.Service);
                return (
                    () => scene.Service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build()),
                    async () =>
                    {
                        await Approving_devices.ApproveAsync(scene.Service, convo, bob, tablet);
                        await scene.Service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build());
                    }
                );
            }
        ),
        new(
            null,
            "InvalidApproval",
            "an approval that the approved device signed",
            async scene =>
            {
                var (convo, _, bob, tablet) = await Approving_devices.SceneAsync(scene.Service);
                return (
                    () =>
                        scene
                            .Service.Get<DeviceApprovals>()
                            .ApproveDeviceAsync(
                                bob.Caller,
                                Approving_devices.Signed(convo, tablet, tablet, bob.DeviceId),
                                CancellationToken.None
                            ),
                    () => Approving_devices.ApproveAsync(scene.Service, convo, bob, tablet)
                );
            }
        ),
        new(
            null,
            "InvalidApproval",
            "a change of the rule in the epoch of another",
            async scene =>
            {
                await Requiring_approval.SetAsync(scene.Service, scene.Convo, scene.Alice, true);
                return (
                    () => Requiring_approval.SetAsync(scene.Service, scene.Convo, scene.Alice, false),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control)
                );
            }
        ),
        new(
            null,
            "GhostLeaf",
            "an external commit that leaves the old leaf",
            scene =>
                Both(
                    () =>
                        scene.Service.JoinAsync(
                            scene.Convo,
                            scene.Bob,
                            scene.Group.ExternalCommit(scene.Bob.Client).Build()
                        ),
                    () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync)
                )
        ),
        new(
            null,
            "ExternalCommitsDisabled",
            "an external commit while they are off",
            async scene =>
            {
                var flag = scene.Service.Get<ExternalCommitsFlag>();
                await flag.SetAsync(FlagState.Off, 0, "test", new("tester", ConsoleRole.Admin), null);
                return (
                    () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync),
                    async () =>
                    {
                        await flag.SetAsync(FlagState.On, 0, "test", new("tester", ConsoleRole.Admin), null);
                        await scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync);
                    }
                );
            }
        ),
        new(
            null,
            "VersionMismatch",
            "a change of the flag by an author who has seen another version",
            async scene =>
            {
                var flag = scene.Service.Get<ExternalCommitsFlag>();
                long version = (await flag.ReadAsync(CancellationToken.None)).Version;
                Task Change(long seen) =>
                    flag.SetAsync(FlagState.Off, 0, "test", new("tester", ConsoleRole.Admin), seen);
                return (() => Change(version - 1), () => Change(version));
            }
        ),
        new(
            null,
            "TooManyMembers",
            "an Add beyond the greatest number of leaves",
            async scene =>
            {
                byte[] tablet = await scene.PublishAsync(scene.Tablet, scene.Tablet.Client),
                    carol = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
                return (() => scene.AddAsync(tablet, carol), () => scene.AddAsync(carol));
            }
        ),
        new(
            null,
            "TurnPending",
            "a turn in a line that is full",
            async scene =>
            {
                await scene.FillLineAsync();
                return (
                    () => scene.AskTurnAsync(scene.Bob),
                    () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync)
                );
            }
        ),
        new(
            null,
            "RateLimitExceeded",
            "an external commit beyond those of an hour",
            async scene =>
            {
                var group = scene.Group;
                for (int i = 0; i < new CoreSettings().RejoinLimitPerHour; i++)
                {
                    var again = group.ExternalCommit(scene.Bob.Client).Remove(group.LeafOf(scene.Bob.Client)).Build();
                    await scene.Service.JoinAsync(scene.Convo, scene.Bob, again);
                    group = again.After!;
                }
                return (
                    () =>
                        scene.Service.JoinAsync(
                            scene.Convo,
                            scene.Bob,
                            group.ExternalCommit(scene.Bob.Client).Remove(group.LeafOf(scene.Bob.Client)).Build()
                        ),
                    () =>
                        scene.Service.JoinAsync(
                            scene.Convo,
                            scene.Alice,
                            group.ExternalCommit(scene.Alice.Client).Remove(group.LeafOf(scene.Alice.Client)).Build()
                        )
                );
            }
        ),
        new(
            null,
            "LeavePending",
            "a commit that leaves the leaf of who left",
            async scene =>
            {
                await scene.Service.LeaveAsync(scene.Convo, scene.Bob, new SelfRemoveProposal());
                return (
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.RemovingBob)
                );
            }
        ),
        new(
            null,
            "LastMember",
            "a leave of the only member",
            async scene =>
            {
                await scene.Service.LeaveAsync(scene.Convo, scene.Bob, new SelfRemoveProposal());
                return (
                    () => scene.Service.LeaveAsync(scene.Convo, scene.Alice, new SelfRemoveProposal()),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.RemovingBob)
                );
            }
        ),
        new(
            null,
            "LastAdmin",
            "a demotion of the only admin",
            scene =>
                Both(
                    () => scene.Service.DemoteAsync(scene.Convo, scene.Alice, scene.Alice.Did),
                    () => scene.Service.PromoteAsync(scene.Convo, scene.Alice, scene.Bob.Did)
                )
        ),
        new(
            null,
            "TooManyProposals",
            "one more of an account in an epoch",
            async scene =>
            {
                for (int i = 0; i < ProposalReceiver.MaxOfEpoch; i++)
                    await Update(scene.Bob)();
                return (Update(scene.Bob), Update(scene.Alice));

                Func<Task> Update(TestDevice member) =>
                    () =>
                        scene.Service.ProposeAsync(
                            scene.Convo,
                            member,
                            scene.Group.Propose(member.Client, scene.Group.UpdateOf(member.Client))
                        );
            }
        ),
        new(
            null,
            "GroupExists",
            "a group id that is taken",
            scene =>
                Both(
                    () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client, scene.Group.Group.GroupId.ToArray())),
                    () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client))
                )
        ),
        new(
            null,
            "UnsupportedCipherSuite",
            "a suite that this library has not",
            scene =>
                Both(
                    () =>
                        scene.CreateAsync(
                            DeliveryScene.WithSuite(TestGroup.Create(scene.Alice.Client).GroupInfo, 0xF0F0)
                        ),
                    () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client))
                )
        ),
        new(
            null,
            "DeviceAlreadyRegistered",
            "a key of another device",
            scene =>
                Both(
                    () => scene.Service.RegisterAsync("did:example:dora", "phone", scene.Bob.Client),
                    () =>
                        scene.Service.RegisterAsync(
                            "did:example:dora",
                            "phone",
                            new TestClient(1, "did:example:dora#phone")
                        )
                )
        ),
        new(
            null,
            "TooManyDevices",
            "one more than the greatest number",
            async scene =>
            {
                for (int i = 0; i < DeviceRegistry.MaxDevices; i++)
                    await scene.Service.EnrolAsync("did:example:dora", $"device-{i}");
                return (
                    () => scene.Service.EnrolAsync("did:example:dora", "one-more"),
                    () => scene.Service.EnrolAsync("did:example:emil", "one-more")
                );
            }
        ),
        new(
            null,
            "TooManyKeyPackages",
            "more than the greatest number",
            async scene =>
            {
                await scene.Service.PublishAsync(
                    scene.Carol,
                    [
                        .. Enumerable
                            .Range(0, KeyPackageStore.MaxOfDevice - 1)
                            .Select(_ => scene.Carol.Client.KeyPackage()),
                    ]
                );
                return (
                    () =>
                        scene.Service.PublishAsync(
                            scene.Carol,
                            scene.Carol.Client.KeyPackage(),
                            scene.Carol.Client.KeyPackage()
                        ),
                    () => scene.Service.PublishAsync(scene.Carol, scene.Carol.Client.KeyPackage())
                );
            }
        ),
        new(
            null,
            "WelcomeNotFound",
            "another account's Welcome",
            async scene =>
            {
                var welcomes = scene.Service.Get<WelcomeDelivery>();
                string id = (
                    await welcomes.GetWelcomesAsync(scene.Bob.Caller, scene.Bob.DeviceId, CancellationToken.None)
                )[0].Id;
                Task Confirm(TestDevice by) =>
                    welcomes.ConfirmWelcomeAsync(by.Caller, new(id, true, null, null), CancellationToken.None);
                return (() => Confirm(scene.Alice), () => Confirm(scene.Bob));
            }
        ),
        new(
            null,
            "MessageTooLarge",
            "a byte more than the limit",
            scene =>
                Both(
                    () => scene.SendAsync(scene.MessageOf(DeliveryScene.MaxMessageBytes + 1)),
                    () => scene.SendAsync(scene.MessageOf(DeliveryScene.MaxMessageBytes))
                )
        ),
        new(
            null,
            "IdempotencyConflict",
            "a key that was used with another commit",
            async scene =>
            {
                var (first, other) = (scene.Control, scene.Control);
                await scene.Service.CommitAsync(scene.Convo, scene.Alice, first, key: "key");
                var next = first.After!.Commit(scene.Alice.Client).WithPath().Build();
                return (
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, other, key: "key"),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, next, key: "another")
                );
            }
        ),
        new(
            null,
            "InvalidRequest",
            "a device id with a #",
            scene =>
                Both(
                    () => scene.Service.EnrolAsync("did:example:dora", "a#b"),
                    () => scene.Service.EnrolAsync("did:example:dora", "a-b")
                )
        ),
    ];

    public static TheoryData<string> Titles => [.. Cases.Select(item => item.Title)];

    [Theory, MemberData(nameof(Titles))]
    public async Task Refused_with_its_rule_and_without_effect(string title)
    {
        var expected = Cases.Single(item => item.Title == title);
        await using var scene = await DeliveryScene.StartAsync();
        var (broken, control) = await expected.Send(scene);
        // A GroupInfo with another external_pub is refused, and its epoch is marked as a suspected fork.
        string[] changed = expected.Rule == DeliveryRules.ExternalPubChanged ? ["epoch_agreements"] : [];
        string before = await scene.Service.StateAsync(changed);
        var refused = (await Assert.ThrowsAnyAsync<RefusedException>(broken)).Refusal;
        Assert.Equal((expected.Error, expected.Rule?.Id), (refused.Error, refused.Rule));
        Assert.Equal(before, await scene.Service.StateAsync(changed));
        await control();
        Assert.NotEqual(before, await scene.Service.StateAsync(changed));
    }

    private static Refused GroupInfoSize(string of, Func<DeliveryScene, int, Task> send) =>
        new(
            DeliveryRules.GroupInfoSize,
            "InvalidGroupInfo",
            $"{of} whose GroupInfo has a byte too many",
            scene =>
                Both(
                    () => send(scene, HandshakeMessages.MaxGroupInfoBytes + 1),
                    () => send(scene, HandshakeMessages.MaxGroupInfoBytes)
                )
        );

    private static BuiltCommit Padded(CommitBuilder commit, int padding)
    {
        commit.GroupInfoPadding = padding;
        return commit.Build();
    }

    private static byte[] Spoilt(byte[] bytes)
    {
        bytes[^1] ^= 1;
        return bytes;
    }

    private static Task<(Func<Task>, Func<Task>)> Both(Func<Task> broken, Func<Task> control) =>
        Task.FromResult((broken, control));

    /// <summary>Bob's proposal; the control is an Update of his leaf.</summary>
    private static Refused Proposal(Rule rule, string name, Func<DeliveryScene, byte[]> build) =>
        new(
            rule,
            "InvalidProposal",
            name,
            scene =>
                Both(
                    () => scene.Service.ProposeAsync(scene.Convo, scene.Bob, build(scene)),
                    () =>
                        scene.Service.ProposeAsync(
                            scene.Convo,
                            scene.Bob,
                            scene.Group.Propose(scene.Bob.Client, scene.Group.UpdateOf(scene.Bob.Client))
                        )
                )
        );

    private static Refused Commit(
        Rule rule,
        string name,
        Func<DeliveryScene, (BuiltCommit Broken, BuiltCommit Control)> build
    ) =>
        new(
            rule,
            "InvalidCommit",
            name,
            scene =>
            {
                var (broken, control) = build(scene);
                return Both(
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, broken),
                    () => scene.Service.CommitAsync(scene.Convo, scene.Alice, control)
                );
            }
        );
}
