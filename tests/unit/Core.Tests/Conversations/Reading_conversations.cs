using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Tests;

public class Reading_conversations
{
    [Fact]
    public async Task A_conversation_is_read_as_it_is_after_each_commit()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var view = await GetAsync(service, bob, convo);
        Assert.Equal(
            (convo.Id, Convert.ToHexStringLower(convo.Group.Group.GroupId.Span), 1ul, 1),
            (view.ConvoId, view.GroupId, view.Epoch, view.CipherSuite)
        );
        Assert.Equal([new(alice.Did, "phone", 0, true), new Member(bob.Did, "phone", 1, false)], view.Members);

        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        await service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build());
        view = await GetAsync(service, alice, convo);
        Assert.Equal(2ul, view.Epoch);
        Assert.Equal(new Member(bob.Did, "tablet", 2, false), view.Members[^1]);
    }

    [Fact]
    public async Task Whoever_may_not_gets_the_one_refusal_and_is_in_the_audit_log()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        await service.CommitAsync(
            convo,
            alice,
            convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
        var refusals = new List<Refusal>();
        foreach (
            var (caller, id) in new[]
            {
                (carol.Caller, convo.Id),
                (carol.Caller, "unknown"),
                (bob.Caller, convo.Id),
                (Service.Caller("did:example:nobody"), convo.Id),
            }
        )
            refusals.Add(
                (
                    await Assert.ThrowsAsync<RefusedException>(() =>
                        service.Get<ConversationReader>().GetConvoAsync(caller, id, CancellationToken.None)
                    )
                ).Refusal
            );
        Assert.Single(refusals.Select(refusal => (refusal.Error, refusal.Message)).Distinct());
        Assert.Equal(["NotMember", "NotMember", "Removed", "NotMember"], refusals.Select(refusal => refusal.Reason));
        var audited = (await service.Get<AuditLog>().LatestAsync(4, CancellationToken.None)).Reverse();
        Assert.Equal(
            refusals.Select(refusal => ("getConvo", "Unauthorized", refusal.Reason)),
            audited.Select(entry => (entry.Action, entry.Outcome, entry.Reason))
        );
    }

    [Fact]
    public async Task Pages_have_every_conversation_of_the_caller_once_and_none_of_others()
    {
        await using var service = await Service.StartAsync();
        var (shared, alice, bob) = await service.AliceAndBobAsync();
        var all = new HashSet<string> { shared.Id };
        for (int i = 0; i < 9; i++)
            all.Add((await service.CreateConvoAsync(alice)).Id);
        await service.CreateConvoAsync(await service.EnrolAsync("did:example:carol", "phone"));

        var read = new List<ConversationDetails>();
        string? cursor = null;
        int pages = 0;
        do
        {
            var page = await service
                .Get<ConversationReader>()
                .GetConvosAsync(alice.Caller, new(cursor, 4), CancellationToken.None);
            read.AddRange(page.Convos);
            cursor = page.Cursor;
            pages++;
        } while (cursor is not null);
        Assert.Equal(3, pages);
        Assert.Equal(10, read.Count);
        Assert.Equal(all, read.Select(view => view.ConvoId).ToHashSet());
        var single = await GetAsync(service, alice, shared);
        Assert.Equivalent(single, read.Single(view => view.ConvoId == shared.Id), strict: true);

        var bobs = await service
            .Get<ConversationReader>()
            .GetConvosAsync(bob.Caller, new(null, 4), CancellationToken.None);
        Assert.Equal(shared.Id, Assert.Single(bobs.Convos).ConvoId);
        Assert.Null(bobs.Cursor);
    }

    [Fact]
    public async Task A_page_ends_before_it_has_too_many_members()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        for (int i = 0; i < 3; i++)
            await CrowdAsync(service, (await service.CreateConvoAsync(alice)).Id, 12_000);
        string? cursor = null;
        for (int i = 0; i < 3; i++)
        {
            var page = await service
                .Get<ConversationReader>()
                .GetConvosAsync(alice.Caller, new(cursor, 50), CancellationToken.None);
            Assert.Equal(12_001, Assert.Single(page.Convos).Members.Count);
            cursor = page.Cursor;
        }
        Assert.Null(cursor);
    }

    [Fact]
    public async Task A_device_learns_where_it_belongs_and_where_it_has_a_leaf()
    {
        var clock = new ManualClock();
        await using var service = await Service.StartAsync(clock: clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var fresh = await service.CreateConvoAsync(bob);
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        clock.Advance(TimeSpan.FromHours(1));
        await service
            .Get<MessageDelivery>()
            .SendMessageAsync(
                bob.Caller,
                new(convo.Id, TestKit.ProposalBuilder.RandomPrivateMessage(convo.Group), null),
                CancellationToken.None
            );
        var sent = (
            await service
                .Get<MessageDelivery>()
                .GetMessagesAsync(bob.Caller, new(convo.Id, 1, 10), CancellationToken.None)
        )
            .Messages.Single()
            .CreatedAt;

        var phone = await ExpectedAsync(service, bob, bob.DeviceId);
        Assert.Equal(new(convo.Id, true, true, 1, sent), phone[convo.Id]);
        Assert.Equal(new(fresh.Id, true, true, 0, null), phone[fresh.Id]);
        var other = await ExpectedAsync(service, bob, tablet.DeviceId);
        Assert.Equal((true, false), (other[convo.Id].ShouldBeInGroup, other[convo.Id].DeviceInGroup));
        Assert.True((await ExpectedAsync(service, bob, null))[convo.Id].DeviceInGroup);
        Assert.Equal([convo.Id], (await ExpectedAsync(service, alice, null)).Keys);

        // The removed one is told nothing, not even that there was a conversation.
        await service.CommitAsync(
            convo,
            alice,
            convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
        Assert.Equal([fresh.Id], (await ExpectedAsync(service, bob, bob.DeviceId)).Keys);
        Assert.Equal(
            [fresh.Id],
            (
                await service
                    .Get<ConversationReader>()
                    .GetConvosAsync(bob.Caller, new(null, 50), CancellationToken.None)
            ).Convos.Select(view => view.ConvoId)
        );
        var refused = await Assert.ThrowsAsync<RefusedException>(() =>
            service.Get<ConversationReader>().GetExpectedConversationsAsync(bob.Caller, "watch", CancellationToken.None)
        );
        Assert.Equal("Unauthorized", refused.Refusal.Error);
    }

    private static Task<ConversationDetails> GetAsync(Service service, TestDevice device, TestConvo convo) =>
        service.Get<ConversationReader>().GetConvoAsync(device.Caller, convo.Id, CancellationToken.None);

    private static async Task<Dictionary<string, ConversationExpectation>> ExpectedAsync(
        Service service,
        TestDevice device,
        string? deviceId
    ) =>
        (
            await service
                .Get<ConversationReader>()
                .GetExpectedConversationsAsync(device.Caller, deviceId, CancellationToken.None)
        ).ToDictionary(expected => expected.ConvoId);

    /// <summary>Rows of members as only real commits write them, without the commits.</summary>
    internal static Task CrowdAsync(Service service, string convoId, int members, int firstLeaf = 1) =>
        service.Database.WriteAsync(
            async context =>
            {
                var devices = Enumerable
                    .Range(0, members)
                    .Select(i => new Device
                    {
                        Did = $"did:example:{convoId}-{i}",
                        DeviceId = "phone",
                        DeviceName = "phone",
                        Identity = System.Text.Encoding.UTF8.GetBytes($"{convoId}-{i}"),
                        RegisteredAt = DateTimeOffset.UtcNow,
                    })
                    .ToList();
                context.AddRange(devices);
                await context.SaveChangesAsync();
                context.AddRange(
                    devices.Select(
                        (device, i) =>
                            new Leaf
                            {
                                ConvoId = convoId,
                                LeafIndex = firstLeaf + i,
                                DeviceRow = device.Id,
                            }
                    )
                );
                context.AddRange(
                    devices.Select(device => new RosterEntry
                    {
                        ConvoId = convoId,
                        Did = device.Did,
                        State = RosterState.Member,
                        JoinedAt = DateTimeOffset.UtcNow,
                    })
                );
                return 0;
            },
            CancellationToken.None
        );
}
