using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.Events;
using MlsConsole.Core.ExternalCommits;
using MlsConsole.Core.Forks;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Proposals;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Welcomes;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// Every procedure: the same call again is answered again and done once, the same key with other objects is a conflict,
/// and whoever may not is in the audit log.
/// </summary>
public class Calling_twice
{
    private const string Key = "a key";

    private sealed record Scene(Service Service, TestConvo Convo, TestDevice Alice, TestDevice Bob, TestDevice Carol);

    /// <summary>A call as often as it is wanted.</summary>
    /// <param name="Device">Who calls.</param>
    /// <param name="Send">Sends it, with the key; or with other objects.</param>
    private sealed record Call(TestDevice Device, Func<Caller, bool, Task<object>> Send);

    private static Dictionary<string, Func<Scene, Task<Call>>> Procedures { get; } =
        new()
        {
            ["acknowledgeEpoch"] = scene =>
                At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<EpochAcknowledgements>()
                            .AcknowledgeEpochAsync(
                                caller,
                                new(
                                    scene.Convo.Id,
                                    scene.Bob.DeviceId,
                                    1,
                                    new byte[] { other ? (byte)1 : (byte)0 }
                                        .Concat(new byte[31])
                                        .ToArray(),
                                    Key
                                ),
                                default
                            )
                ),
            ["addMembers"] = async scene =>
            {
                byte[] package = scene.Carol.Client.KeyPackage();
                await scene.Service.PublishAsync(scene.Carol, package);
                return Member(
                    scene,
                    scene.Alice,
                    scene.Convo.Group.Commit(scene.Alice.Client).Add(package).WithPath().Build(),
                    ProposalBuilder.RandomWelcome(scene.Convo.Group.Suite, package),
                    static (commits, caller, input) => commits.AddMembersAsync(caller, input, default)
                );
            },
            ["approveDevice"] = async scene =>
            {
                var input = Approving_devices.Signed(
                    scene.Convo,
                    scene.Bob,
                    await scene.Service.EnrolAsync(scene.Bob.Did, "tablet")
                ) with
                {
                    IdempotencyKey = Key,
                };
                return new(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<DeviceApprovals>()
                            .ApproveDeviceAsync(caller, other ? input with { DeviceId = "another" } : input, default)
                );
            },
            ["banMember"] = scene =>
                At(
                    scene.Alice,
                    async (caller, other) =>
                        await scene
                            .Service.Get<Bans>()
                            .BanMemberAsync(
                                caller,
                                new(scene.Convo.Id, Did.Parse((other ? scene.Carol : scene.Bob).Did), null, Key),
                                default
                            )
                ),
            ["claimKeyPackages"] = async scene =>
            {
                await scene.Service.PublishAsync(
                    scene.Bob,
                    scene.Bob.Client.KeyPackage(),
                    scene.Bob.Client.KeyPackage()
                );
                return new(
                    scene.Alice,
                    async (caller, other) =>
                        await scene
                            .Service.Get<KeyPackageStore>()
                            .ClaimKeyPackagesAsync(
                                caller,
                                new([Did.Parse((other ? scene.Carol : scene.Bob).Did)], scene.Bob.Client.Suite.Id, Key),
                                default
                            )
                );
            },
            ["commit"] = scene =>
                Task.FromResult(
                    Member(
                        scene,
                        scene.Alice,
                        scene.Convo.Group.Commit(scene.Alice.Client).WithPath().Build(),
                        null,
                        static (commits, caller, input) => commits.CommitAsync(caller, input, default)
                    )
                ),
            ["confirmWelcome"] = async scene =>
            {
                var welcome = Assert.Single(
                    await scene
                        .Service.Get<WelcomeDelivery>()
                        .GetWelcomesAsync(scene.Bob.Caller, scene.Bob.DeviceId, default)
                );
                return new(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<WelcomeDelivery>()
                            .ConfirmWelcomeAsync(caller, new(welcome.Id, !other, null, Key), default)
                );
            },
            ["createConvo"] = scene =>
            {
                byte[] groupInfo = TestGroup.Create(scene.Bob.Client).GroupInfo;
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<ConversationCreator>()
                            .CreateConvoAsync(caller, new(groupInfo, null, other ? "another" : null, Key), default)
                );
            },
            ["deleteDevice"] = scene =>
                At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<DeviceRegistry>()
                            .DeleteDeviceAsync(caller, new(other ? "another" : scene.Bob.DeviceId, Key), default)
                ),
            ["demoteAdmin"] = async scene =>
            {
                await scene.Service.PromoteAsync(scene.Convo, scene.Alice, scene.Bob.Did);
                return new(
                    scene.Alice,
                    async (caller, other) =>
                        await scene
                            .Service.Get<Admins>()
                            .DemoteAdminAsync(
                                caller,
                                new(scene.Convo.Id, Did.Parse((other ? scene.Carol : scene.Bob).Did), null, Key),
                                default
                            )
                );
            },
            // It has no objects.
            ["getSubscriptionTicket"] = scene =>
                At(
                    scene.Bob,
                    async (caller, _) => await scene.Service.Get<SubscriptionTickets>().IssueAsync(caller, Key, default)
                ),
            ["groupInfoRefresh"] = scene =>
                At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<GroupInfoPublisher>()
                            .RequestRefreshAsync(caller, other ? "another" : scene.Convo.Id, Key, default)
                ),
            ["leaveConvo"] = scene =>
            {
                byte[] proposal = scene.Convo.Group.Propose(
                    scene.Bob.Client,
                    new Mls.RemoveProposal(scene.Convo.Group.LeafOf(scene.Bob.Client))
                );
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<Leaving>()
                            .LeaveConvoAsync(caller, new(scene.Convo.Id, other ? [] : [proposal], Key), default)
                );
            },
            ["processExternalCommit"] = scene =>
            {
                var commit = scene
                    .Convo.Group.ExternalCommit(scene.Bob.Client)
                    .Remove(scene.Convo.Group.LeafOf(scene.Bob.Client))
                    .Build();
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<ExternalCommitProcessor>()
                            .ProcessExternalCommitAsync(
                                caller,
                                new(scene.Convo.Id, commit.Commit, other ? default : commit.GroupInfo, null, null, Key),
                                default
                            )
                );
            },
            ["promoteAdmin"] = scene =>
                At(
                    scene.Alice,
                    async (caller, other) =>
                        await scene
                            .Service.Get<Admins>()
                            .PromoteAdminAsync(
                                caller,
                                new(scene.Convo.Id, Did.Parse((other ? scene.Carol : scene.Bob).Did), null, Key),
                                default
                            )
                ),
            ["publishKeyPackages"] = scene =>
            {
                byte[] package = scene.Bob.Client.KeyPackage();
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<KeyPackageStore>()
                            .PublishKeyPackagesAsync(
                                caller,
                                new(scene.Bob.DeviceId, [new(package, false)], Key, Replace: other),
                                default
                            )
                );
            },
            ["registerDevice"] = scene =>
            {
                byte[] key = new TestClient(1, $"{scene.Bob.Did}#tablet").SignatureKey.PublicKey;
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<DeviceRegistry>()
                            .RegisterDeviceAsync(
                                caller,
                                new(other ? "another" : "tablet", "A device", key, null, [], Key),
                                default
                            )
                );
            },
            ["rejoin"] = scene =>
            {
                byte[] package = scene.Bob.Client.KeyPackage();
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<RejoinRequests>()
                            .RejoinAsync(caller, new(scene.Convo.Id, other ? default : package, null, Key), default)
                );
            },
            ["removeMember"] = scene =>
                Task.FromResult(
                    Member(
                        scene,
                        scene.Alice,
                        scene
                            .Convo.Group.Commit(scene.Alice.Client)
                            .Remove(scene.Convo.Group.LeafOf(scene.Bob.Client))
                            .Build(),
                        null,
                        (commits, caller, input) =>
                            commits.RemoveMemberAsync(caller, input, Did.Parse(scene.Bob.Did), null, default)
                    )
                ),
            ["reportRejoinOutcome"] = scene =>
                At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<RejoinOutcomes>()
                            .ReportAsync(
                                caller,
                                scene.Convo.Id,
                                scene.Bob.DeviceId,
                                new(RejoinWay.Legacy, !other, 1, TimeSpan.FromSeconds(1), null),
                                Key,
                                default
                            )
                ),
            ["sendMessage"] = scene =>
            {
                byte[] message = ProposalBuilder.RandomPrivateMessage(scene.Convo.Group);
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<MessageDelivery>()
                            .SendMessageAsync(caller, new(scene.Convo.Id, other ? default : message, Key), default)
                );
            },
            ["sendProposal"] = scene =>
            {
                byte[] proposal = scene.Convo.Group.Propose(
                    scene.Bob.Client,
                    scene.Convo.Group.UpdateOf(scene.Bob.Client)
                );
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<ProposalReceiver>()
                            .SendProposalAsync(caller, new(scene.Convo.Id, other ? default : proposal, Key), default)
                );
            },
            ["setDeviceApproval"] = scene =>
            {
                var input = Requiring_approval.Signed(scene.Convo, scene.Alice, true) with { IdempotencyKey = Key };
                return At(
                    scene.Alice,
                    async (caller, other) =>
                        await scene
                            .Service.Get<DeviceApprovals>()
                            .SetDeviceApprovalAsync(caller, other ? input with { Required = false } : input, default)
                );
            },
            ["unbanMember"] = async scene =>
            {
                await scene.Service.BanAsync(scene.Bob.Did, scene.Convo.Id);
                return new(
                    scene.Alice,
                    async (caller, other) =>
                        await scene
                            .Service.Get<Bans>()
                            .UnbanMemberAsync(
                                caller,
                                new(scene.Convo.Id, Did.Parse((other ? scene.Carol : scene.Bob).Did), null, Key),
                                default
                            )
                );
            },
            ["updateGroupInfo"] = scene =>
            {
                byte[] groupInfo = scene.Convo.Group.GroupInfoBy(scene.Bob.Client);
                return At(
                    scene.Bob,
                    async (caller, other) =>
                        await scene
                            .Service.Get<GroupInfoPublisher>()
                            .UpdateGroupInfoAsync(
                                caller,
                                new(scene.Convo.Id, other ? default : groupInfo, Key),
                                default
                            )
                );
            },
        };

    public static TheoryData<string> Names => [.. Procedures.Keys];
    public static TheoryData<string> WithObjects => [.. Procedures.Keys.Except(["getSubscriptionTicket"])];

    [Fact]
    public void Every_procedure_of_the_lexicons_is_here()
    {
        var procedures = new List<string>();
        foreach (
            string file in Directory.EnumerateFiles(
                Path.Combine(ValidationTable.Repository, "lexicons"),
                "*.json",
                SearchOption.AllDirectories
            )
        )
        {
            using var lexicon = JsonDocument.Parse(File.ReadAllBytes(file));
            if (
                lexicon.RootElement.GetProperty("defs").TryGetProperty("main", out var main)
                && main.GetProperty("type").GetString() == "procedure"
            )
                procedures.Add(Path.GetFileNameWithoutExtension(file));
        }
        Assert.Equal(procedures.Order(StringComparer.Ordinal), Procedures.Keys.Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Names))]
    public async Task The_same_call_gets_the_same_answer_and_is_done_once_also_after_a_restart(string procedure)
    {
        await using var service = await Service.StartAsync();
        var call = await Procedures[procedure](await StartAsync(service));
        int before = await AuditedAsync(service);
        string first = Json(await call.Send(call.Device.Caller, false)),
            done = await service.StateAsync();
        Assert.Equal(first, Json(await call.Send(call.Device.Caller, false)));
        await service.RestartAsync();
        Assert.Equal(first, Json(await call.Send(call.Device.Caller, false)));
        Assert.Equal(done, await service.StateAsync());
        Assert.Equal(before + 1, await AuditedAsync(service));
        Assert.Equal((call.Device.Did, procedure, RequestOutcomes.Accepted), await LastAsync(service));
    }

    [Theory, MemberData(nameof(WithObjects))]
    public async Task Other_objects_under_the_same_key_are_refused_and_change_nothing(string procedure)
    {
        await using var service = await Service.StartAsync();
        var call = await Procedures[procedure](await StartAsync(service));
        await call.Send(call.Device.Caller, false);
        string done = await service.StateAsync();
        Assert.Equal(
            Refusal.IdempotencyConflict,
            (await Assert.ThrowsAsync<RefusedException>(() => call.Send(call.Device.Caller, true))).Refusal
        );
        Assert.Equal(done, await service.StateAsync());
    }

    [Theory, MemberData(nameof(Names))]
    public async Task Whoever_may_not_changes_nothing_and_is_in_the_audit_log(string procedure)
    {
        await using var service = await Service.StartAsync();
        var call = await Procedures[procedure](await StartAsync(service));
        var stranger = await service.EnrolAsync("did:example:mallory", "laptop");
        await service.Get<Bans>().BanAccountAsync(Actor.CommandLine, Did.Parse(stranger.Did), null, default);
        string done = await service.StateAsync();
        int before = await AuditedAsync(service);
        var refused = (await Assert.ThrowsAsync<RefusedException>(() => call.Send(stranger.Caller, false))).Refusal;
        Assert.Equal(done, await service.StateAsync());
        Assert.Equal(before + 1, await AuditedAsync(service));
        Assert.Equal((stranger.Did, procedure, refused.Error), await LastAsync(service));
    }

    private static async Task<int> AuditedAsync(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<AuditEntry>().CountAsync();
    }

    private static async Task<(string Actor, string Action, string Outcome)> LastAsync(Service service)
    {
        var entry = Assert.Single(await service.Get<AuditLog>().LatestAsync(1, default));
        return (entry.Actor, entry.Action, entry.Outcome);
    }

    private static Task<Call> At(TestDevice device, Func<Caller, bool, Task<object>> send) =>
        Task.FromResult(new Call(device, send));

    private static Call Member(
        Scene scene,
        TestDevice device,
        BuiltCommit commit,
        byte[]? welcome,
        Func<MemberCommits, Caller, MemberCommitRequest, Task<CommitResult>> send
    ) =>
        new(
            device,
            async (caller, other) =>
                await send(
                    scene.Service.Get<MemberCommits>(),
                    caller,
                    new(
                        scene.Convo.Id,
                        commit.Commit,
                        other ? default : commit.GroupInfo,
                        null,
                        welcome ?? default(ReadOnlyMemory<byte>?),
                        Key
                    )
                )
        );

    private static string Json(object answer) => JsonSerializer.Serialize(answer, answer.GetType());

    private static async Task<Scene> StartAsync(Service service)
    {
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        return new(service, convo, alice, bob, await service.EnrolAsync("did:example:carol", "phone"));
    }
}
