using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.ExternalCommits;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Groups;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Outbox;
using MlsConsole.Mls;

namespace MlsConsole.Core.Tests;

public class Removals_proposed_by_the_service
{
    private const string Alice = "did:example:alice",
        Bob = "did:example:bob";

    [Theory, InlineData(1, false), InlineData(2, true)]
    public async Task Members_take_and_commit_what_the_service_proposes_for_who_was_left_behind(
        ushort suite,
        bool rotated
    )
    {
        await using var service = await Service.StartAsync();
        using Client alice = NewClient(suite, Alice, "phone"),
            tablet = NewClient(suite, Alice, "tablet"),
            bob = NewClient(suite, Bob, "phone");
        using var package = bob.CreateKeyPackage();
        await RegisterAsync(service, Alice, "phone", alice);
        await RegisterAsync(service, Alice, "tablet", tablet);
        await RegisterAsync(service, Bob, "phone", bob, new OfferedKeyPackage(package.Encode(), false));

        using var alices = Group.Create(
            alice,
            extensions: new(
                ExternalSender.ToExtension(await Signature_keys_of_the_service.ForSuiteAsync(service, suite))
            )
        );
        string convo = (
            await service
                .Get<ConversationCreator>()
                .CreateConvoAsync(Service.Caller(Alice), new(alices.CreateGroupInfo(), null, null, null), default)
        ).ConvoId;
        var add = alices.Commit(new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] });
        var added = await service
            .Get<MemberCommits>()
            .AddMembersAsync(
                Service.Caller(Alice),
                new(convo, add.Commit, add.GroupInfo, null, add.Welcome, null),
                default
            );
        alices.MergePendingCommit();
        using var bobs = Group.JoinByWelcome(bob, package, Welcome.Decode(add.Welcome!));
        if (rotated)
            await Signature_keys_of_the_service.RotateAsync(service); // the group lists the retired key

        await service
            .Get<Leaving>()
            .LeaveConvoAsync(Service.Caller(Bob), new(convo, [bobs.ProposeSelfRemove()], null), default);
        Assert.Equal(0, await ProposeAsync(service)); // Bob's own proposal is good for this epoch
        var info = await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(Service.Caller(Alice), new(convo, true), default);
        using var tablets = Group.JoinByExternalCommit(
            tablet,
            UnverifiedGroupInfo.Decode(info.GroupInfo),
            info.RatchetTree
        );
        var join = await service
            .Get<ExternalCommitProcessor>()
            .ProcessExternalCommitAsync(
                Service.Caller(Alice),
                new(convo, tablets.Pending!.Commit, tablets.Pending.GroupInfo, null, null, null),
                default
            );
        tablets.MergePendingCommit();
        Assert.Equal(1, await ProposeAsync(service));

        Assert.IsType<RemoveProposal>(await TakeAsync(service, convo, alices, added.Seq));
        Assert.True(alices.MustCommit);
        var commit = alices.Commit();
        await service
            .Get<MemberCommits>()
            .CommitAsync(Service.Caller(Alice), new(convo, commit.Commit, commit.GroupInfo, null, null, null), default);
        alices.MergePendingCommit();
        await TakeAsync(service, convo, tablets, join.Seq);
        Assert.Equal(alices.EpochAuthenticator, tablets.EpochAuthenticator);
        Assert.DoesNotContain(tablets.PublicGroup.Members, member => member.Leaf.Credential.SameAs(bob.Credential));
        Assert.Equal(0, await ProposeAsync(service));
        // A host that has nothing in memory follows the commit and the proposal that it names.
        await service.RestartAsync();
        Assert.Equal(
            3ul,
            (
                await service
                    .Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(Service.Caller(Alice), new(convo, true), default)
            ).Epoch
        );
    }

    [Fact]
    public async Task Each_leaf_is_proposed_once_in_an_epoch_by_any_host_and_anew_after_every_commit_that_leaves_it()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(Bob, "tablet");
        var joined = convo.Group.ExternalCommit(tablet.Client).Build();
        await service.JoinAsync(convo, tablet, joined);
        convo = await Signature_keys_of_the_service.ListAsync(
            service,
            convo with
            {
                Group = joined.After!,
            },
            alice,
            await Signature_keys_of_the_service.ForSuiteAsync(service, 1)
        );
        await PendAsync(service, convo.Id, Bob);
        await using (var second = await service.SecondHostAsync())
            Assert.Equal(
                2,
                (
                    await Task.WhenAll(
                        Enumerable.Range(0, 8).Select(i => Task.Run(() => ProposeAsync(i % 2 == 0 ? service : second)))
                    )
                ).Sum()
            );
        Assert.Equal(0, await ProposeAsync(service));

        // Only an external commit may leave them.
        foreach (string name in new[] { "tablet", "laptop" })
        {
            convo = await JoinAsync(service, convo, name);
            Assert.Equal(2, await ProposeAsync(service));
        }

        var events = await Telling_events.For(service, Alice);
        Assert.DoesNotContain(events, one => one.Kind == EventKind.RemovalRequested);
        var proposals = events
            .Where(one => one.Kind == EventKind.Proposal && one.Epoch == convo.Group.Group.Epoch)
            .Select(one => one.Log!.Message)
            .ToList();
        Assert.Equal(2, proposals.Count);
        Assert.Equal(
            3,
            (await service.Get<AuditLog>().LatestAsync(100, default)).Count(entry =>
                entry is { Actor: "service", Action: "proposeRemoval", Outcome: "accepted" }
                && entry.Subject == convo.Id
            )
        );
        var carried = convo
            .Group.Commit(alice.Client)
            .Reference(proposals[0])
            .Reference(proposals[1])
            .WithPath()
            .Build();
        await service.CommitAsync(convo, alice, carried);
        Assert.Equal(0, await ProposeAsync(service));
        Assert.DoesNotContain(
            carried.After!.Group.Members,
            member => member.Leaf.SignatureKey.Span.SequenceEqual(bob.Client.SignatureKey.PublicKey)
        );
    }

    [Fact]
    public async Task The_members_of_a_group_that_does_not_list_the_service_are_asked_as_before()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, _) = await service.AliceAndBobAsync();
        await PendAsync(service, convo.Id, Bob);
        Assert.Equal(0, await ProposeAsync(service));
        await JoinAsync(service, convo, "tablet");
        Assert.Equal(0, await ProposeAsync(service));
        var asked = (await Telling_events.For(service, Alice))
            .Where(one => one.Kind == EventKind.RemovalRequested)
            .Select(one => (one.Did, one.Epoch));
        Assert.Equal([(Bob, 1ul), (Bob, 2ul)], asked);
    }

    [Fact]
    public async Task Where_the_key_cannot_be_opened_the_members_are_asked_once_in_an_epoch()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, _) = await service.AliceAndBobAsync();
        convo = await Signature_keys_of_the_service.ListAsync(
            service,
            convo,
            alice,
            await Signature_keys_of_the_service.ForSuiteAsync(service, 1)
        );
        await PendAsync(service, convo.Id, Bob);
        var keys = new SignatureKeys(
            service.Database,
            service.Get<AuditLog>(),
            new EphemeralDataProtectionProvider(),
            TimeProvider.System
        );
        var proposals = new RemovalProposals(
            service.Database,
            service.Get<PublicGroups>(),
            keys,
            service.Get<AuditLog>(),
            TimeProvider.System,
            NullLogger<RemovalProposals>.Instance
        );
        for (int i = 0; i < 2; i++)
            Assert.Equal(0, await proposals.ProposeAsync(default));
        Assert.Single(await Telling_events.For(service, Alice), one => one.Kind == EventKind.RemovalRequested);
        await JoinAsync(service, convo, "tablet");
        Assert.Equal(1, await ProposeAsync(service)); // by a host that can
    }

    [Fact]
    public async Task A_conversation_that_fails_is_logged_once_and_keeps_no_other_from_its_proposals()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var key = await Signature_keys_of_the_service.ForSuiteAsync(service, 1);
        var conversations = new List<TestConvo> { convo };
        for (int i = 0; i < 2; i++)
            conversations.Add(await service.AddAsync(await service.CreateConvoAsync(alice), alice, bob));
        foreach (var one in conversations)
        {
            await Signature_keys_of_the_service.ListAsync(service, one, alice, key);
            await PendAsync(service, one.Id, Bob);
        }
        // The first one names a key that its group does not list.
        string broken = conversations.Select(one => one.Id).Order(StringComparer.Ordinal).First();
        await service.Database.WriteAsync(
            context =>
                context.Database.ExecuteSqlAsync(
                    $"""
                    UPDATE conversations SET signature_key_id =
                    (SELECT max(id) FROM signature_keys WHERE id <> signature_key_id) WHERE id = {broken}
                    """
                ),
            default
        );
        var log = new ErrorLog();
        var proposals = new RemovalProposals(
            service.Database,
            service.Get<PublicGroups>(),
            service.Get<SignatureKeys>(),
            service.Get<AuditLog>(),
            TimeProvider.System,
            log
        );
        for (int i = 0; i < 2; i++)
            await Assert.ThrowsAsync<AggregateException>(() => proposals.ProposeAsync(default));
        var proposed = (await service.Get<AuditLog>().LatestAsync(100, default))
            .Where(entry => entry.Action == "proposeRemoval")
            .Select(entry => entry.Subject!);
        Assert.Equal(
            conversations.Select(one => one.Id).Where(id => id != broken).Order(StringComparer.Ordinal),
            proposed.Order(StringComparer.Ordinal)
        );
        Assert.Contains(broken, Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    private sealed class ErrorLog : ILogger<RemovalProposals>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Lines.Add(formatter(state, exception));
    }

    private static Task<int> ProposeAsync(Service service) => service.Get<RemovalProposals>().ProposeAsync(default);

    /// <summary>The account's leaves wait for their removal.</summary>
    private static Task PendAsync(Service service, string convoId, string did) =>
        service.Get<Bans>().BanMemberAsync(Service.Caller(Alice), new(convoId, Did.Parse(did), null, null), default);

    /// <summary>Another device of Alice's joins: an epoch begins that leaves all leaves.</summary>
    private static async Task<TestConvo> JoinAsync(Service service, TestConvo convo, string name)
    {
        var device = await service.EnrolAsync(Alice, name);
        var join = convo.Group.ExternalCommit(device.Client).Build();
        await service.JoinAsync(convo, device, join);
        return convo with { Group = join.After! };
    }

    private static Client NewClient(ushort suite, string did, string deviceId) =>
        new(suite, Credential.Basic(Encoding.UTF8.GetBytes($"{did}#{deviceId}")));

    private static Task<RegisterDeviceResult> RegisterAsync(
        Service service,
        string did,
        string deviceId,
        Client client,
        params OfferedKeyPackage[] packages
    ) =>
        service
            .Get<DeviceRegistry>()
            .RegisterDeviceAsync(
                Service.Caller(did),
                new(deviceId, "A device", client.SignatureKey.PublicKey, null, packages, null),
                default
            );

    /// <summary>What is in the log after a place.</summary>
    /// <returns>The last proposal.</returns>
    private static async Task<Proposal?> TakeAsync(Service service, string convo, Group group, long after)
    {
        Proposal? last = null;
        foreach (
            var entry in (
                await service
                    .Get<MessageDelivery>()
                    .GetMessagesAsync(Service.Caller(Alice), new(convo, after, 100), default)
            ).Messages
        )
            if (group.Receive(entry.Message, entry.CreatedAt) is ReceivedProposal received)
                last = received.Proposal;
        return last;
    }
}
