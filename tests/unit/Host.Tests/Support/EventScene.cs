using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Events;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Host.Live;

namespace MlsConsole.Host.Tests;

/// <summary>
/// Conversations and events written straight into a host's database: what streams does not depend on what an MLS client
/// can make.
/// </summary>
internal static class EventScene
{
    public static Task Write(this TestHost host, Func<MlsDbContext, Task> work) =>
        host
            .Services.GetRequiredService<Database>()
            .WriteAsync(
                async context =>
                {
                    await work(context);
                    return true;
                },
                CancellationToken.None
            );

    /// <summary>A conversation with these members and no group behind it.</summary>
    public static async Task<string> CreateConvo(this TestHost host, params string[] members)
    {
        string id = Guid.NewGuid().ToString("N");
        await host.Write(context =>
        {
            context.Add(
                new Conversation
                {
                    Id = id,
                    GroupId = Guid.NewGuid().ToByteArray(),
                    GroupInfo = new() { ConvoId = id, Message = [] },
                }
            );
            context.AddRange(
                members.Select(did => new RosterEntry
                {
                    ConvoId = id,
                    Did = did,
                    State = RosterState.Member,
                })
            );
            return Task.CompletedTask;
        });
        return id;
    }

    /// <summary>Enrols a device, with a key that signs nothing.</summary>
    public static Task Enrol(this TestHost host, string did) =>
        host
            .Services.GetRequiredService<DeviceRegistry>()
            .RegisterDeviceAsync(
                new(Did.Parse(did), "test"),
                new("phone", "A phone", RandomNumberGenerator.GetBytes(32), null, [], null),
                CancellationToken.None
            );

    /// <summary>Writes one event that has the number as its epoch.</summary>
    public static Task Tell(this TestHost host, string convoId, long epoch) =>
        host.Write(context =>
        {
            context.AddEvent(OutboxEvent.GroupInfoRefreshRequested(convoId, epoch, DateTimeOffset.UtcNow));
            return Task.CompletedTask;
        });

    /// <summary>Waits until every event written so far has its place and this host has seen it.</summary>
    public static async Task<long> Relayed(this TestHost host)
    {
        EventStream stream = host.Services.GetRequiredService<EventStream>();
        EventReader reader = host.Services.GetRequiredService<EventReader>();
        while (true)
        {
            Task changed = stream.Changed;
            await using MlsDbContext context = host.Services.GetRequiredService<Database>().Read();
            bool waiting = context.Set<OutboxEvent>().Any(static row => row.Seq == null);
            long head = (await reader.RangeAsync(CancellationToken.None)).Head;
            if (!waiting && stream.Head >= head)
                return head;
            await changed.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    public static async Task<string> Ticket(this TestHost host, string did) =>
        (
            await host
                .Services.GetRequiredService<SubscriptionTickets>()
                .IssueAsync(new Caller(Did.Parse(did), "test"), null, CancellationToken.None)
        ).Ticket;

    /// <summary>
    /// Connects, and returns once the service has taken the subscription: what happens from then on is told.
    /// </summary>
    public static Task<EventClient> Subscribe(this TestHost host, string did, long? cursor = null) =>
        host.Opened(async () =>
            await EventClient.Connect(
                host,
                $"ticket={await host.Ticket(did)}{(cursor is null ? "" : $"&cursor={cursor}")}"
            )
        );

    public static async Task<EventClient> Opened(this TestHost host, Func<Task<EventClient>> connect)
    {
        TaskCompletionSource<string> opened = new();
        using IDisposable subscription = host
            .Services.GetRequiredService<ActivityFeed>()
            .Subscribe(activity =>
            {
                if (activity is RequestAnswered { Method: "subscribeConvoEvents" } request)
                    opened.TrySetResult(request.Outcome);
            });
        EventClient client = await connect();
        Assert.Equal("accepted", await opened.Task.WaitAsync(TimeSpan.FromSeconds(30)));
        return client;
    }
}
