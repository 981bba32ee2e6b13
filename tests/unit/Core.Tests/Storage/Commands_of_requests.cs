using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Events;
using MlsConsole.Core.Forks;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Identity;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.RateLimits;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Welcomes;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// What a request costs the database: as many commands in a conversation of two as in one of two hundred, and each of
/// them finds its rows by an index.
/// </summary>
public class Commands_of_requests
{
    private sealed record Scene(Service Service, TestConvo Convo, TestDevice Alice, TestDevice Bob);

    private static Dictionary<string, Func<Scene, Task>> Requests { get; } =
        new()
        {
            ["createConvo"] = scene => scene.Service.CreateConvoAsync(scene.Alice),
            ["getConvo"] = scene =>
                scene
                    .Service.Get<ConversationReader>()
                    .GetConvoAsync(scene.Alice.Caller, scene.Convo.Id, CancellationToken.None),
            ["getConvos"] = scene =>
                scene
                    .Service.Get<ConversationReader>()
                    .GetConvosAsync(scene.Alice.Caller, new(null, 50), CancellationToken.None),
            ["getConvos, second page"] = scene =>
                scene
                    .Service.Get<ConversationReader>()
                    .GetConvosAsync(scene.Alice.Caller, new("0", 50), CancellationToken.None),
            ["getExpectedConversations"] = scene =>
                scene
                    .Service.Get<ConversationReader>()
                    .GetExpectedConversationsAsync(scene.Alice.Caller, scene.Alice.DeviceId, CancellationToken.None),
            ["getCommits"] = scene =>
                scene
                    .Service.Get<ConversationReader>()
                    .GetCommitsAsync(scene.Alice.Caller, new(scene.Convo.Id, 0, null), CancellationToken.None),
            ["getMessages"] = scene =>
                scene
                    .Service.Get<MessageDelivery>()
                    .GetMessagesAsync(scene.Alice.Caller, new(scene.Convo.Id, 0, 50), CancellationToken.None),
            ["getWelcomes"] = scene =>
                scene
                    .Service.Get<WelcomeDelivery>()
                    .GetWelcomesAsync(scene.Bob.Caller, scene.Bob.DeviceId, CancellationToken.None),
            ["getGroupInfo"] = scene =>
                scene
                    .Service.Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(scene.Alice.Caller, new(scene.Convo.Id, true), CancellationToken.None),
            ["getGroupInfo with a turn"] = scene =>
                scene
                    .Service.Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(
                        scene.Alice.Caller,
                        new(scene.Convo.Id, true, scene.Alice.DeviceId),
                        CancellationToken.None
                    ),
            ["processExternalCommit with a turn"] = async scene =>
            {
                var info = await scene
                    .Service.Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(
                        scene.Bob.Caller,
                        new(scene.Convo.Id, true, scene.Bob.DeviceId),
                        CancellationToken.None
                    );
                await scene.Service.JoinAsync(
                    scene.Convo,
                    scene.Bob,
                    scene
                        .Convo.Group.ExternalCommit(scene.Bob.Client)
                        .Remove(scene.Convo.Group.LeafOf(scene.Bob.Client))
                        .Build(),
                    turnId: info.Turn!.Id
                );
            },
            ["updateGroupInfo"] = scene =>
                scene
                    .Service.Get<GroupInfoPublisher>()
                    .UpdateGroupInfoAsync(
                        scene.Bob.Caller,
                        new(scene.Convo.Id, scene.Convo.Group.GroupInfoBy(scene.Bob.Client), null),
                        CancellationToken.None
                    ),
            ["groupInfoRefresh"] = scene =>
                scene
                    .Service.Get<GroupInfoPublisher>()
                    .RequestRefreshAsync(scene.Bob.Caller, scene.Convo.Id, null, CancellationToken.None),
            ["acknowledgeEpoch"] = scene =>
                scene
                    .Service.Get<EpochAcknowledgements>()
                    .AcknowledgeEpochAsync(
                        scene.Bob.Caller,
                        new(scene.Convo.Id, scene.Bob.DeviceId, 0, new byte[32], null),
                        CancellationToken.None
                    ),
            ["reportRejoinOutcome"] = scene =>
                scene
                    .Service.Get<RejoinOutcomes>()
                    .ReportAsync(
                        scene.Bob.Caller,
                        scene.Convo.Id,
                        scene.Bob.DeviceId,
                        new(RejoinWay.Legacy, true, 1, TimeSpan.Zero, null),
                        null,
                        CancellationToken.None
                    ),
            ["rejoin"] = scene =>
                Asking_to_be_added_again.AskAsync(scene.Service, scene.Convo, scene.Bob, scene.Bob.Client.KeyPackage()),
            ["getRejoinRequests"] = scene =>
                scene
                    .Service.Get<RejoinRequests>()
                    .GetRejoinRequestsAsync(scene.Bob.Caller, scene.Convo.Id, CancellationToken.None),
            ["rejoin, and addMembers that answers"] = async scene =>
            {
                byte[] package = scene.Bob.Client.KeyPackage();
                var asked = await Asking_to_be_added_again.AskAsync(scene.Service, scene.Convo, scene.Bob, package);
                await Asking_to_be_added_again.AddAsync(
                    scene.Service,
                    scene.Convo,
                    scene.Alice,
                    Asking_to_be_added_again.Answer(scene.Convo, scene.Alice, scene.Bob, package),
                    package,
                    asked.RequestId
                );
            },
            ["banMember"] = scene =>
                scene
                    .Service.Get<Bans>()
                    .BanMemberAsync(
                        scene.Alice.Caller,
                        new(scene.Convo.Id, Did.Parse(scene.Bob.Did), null, null),
                        CancellationToken.None
                    ),
            ["unbanMember"] = async scene =>
            {
                await scene.Service.BanAsync(scene.Bob.Did, scene.Convo.Id);
                await scene
                    .Service.Get<Bans>()
                    .UnbanMemberAsync(
                        scene.Alice.Caller,
                        new(scene.Convo.Id, Did.Parse(scene.Bob.Did), null, null),
                        CancellationToken.None
                    );
            },
            ["registerDevice"] = scene => scene.Service.EnrolAsync(scene.Bob.Did, "tablet"),
            ["confirmWelcome"] = async scene =>
                await scene
                    .Service.Get<WelcomeDelivery>()
                    .ConfirmWelcomeAsync(
                        scene.Bob.Caller,
                        new(
                            (
                                await scene
                                    .Service.Get<WelcomeDelivery>()
                                    .GetWelcomesAsync(scene.Bob.Caller, scene.Bob.DeviceId, CancellationToken.None)
                            )
                                .Single()
                                .Id,
                            true,
                            null,
                            null
                        ),
                        CancellationToken.None
                    ),
            ["addMembers"] = async scene =>
                await scene.Service.AddAsync(
                    scene.Convo,
                    scene.Alice,
                    await scene.Service.EnrolAsync(scene.Bob.Did, "tablet")
                ),
            ["removeMember"] = scene =>
                scene.Service.RemoveMemberAsync(
                    scene.Convo,
                    scene.Alice,
                    scene.Bob.Did,
                    scene
                        .Convo.Group.Commit(scene.Alice.Client)
                        .Remove(scene.Convo.Group.LeafOf(scene.Bob.Client))
                        .Build()
                ),
            ["leaveConvo"] = scene =>
                scene.Service.LeaveAsync(
                    scene.Convo,
                    scene.Bob,
                    new Mls.RemoveProposal(scene.Convo.Group.LeafOf(scene.Bob.Client))
                ),
            ["promoteAdmin, demoteAdmin"] = async scene =>
            {
                await scene.Service.PromoteAsync(scene.Convo, scene.Alice, scene.Bob.Did);
                await scene.Service.DemoteAsync(scene.Convo, scene.Alice, scene.Bob.Did);
            },
            ["sendMessage"] = scene =>
                scene
                    .Service.Get<MessageDelivery>()
                    .SendMessageAsync(
                        scene.Bob.Caller,
                        new(scene.Convo.Id, ProposalBuilder.RandomPrivateMessage(scene.Convo.Group), null),
                        CancellationToken.None
                    ),
            ["getSubscriptionTicket, and its use"] = async scene =>
            {
                var tickets = scene.Service.Get<SubscriptionTickets>();
                await tickets.TryUseAsync(
                    (await tickets.IssueAsync(scene.Bob.Caller, null, CancellationToken.None)).Ticket,
                    CancellationToken.None
                );
            },
            ["a token of whichever method"] = scene =>
                scene.Service.Get<TokenReplay>().TryUseAsync(scene.Bob.Did, "jti", DateTimeOffset.UtcNow.AddMinutes(1)),
            ["a shared count of requests"] = scene =>
                scene
                    .Service.Get<RateWindows>()
                    .AddAsync(new byte[32], DateTimeOffset.UnixEpoch, TimeSpan.FromMinutes(1), 1),
            ["events for a subscriber"] = async scene =>
            {
                var reader = scene.Service.Get<EventReader>();
                await reader.RangeAsync(CancellationToken.None);
                await reader.ReadForAsync(scene.Bob.Did, 0, CancellationToken.None);
                await reader.ReadAsync(0, bodies: true, CancellationToken.None);
            },
            ["listDevices"] = scene =>
                scene.Service.Get<DeviceRegistry>().ListDevicesAsync(scene.Alice.Caller, CancellationToken.None),
            ["getKeyPackageStats"] = scene =>
                scene
                    .Service.Get<KeyPackageStore>()
                    .GetKeyPackageStatsAsync(scene.Bob.Caller, scene.Bob.DeviceId, CancellationToken.None),
            ["publishKeyPackages"] = scene =>
                scene.Service.PublishAsync(
                    scene.Bob,
                    scene.Bob.Client.KeyPackage(),
                    scene.Bob.Client.KeyPackage(lastResort: true)
                ),
            ["claimKeyPackages"] = scene => scene.Service.ClaimAsync(scene.Alice, scene.Bob),
            ["processExternalCommit"] = scene =>
                scene.Service.JoinAsync(
                    scene.Convo,
                    scene.Bob,
                    scene
                        .Convo.Group.ExternalCommit(scene.Bob.Client)
                        .Remove(scene.Convo.Group.LeafOf(scene.Bob.Client))
                        .Build()
                ),
            ["approveDevice"] = scene => ApprovedAsync(scene),
            ["setDeviceApproval"] = scene => Requiring_approval.SetAsync(scene.Service, scene.Convo, scene.Alice, true),
            ["getGroupInfo of an approved device"] = async scene =>
            {
                var tablet = await ApprovedAsync(scene);
                await scene
                    .Service.Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(
                        tablet.Caller,
                        new(scene.Convo.Id, true, tablet.DeviceId),
                        CancellationToken.None
                    );
            },
            ["rejoin of an approved device"] = async scene =>
            {
                var tablet = await ApprovedAsync(scene);
                await Asking_to_be_added_again.AskAsync(scene.Service, scene.Convo, tablet, tablet.Client.KeyPackage());
            },
            ["processExternalCommit of an approved device"] = async scene =>
            {
                var tablet = await ApprovedAsync(scene);
                await scene.Service.JoinAsync(
                    scene.Convo,
                    tablet,
                    scene
                        .Convo.Group.ExternalCommit(tablet.Client)
                        .Remove(scene.Convo.Group.LeafOf(scene.Bob.Client))
                        .Build()
                );
            },
            ["commit"] = scene =>
                scene.Service.CommitAsync(
                    scene.Convo,
                    scene.Alice,
                    scene.Convo.Group.Commit(scene.Alice.Client).WithPath().Build()
                ),
            ["sendProposal"] = scene =>
                scene.Service.ProposeAsync(
                    scene.Convo,
                    scene.Bob,
                    scene.Convo.Group.Propose(scene.Bob.Client, scene.Convo.Group.UpdateOf(scene.Bob.Client))
                ),
            ["deleteDevice"] = scene =>
                scene
                    .Service.Get<DeviceRegistry>()
                    .DeleteDeviceAsync(scene.Bob.Caller, new(scene.Bob.DeviceId, null), CancellationToken.None),
        };

