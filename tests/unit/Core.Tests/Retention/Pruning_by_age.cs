using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Events;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Retention;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Pruning_by_age
{
    private static readonly CoreSettings s_settings = new()
    {
        EventRetention = TimeSpan.FromDays(3),
        MessageRetention = TimeSpan.FromDays(90),
    };

    [Fact]
    public async Task Old_events_and_old_messages_go_and_commits_stay()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service
            .Get<MessageDelivery>()
            .SendMessageAsync(
                bob.Caller,
                new(convo.Id, ProposalBuilder.RandomPrivateMessage(convo.Group), null),
                default
            );
        await service.Get<EventRelay>().RelayAsync(default);
        var before = await service.Get<EventReader>().RangeAsync(default);
        Assert.Equal(1, before.Oldest);

        Assert.Equal((0, 0), await Prune(service, TimeSpan.FromDays(2)));
        Assert.Equal(((int)before.Head, 0), await Prune(service, TimeSpan.FromDays(4)));
        // The counter goes on where it was, with nothing left to count from.
        Assert.Equal(
            new EventRange(before.Head + 1, before.Head),
            await service.Get<EventReader>().RangeAsync(default)
        );
        var update = convo.Group.Commit(alice.Client).WithPath().Build();
        await service.CommitAsync(convo, alice, update);
        await service.Get<EventRelay>().RelayAsync(default);
        Assert.Equal(
            new EventRange(before.Head + 1, before.Head + 1),
            await service.Get<EventReader>().RangeAsync(default)
        );

        Assert.Equal((1, 1), await Prune(service, TimeSpan.FromDays(91)));
        var log = await service.Get<MessageDelivery>().GetMessagesAsync(alice.Caller, new(convo.Id, 0, 50), default);
        Assert.Equal([(1L, "commit"), (3L, "commit")], log.Messages.Select(message => (message.Seq, message.Kind)));
        Assert.Equal(3, log.LastSeq);
    }

    [Fact]
    public async Task Answers_are_kept_for_retries_and_then_no_more()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        byte[] message = ProposalBuilder.RandomPrivateMessage(convo.Group);
        Task<SendMessageResult> Send() =>
            service.Get<MessageDelivery>().SendMessageAsync(bob.Caller, new(convo.Id, message, "a key"), default);
        var first = await Send();
        await service.Database.WriteAsync(
            context =>
            {
                // More than are taken away at a time.
                context.AddRange(
                    Enumerable
                        .Range(0, 7000)
                        .Select(i => new StoredAnswer
                        {
                            Caller = bob.Did,
                            Method = "sendMessage",
                            Key = $"key {i}",
                            RequestHash = [],
                            Content = [],
                            CreatedAt = DateTimeOffset.UtcNow.AddDays(-4).AddSeconds(i),
                        })
                );
                return Task.FromResult(0);
            },
            default
        );
        await Prune(service, TimeSpan.FromDays(1));
        Assert.Equal(first, await Send());
        await using var context = service.Database.Read();
        var left = await context.Set<StoredAnswer>().Select(answer => answer.Key).ToListAsync();
        Assert.Contains("a key", left);
        Assert.DoesNotContain(left, key => key.StartsWith("key ", StringComparison.Ordinal));

        await Prune(service, TimeSpan.FromDays(2) + TimeSpan.FromMinutes(1));
        Assert.Empty(await context.Set<StoredAnswer>().ToListAsync());
        Assert.NotEqual(first.Seq, (await Send()).Seq);
    }

    [Fact]
    public async Task What_is_old_is_found_by_an_index()
    {
        await using var service = await Service.StartAsync();
        var sent = await SentCommands.OfAsync(() => Prune(service, TimeSpan.FromDays(100)));
        // PostgreSQL joins a batch with its table in the way that costs least at the time. A line of joiners has only
        // a few places, which live for an hour.
        if (!Service.OnPostgreSql)
            await Commands_of_requests.MustUseIndexesAsync(
                service,
                sent.Where(command => !command.Text.Contains("join_line", StringComparison.Ordinal))
            );
        foreach (string table in (string[])["outbox", "acknowledgements", "idempotency", "log", "rejoin_requests"])
            Assert.Contains(sent, command => command.Text.Contains(table, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Events_without_a_place_stay_and_what_is_kept_has_no_holes()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, _) = await service.AliceAndBobAsync();
        var now = DateTimeOffset.UtcNow;
        // The clock of one host is ahead: its event is young, and those after it are old.
        await Add(now.AddDays(30));
        await service.Get<EventRelay>().RelayAsync(default);
        await Add(now);
        await service.Get<EventRelay>().RelayAsync(default);
        await Add(now);
        var range = await service.Get<EventReader>().RangeAsync(default);
        Assert.Equal(((int)range.Head - 2, 0), await Prune(service, TimeSpan.FromDays(10)));
        Assert.Equal(new EventRange(range.Head - 1, range.Head), await service.Get<EventReader>().RangeAsync(default));
        Assert.Equal(1, await service.Get<EventRelay>().RelayAsync(default));
        await using var context = service.Database.Read();
        Assert.Equal(
            [range.Head - 1, range.Head, range.Head + 1],
            await context.Set<OutboxEvent>().OrderBy(row => row.Seq).Select(row => row.Seq!.Value).ToListAsync()
        );

        Task Add(DateTimeOffset at) =>
            service.Database.WriteAsync(
                context =>
                {
                    context.AddEvent(OutboxEvent.GroupInfoRefreshRequested(convo.Id, 1, at));
                    return Task.FromResult(0);
                },
                default
            );
    }

    private static Task<(int Events, int Messages)> Prune(Service service, TimeSpan later) =>
        new Pruning(service.Database, s_settings, new FakeTimeProvider(DateTimeOffset.UtcNow + later)).PruneAsync(
            default
        );
}
