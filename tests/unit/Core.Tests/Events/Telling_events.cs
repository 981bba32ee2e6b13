using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Events;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Storage;
using MlsConsole.Core.Welcomes;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Telling_events
{
    [Fact]
    public async Task Everything_that_happens_to_a_conversation_is_told_in_its_order()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var resync = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.JoinAsync(convo, bob, resync);
        var message = ProposalBuilder.RandomPrivateMessage(resync.After!);
        await service.Get<MessageDelivery>().SendMessageAsync(bob.Caller, new(convo.Id, message, null), default);
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var join = resync.After!.ExternalCommit(tablet.Client).Build();
        await service.JoinAsync(convo, tablet, join);
        var events = await For(service, alice.Did);
        Assert.Equal(
            [("joined", alice.Did), ("joined", bob.Did)],
            Of(EventKind.Membership).Select(one => (one.Detail, one.Did))
        );
        Assert.Equal([1ul, 2, 3], Of(EventKind.Commit).Select(one => one.Epoch!.Value));
        // A device that comes back to its leaf is not new.
        Assert.Equal(
            [("phone", null), ("phone", null), ("phone", convo.Id), ("tablet", null), ("tablet", convo.Id)],
            Of(EventKind.NewDevice).Select(one => (one.DeviceId, one.ConvoId))
        );
        Assert.Equal(
            [(1L, EventKind.Commit), (2L, EventKind.Commit), (3L, EventKind.Message), (4L, EventKind.Commit)],
            events.Where(one => one.Log is not null).Select(one => (one.Log!.Seq, one.Kind))
        );
        Assert.Equal(message, events.Single(one => one.Kind == EventKind.Message).Log!.Message);
        var commits = events.Where(one => one.Kind == EventKind.Commit).Select(one => one.Log!).ToList();
        Assert.Equal([false, true, true], commits.Select(log => log.External));
        Assert.Equal(resync.Commit, commits[1].Message);

        IEnumerable<ConvoEvent> Of(EventKind kind) => events.Where(one => one.Kind == kind);
    }

    [Fact]
    public async Task A_new_device_is_told_to_members_of_its_accounts_conversations_alone_before_and_after_it_joins()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        await service.AddAsync(await service.CreateConvoAsync(bob), bob, carol);
        var dave = await service.EnrolAsync("did:example:dave", "phone");
        await service.CreateConvoAsync(dave);
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        string[] contacts = [alice.Did, bob.Did, carol.Did],
            members = [alice.Did, bob.Did];
        await Told([(null, contacts)]);
        await service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build());
        await Told([(null, contacts), (convo.Id, members)]);

        // To those who come back to the stream, and to those who are there.
        async Task Told((string? ConvoId, string[] To)[] expected)
        {
            foreach (string did in (string[])[.. contacts, dave.Did])
                Assert.Equal(
                    expected.Where(one => one.To.Contains(did)).Select(one => one.ConvoId),
                    (await For(service, did)).Where(OfTablet).Select(one => one.ConvoId)
                );
            var addressed = (await service.Get<EventReader>().ReadAsync(0, true, default))
                .Where(one => OfTablet(one.Event))
                .ToList();
            Assert.Equal(
                expected.Select(one => (one.ConvoId, string.Join(' ', one.To))),
                addressed.Select(one => (one.Event.ConvoId, string.Join(' ', one.Members.Order())))
            );
        }

        static bool OfTablet(ConvoEvent one) => one is { Kind: EventKind.NewDevice, DeviceId: "tablet" };
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_device_that_comes_back_with_another_key_is_told_as_a_new_one(bool external)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        int before = (await For(service, alice.Did)).Count(one => one.Kind == EventKind.NewDevice);
        var again = bob.With(bob.Client.Reinstalled());
        byte[] package = again.Client.KeyPackage();
        await service.RegisterAsync(bob.Did, bob.DeviceId, again.Client, new OfferedKeyPackage(package, false));
        var old = convo.Group.LeafOf(bob.Client);
        if (external)
            await service.JoinAsync(convo, again, convo.Group.ExternalCommit(again.Client).Remove(old).Build());
        else
            await service.CommitAsync(
                convo,
                alice,
                convo.Group.Commit(alice.Client).Remove(old).Add(package).WithPath().Build(),
                ProposalBuilder.RandomWelcome(alice.Client.Suite, package)
            );
        Assert.Equal(
            [(bob.DeviceId, null), (bob.DeviceId, convo.Id)],
            (await For(service, alice.Did))
                .Where(one => one.Kind == EventKind.NewDevice)
                .Skip(before)
                .Select(one => (one.DeviceId, one.ConvoId))
        );
    }

    [Fact]
    public async Task A_welcome_is_told_to_the_account_of_its_device_alone()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        Assert.DoesNotContain(await For(service, alice.Did), one => one.Kind == EventKind.Welcome);
        var welcome = (await For(service, bob.Did)).Single(one => one.Kind == EventKind.Welcome);
        var waiting = (await service.Get<WelcomeDelivery>().GetWelcomesAsync(bob.Caller, "phone", default)).Single();
        Assert.Equal(
            (convo.Id, waiting.Id, "phone", waiting.Epoch),
            (welcome.ConvoId, welcome.Detail, welcome.DeviceId, welcome.Epoch)
        );
        foreach (var addressed in await service.Get<EventReader>().ReadAsync(0, true, default))
            Assert.Equal(
                addressed.Event.Kind == EventKind.Welcome ? [bob.Did] : [alice.Did, bob.Did],
                addressed.Members.Order()
            );
    }

    [Fact]
    public async Task Who_is_a_member_is_asked_when_an_event_is_read_and_who_was_removed_gets_nothing_more()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service.EnrolAsync("did:example:charlie", "phone");
        Assert.Contains(await For(service, bob.Did), one => one.Kind == EventKind.Commit);
        var remove = convo.Group.Commit(alice.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.CommitAsync(convo, alice, remove);
        Assert.Empty(await For(service, bob.Did));
        Assert.Empty(await For(service, "did:example:charlie"));
        Assert.All(
            await service.Get<EventReader>().ReadAsync(0, true, default),
            addressed => Assert.DoesNotContain(bob.Did, addressed.Members)
        );
        Assert.Equal(
            ("removed", bob.Did),
            (await For(service, alice.Did))
                .Where(one => one.Kind == EventKind.Membership)
                .Select(one => (one.Detail, one.Did))
                .Last()
        );
        var back = await service.AddAsync(convo with { Group = remove.After! }, alice, bob);
        Assert.Contains(
            await For(service, bob.Did),
            one => one.Kind == EventKind.Membership && one.Detail == "joined" && one.Did == bob.Did
        );
        Assert.Equal(3ul, back.Group.Group.Epoch);
    }

    [Fact]
    public async Task What_was_refused_or_rolled_back_is_not_told()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service.Get<EventRelay>().RelayAsync(default);
        long head = (await service.Get<EventReader>().RangeAsync(default)).Head;
        var update = convo.Group.Commit(alice.Client).WithPath().Build();
        await service.CommitAsync(convo, alice, update);
        await Assert.ThrowsAsync<RefusedException>(() =>
            service.CommitAsync(convo, bob, convo.Group.Commit(bob.Client).WithPath().Build())
        );
        await service.CommitAsync(convo, alice, update); // a retry
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            service.Database.WriteAsync<int>(
                context =>
                {
                    context.AddEvent(OutboxEvent.GroupInfoRefreshRequested(convo.Id, 1, DateTimeOffset.UtcNow));
                    throw new InvalidOperationException("The transaction fails.");
                },
                default
            )
        );
        await service.Get<EventRelay>().RelayAsync(default);
        Assert.Equal(head + 1, (await service.Get<EventReader>().RangeAsync(default)).Head);
    }

    [Fact]
    public async Task Places_follow_the_order_in_which_events_become_visible_not_that_of_their_ids()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, _) = await service.AliceAndBobAsync();
        await service.Get<EventRelay>().RelayAsync(default);
        long head = (await service.Get<EventReader>().RangeAsync(default)).Head;
        // Two transactions: the one that took its id first commits last.
        await Insert(service, convo.Id, 1002, 7);
        await Insert(service, convo.Id, 1003, 8);
        Assert.Equal(2, await service.Get<EventRelay>().RelayAsync(default));
        var seen = await service.Get<EventReader>().ReadForAsync(alice.Did, head, default);
        Assert.Equal([7ul, 8ul], seen.Events.Select(one => one.Epoch!.Value));
        await Insert(service, convo.Id, 1001, 9);
        Assert.Equal(1, await service.Get<EventRelay>().RelayAsync(default));
        var later = await service.Get<EventReader>().ReadForAsync(alice.Did, seen.Last, default);
        Assert.Equal([(head + 3, 9ul)], later.Events.Select(one => (one.Seq, one.Epoch!.Value)));
    }

    [Fact]
    public async Task A_relay_that_was_cut_off_leaves_nothing_half_done_and_places_have_no_gaps()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, _) = await service.AliceAndBobAsync();
        await service.Get<EventRelay>().RelayAsync(default);
        var before = await service.Get<EventReader>().RangeAsync(default);
        for (int i = 0; i < 3; i++)
            await Insert(service, convo.Id, 2000 + i, i);
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            service.Database.WriteAsync<int>(
                async context =>
                {
                    Assert.Equal(3, await service.Get<EventRelay>().RelayBatchAsync(context));
                    throw new InvalidOperationException("The power fails before the commit.");
                },
                default
            )
        );
        Assert.Equal(before, await service.Get<EventReader>().RangeAsync(default));
        // Another host takes over when the lease of the first one has ended.
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow + Leases.Duration + Leases.Duration);
        Assert.Equal(3, await new EventRelay(service.Database, new(new("a host"), clock)).RelayAsync(default));
        Assert.Equal(Enumerable.Range(1, (int)before.Head + 3).Select(seq => (long)seq), await Seqs(service));
        Assert.Equal(
            [0ul, 1, 2],
            (await service.Get<EventReader>().ReadForAsync(alice.Did, before.Head, default)).Events.Select(one =>
                one.Epoch!.Value
            )
        );
    }

    [Fact]
    public async Task Of_two_relays_one_works_and_together_they_give_every_place_once()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, _) = await service.AliceAndBobAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        EventRelay first = new(service.Database, new(new("a host"), clock)),
            second = new(service.Database, new(new("a host"), clock));
        Assert.NotEqual(0, await first.RelayAsync(default));
        await Insert(service, convo.Id, 3000, 1);
        Assert.Equal(0, await second.RelayAsync(default));
        Assert.Equal(1, await first.RelayAsync(default));

        // With clocks that disagree the lease changes hands all the time.
        var relays = Enumerable
            .Range(1, 3)
            .Select(i => new EventRelay(
                service.Database,
                new(new("a host"), new FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(i)))
            ))
            .ToList();
        var writing = Task.Run(async () =>
        {
            for (int i = 1; i <= 200; i++)
                await Insert(service, convo.Id, 3000 + i, i);
        });
        await Task.WhenAll([
            writing,
            .. relays.Select(relay =>
                Task.Run(async () =>
                {
                    while (!writing.IsCompleted)
                        await relay.RelayAsync(default);
                })
            ),
        ]);
        await relays[2].RelayAsync(default);
        var seqs = await Seqs(service);
        Assert.Equal(Enumerable.Range(1, seqs.Count).Select(seq => (long)seq), seqs);
        Assert.Equal(seqs.Count, (await service.Get<EventReader>().RangeAsync(default)).Head);
    }

    [Fact]
    public async Task Readers_miss_nothing_and_see_nothing_twice_while_transactions_of_several_hosts_overlap()
    {
        const int hosts = 4,
            each = 15;
        await using var service = await Service.StartAsync();
        var (convo, alice, _) = await service.AliceAndBobAsync();
        await service.Get<EventRelay>().RelayAsync(default);
        long start = (await service.Get<EventReader>().RangeAsync(default)).Head;
        var others = new List<Service>();
        for (int i = 0; i < hosts; i++)
            others.Add(await service.SecondHostAsync());
        var writing = Task.WhenAll(
            others.Select(
                (host, number) =>
                    Task.Run(async () =>
                    {
                        for (int i = 0; i < each; i++)
                        {
                            await host.Database.WriteAsync(
                                async context =>
                                {
                                    context.AddEvent(
                                        OutboxEvent.GroupInfoRefreshRequested(
                                            convo.Id,
                                            number * each + i,
                                            DateTimeOffset.UtcNow
                                        )
                                    );
                                    // The id is taken now; where the database allows it, others commit before.
                                    await context.SaveChangesAsync();
                                    await Task.Delay(Random.Shared.Next(4));
                                    return 0;
                                },
                                default
                            );
                        }
                    })
            )
        );
        // Each host relays when it thinks that it is its turn, and reads as its subscribers do.
        var seen = await Task.WhenAll(
            others
                .Take(3)
                .Select(
                    (host, number) =>
                        Task.Run(async () =>
                        {
                            var relay = new EventRelay(
                                host.Database,
                                new(new("a host"), new FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(number + 1)))
                            );
                            var epochs = new List<ulong>();
                            long after = start;
                            while (true)
                            {
                                bool last = writing.IsCompleted && !await WaitingAsync(host);
                                await relay.RelayAsync(default);
                                var page = await host.Get<EventReader>().ReadForAsync(alice.Did, after, default);
                                epochs.AddRange(page.Events.Select(one => one.Epoch!.Value));
                                after = page.Last;
                                if (last && page.Events.Count == 0)
                                    return epochs;
                            }
                        })
                )
        );
        await writing;
        Assert.Equal(Enumerable.Range(0, hosts * each).Select(epoch => (ulong)epoch), seen[0].Order());
        Assert.All(seen, epochs => Assert.Equal(seen[0], epochs));
        foreach (var host in others)
            await host.DisposeAsync();
    }

    [Fact]
    public async Task Pages_are_bounded_in_events_and_bytes_and_leave_nothing_out()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        for (int i = 0; i < 5; i++)
            await service
                .Get<MessageDelivery>()
                .SendMessageAsync(
                    bob.Caller,
                    new(convo.Id, ProposalBuilder.RandomPrivateMessage(convo.Group, length: 3 << 20), null),
                    default
                );
        for (int i = 0; i < 450; i++)
            await Insert(service, convo.Id, 4000 + i, i);
        await service.Get<EventRelay>().RelayAsync(default);
        var all = new List<ConvoEvent>();
        var sizes = new List<int>();
        for (long after = 0, head = (await service.Get<EventReader>().RangeAsync(default)).Head; after < head; )
        {
            var page = await service.Get<EventReader>().ReadForAsync(alice.Did, after, default);
            Assert.True(page.Last > after);
            Assert.InRange(page.Events.Sum(one => one.Log?.Message.Length ?? 0), 0, 9 << 20);
            all.AddRange(page.Events);
            sizes.Add(page.Events.Count);
            after = page.Last;
        }
        Assert.Equal(5, all.Count(one => one.Kind == EventKind.Message));
        Assert.Equal(450, all.Count(one => one.Kind == EventKind.GroupInfoRefreshRequested));
        Assert.Equal(all.Select(one => one.Seq).Distinct().Order(), all.Select(one => one.Seq));
        Assert.True(sizes.Count >= 5, string.Join(' ', sizes));
        Assert.InRange(sizes.Max(), 1, 200);
        var shared = await service.Get<EventReader>().ReadAsync(0, true, default);
        Assert.Equal(
            Enumerable.Range(1, shared.Count).Select(seq => (long)seq),
            shared.Select(addressed => addressed.Event.Seq)
        );
    }

    internal static async Task<IReadOnlyList<ConvoEvent>> For(Service service, string did)
    {
        await service.Get<EventRelay>().RelayAsync(default);
        return (await service.Get<EventReader>().ReadForAsync(did, 0, default)).Events;
    }

    private static Task Insert(Service service, string convoId, long id, long epoch) =>
        service.Database.WriteAsync(
            context =>
            {
                var happened = OutboxEvent.GroupInfoRefreshRequested(convoId, epoch, DateTimeOffset.UtcNow);
                context.Entry(happened).Property(row => row.Id).CurrentValue = id;
                context.AddEvent(happened);
                return Task.FromResult(0);
            },
            default
        );

    private static async Task<bool> WaitingAsync(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<OutboxEvent>().AnyAsync(row => row.Seq == null);
    }

    private static async Task<List<long>> Seqs(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<OutboxEvent>().OrderBy(row => row.Seq).Select(row => row.Seq!.Value).ToListAsync();
    }
}