    public static TheoryData<string> Names => [.. Requests.Keys];

    [Theory, MemberData(nameof(Names))]
    public async Task As_many_for_two_members_as_for_two_hundred(string request)
    {
        var counts = new List<int>();
        foreach (int members in (int[])[2, 200])
        {
            await using var service = await Service.StartAsync();
            var scene = await StartAsync(service, members);
            counts.Add((await SentCommands.OfAsync(() => Requests[request](scene))).Count);
        }
        Assert.InRange(counts[0], 1, 50);
        Assert.Equal(counts[0], counts[1]);
    }

    [Fact]
    public async Task The_statements_of_an_epoch_are_among_them_also_where_they_are_one_batch()
    {
        await using var service = await Service.StartAsync();
        var scene = await StartAsync(service, 2);
        var sent = await SentCommands.OfAsync(() => Requests["processExternalCommit"](scene));
        foreach (
            string start in (string[])
                [
                    "UPDATE conversations SET epoch",
                    "INSERT INTO log",
                    "INSERT INTO outbox",
                    "INSERT INTO leaves",
                    "INSERT INTO audit",
                    "INSERT INTO idempotency",
                ]
        )
            Assert.Contains(sent, command => command.Text.TrimStart().StartsWith(start, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_turn_that_nobody_else_waits_for_costs_one_command()
    {
        await using var service = await Service.StartAsync();
        var scene = await StartAsync(service, 2);
        await Requests["getGroupInfo"](scene); // the first asks for the flag too
        var counts = new List<int>();
        foreach (string request in (string[])["getGroupInfo", "getGroupInfo with a turn"])
            counts.Add((await SentCommands.OfAsync(() => Requests[request](scene))).Count);
        Assert.Equal(counts[0] + 1, counts[1]); // a row in the line
    }

    [Fact]
    public async Task A_rejoin_asks_five_questions()
    {
        await using var service = await Service.StartAsync();
        var scene = await StartAsync(service, 2);
        await Requests["getGroupInfo"](scene); // the first asks for the flag too
        foreach (
            var (request, questions) in ((string, int)[])
                [
                    ("getWelcomes", 1),
                    ("getGroupInfo with a turn", 2),
                    ("processExternalCommit", 1),
                    ("reportRejoinOutcome", 1),
                ]
        )
            Assert.Equal(
                (request, questions),
                (
                    request,
                    (await SentCommands.OfAsync(() => Requests[request](scene))).Count(command =>
                        command.Text.StartsWith("SELECT", StringComparison.Ordinal)
                    )
                )
            );
    }

    [Theory, MemberData(nameof(Names))]
    public async Task A_GroupInfo_is_read_by_those_alone_who_ask_for_it(string request)
    {
        await using var service = await Service.StartAsync();
        var scene = await StartAsync(service, 2);
        var sent = await SentCommands.OfAsync(() => Requests[request](scene));
        Assert.Equal(
            request.StartsWith("getGroupInfo", StringComparison.Ordinal)
                || request is "updateGroupInfo" or "processExternalCommit with a turn",
            sent.Any(command =>
                command.Text.StartsWith("SELECT", StringComparison.Ordinal)
                && Regex.IsMatch(command.Text, @"\bgroup_info\b")
            )
        );
    }

    [Theory, MemberData(nameof(Names))]
    public async Task Every_row_is_found_by_an_index(string request)
    {
        await using var service = await Service.StartAsync();
        var scene = await StartAsync(service, 2);
        await MustUseIndexesAsync(service, await SentCommands.OfAsync(() => Requests[request](scene)));
    }

    internal static async Task MustUseIndexesAsync(Service service, IEnumerable<SentCommand> sent)
    {
        foreach (var command in sent)
        foreach (string statement in command.Text.Split([";\n", ";\r\n"], StringSplitOptions.RemoveEmptyEntries))
        {
            var plan = await service.PlanAsync(statement, command.Parameters);
            // By the first half of its primary key, a conversation's whole log, unless the newest entry is enough.
            Assert.DoesNotContain(
                plan,
                step =>
                    step.EndsWith("sqlite_autoindex_log_1 (convo_id=?)", StringComparison.Ordinal)
                    && !statement.Contains("LIMIT 1", StringComparison.Ordinal)
            );
            // All that anybody has done in the last hour.
            Assert.DoesNotContain(plan, step => step.Contains("ix_audit_at", StringComparison.Ordinal));
            for (int i = 0; i < plan.Count; i++)
                Assert.False(
                    Service.OnPostgreSql
                        ? IsScan(plan[i], plan.ElementAtOrDefault(i + 1))
                        : plan[i].StartsWith("SCAN", StringComparison.Ordinal) && !IsHarmless(plan[i], statement),
                    $"{string.Join('\n', plan)}\n{statement}"
                );
        }
    }

    /// <summary>All of a table, or all of an index: without a condition it finds nothing, it goes through.</summary>
    private static bool IsScan(string step, string? next) =>
        step.Contains("Seq Scan on", StringComparison.Ordinal)
        || (
            step.Contains("Index Scan", StringComparison.Ordinal)
            || step.Contains("Index Only Scan", StringComparison.Ordinal)
        )
            && next?.Contains("Index Cond", StringComparison.Ordinal) != true;

    /// <summary>The lists of parameters, constants, and what a subquery has already found by an index.</summary>
    private static bool IsHarmless(string step, string text) =>
        step.Contains("VIRTUAL TABLE", StringComparison.Ordinal)
        || step.Contains("CONSTANT ROW", StringComparison.Ordinal)
        || text.Contains($") AS \"{step.Split(' ')[1]}\"", StringComparison.Ordinal);

    /// <summary>A new device of Bob's, where the conversation requires its approval.</summary>
    private static async Task<TestDevice> ApprovedAsync(Scene scene)
    {
        var tablet = await scene.Service.EnrolAsync(scene.Bob.Did, "tablet");
        await scene.Service.Database.WriteAsync(
            context =>
                context
                    .Set<Conversation>()
                    .Where(row => row.Id == scene.Convo.Id)
                    .ExecuteUpdateAsync(set => set.SetProperty(row => row.RequiresApproval, true)),
            CancellationToken.None
        );
        await Approving_devices.ApproveAsync(scene.Service, scene.Convo, scene.Bob, tablet);
        return tablet;
    }

    private static async Task<Scene> StartAsync(Service service, int members)
    {
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service.PublishAsync(bob, bob.Client.KeyPackage());
        await service.CreateConvoAsync(alice);
        await Reading_conversations.CrowdAsync(service, convo.Id, members - 2, firstLeaf: 3);
        return new(service, convo, alice, bob);
    }
}
