using System.Net;
using System.Net.WebSockets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Host.Duties;
using MlsConsole.Host.Live;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Tests;

/// <summary>subscribeConvoEvents over a WebSocket of the platform, on a host as Program.cs composes it.</summary>
public sealed class Subscribing_to_events(TestHost host) : IClassFixture<TestHost>
{
    private const string Alice = "did:web:alice.example.com",
        Bob = "did:web:bob.example.com";

    [Fact]
    public async Task Without_a_cursor_it_starts_with_what_happens_next()
    {
        string convo = await host.CreateConvo(Alice, Bob);
        await host.Tell(convo, 1);
        await host.Relayed();
        using EventClient client = await host.Subscribe(Alice);
        await host.Tell(convo, 2);
        SubscribeConvoEventsGroupInfoRefreshRequested happened =
            Assert.IsType<SubscribeConvoEventsGroupInfoRefreshRequested>(await client.Next());
        Assert.Equal((convo, 2L), (happened.ConvoId, happened.Epoch));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await client.Close());
    }

    [Fact]
    public async Task With_a_cursor_it_goes_on_after_it_and_leaves_nothing_out()
    {
        string convo = await host.CreateConvo(Alice);
        long start = await host.Relayed();
        for (int i = 1; i <= 300; i++)
            await host.Tell(convo, i);
        using EventClient first = await host.Subscribe(Alice, start);
        List<(long Seq, long Epoch)> seen = [];
        for (int i = 0; i < 120; i++)
            seen.Add(Of(await first.Next()));
        using EventClient second = await host.Subscribe(Alice, seen[^1].Seq);
        for (int i = 301; i <= 310; i++)
            await host.Tell(convo, i);
        for (int i = 120; i < 310; i++)
            seen.Add(Of(await second.Next()));
        Assert.Equal(
            Enumerable.Range(1, 310).Select(static epoch => (long)epoch),
            seen.Select(static one => one.Epoch)
        );
        Assert.Equal(seen.Select(static one => one.Seq).Distinct().Order(), seen.Select(static one => one.Seq));

        static (long, long) Of(SubscribeConvoEventsEvent one) =>
            one is SubscribeConvoEventsGroupInfoRefreshRequested told ? (told.Seq, told.Epoch) : default;
    }

    [Fact]
    public async Task What_one_host_writes_the_subscribers_of_another_get_once()
    {
        using TestHost other = new(host);
        string convo = await host.CreateConvo(Alice);
        using EventClient here = await host.Subscribe(Alice),
            there = await other.Subscribe(Alice);
        for (int i = 1; i <= 40; i++)
            await (i % 2 == 0 ? host : other).Tell(convo, i);
        List<long>[] seen =
        [
            [],
            [],
        ];
        for (int i = 0; i < 40; i++)
        {
            seen[0].Add(((SubscribeConvoEventsGroupInfoRefreshRequested)await here.Next()).Epoch);
            seen[1].Add(((SubscribeConvoEventsGroupInfoRefreshRequested)await there.Next()).Epoch);
        }
        Assert.Equal(Enumerable.Range(1, 40).Select(static epoch => (long)epoch), seen[0].Order());
        Assert.Equal(seen[0], seen[1]);
    }

    [Fact]
    public async Task What_one_host_writes_comes_into_the_feed_of_another_and_counts_as_no_request()
    {
        using TestHost other = new(host);
        string convo = await host.CreateConvo(Alice);
        TaskCompletionSource<EventRelayed> heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable subscription = other
            .Services.GetRequiredService<ActivityFeed>()
            .Subscribe(activity =>
            {
                if (activity is EventRelayed relayed && relayed.ConvoId == convo)
                    heard.TrySetResult(relayed);
            });
        await host.Tell(convo, 3);
        EventRelayed told = await heard.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(("GroupInfoRefreshRequested", 3ul), (told.Kind, told.Epoch));
    }

    [Fact]
    public async Task Who_comes_with_an_old_cursor_before_the_stream_has_started_is_woken_when_it_has()
    {
        string convo = await host.CreateConvo(Alice);
        await host.Tell(convo, 1);
        long head = await host.Relayed();
        EventStream stream = new(TimeProvider.System);
        using EventRelayDuty relay = ActivatorUtilities.CreateInstance<EventRelayDuty>(host.Services, stream);
        Task changed = stream.Changed;
        Assert.Equal(0, stream.Head);
        await relay.StartAsync(CancellationToken.None);
        await changed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(stream.Head >= head);
        await relay.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Who_is_removed_gets_nothing_more_and_strangers_get_nothing()
    {
        string both = await host.CreateConvo(Alice, Bob),
            alone = await host.CreateConvo(Bob);
        using EventClient bob = await host.Subscribe(Bob),
            alice = await host.Subscribe(Alice);
        await host.Tell(both, 1);
        Assert.Equal(1, ((SubscribeConvoEventsGroupInfoRefreshRequested)await bob.Next()).Epoch);
        Assert.Equal(1, ((SubscribeConvoEventsGroupInfoRefreshRequested)await alice.Next()).Epoch);
        await host.Write(async context =>
            await context
                .Set<RosterEntry>()
                .Where(entry => entry.ConvoId == both && entry.Did == Bob)
                .ExecuteUpdateAsync(set => set.SetProperty(entry => entry.State, RosterState.Removed))
        );
        await host.Tell(both, 2);
        await host.Tell(alone, 3);
        await host.Tell(both, 4);
        Assert.Equal(
            (alone, 3L),
            await bob.Next() is SubscribeConvoEventsGroupInfoRefreshRequested told
                ? (told.ConvoId, told.Epoch)
                : default
        );
        Assert.Equal(2, ((SubscribeConvoEventsGroupInfoRefreshRequested)await alice.Next()).Epoch);
        Assert.Equal(4, ((SubscribeConvoEventsGroupInfoRefreshRequested)await alice.Next()).Epoch);
    }

    [Fact]
    public async Task An_account_and_an_address_have_only_so_many_and_the_next_one_is_let_in_when_one_ends()
    {
        using TestHost bounded = new(
            null,
            ("RateLimits:SubscriptionsOfAccount", "2"),
            ("RateLimits:SubscriptionsOfAddress", "4")
        );
        List<RequestAnswered> refused = [];
        using IDisposable subscription = bounded
            .Services.GetRequiredService<ActivityFeed>()
            .Subscribe(activity =>
            {
                if (activity is RequestAnswered { Outcome: not "accepted", Method: "subscribeConvoEvents" } request)
                    lock (refused)
                        refused.Add(request);
            });
        using EventClient first = await bounded.Subscribe(Alice),
            second = await bounded.Subscribe(Alice);
        using (EventClient third = await EventClient.Connect(bounded, $"ticket={await bounded.Ticket(Alice)}"))
            Assert.Equal("RateLimitExceeded", await third.Refusal());
        using EventClient bob = await bounded.Subscribe(Bob),
            bobs = await bounded.Subscribe(Bob);
        // The address has four. The fifth is refused before anything is known of its account.
        RawAnswer full = await Upgrade(bounded);
        Assert.Equal((429, "RateLimitExceeded", "30"), (full.Status, full.Error, full.Headers["Retry-After"]));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await bob.Close());
        // The slot is free when the host has seen the end of the connection.
        using EventClient next = await bounded.Opened(async () =>
        {
            for (int tries = 1; ; tries++)
            {
                try
                {
                    return await EventClient.Connect(bounded, $"ticket={await bounded.Ticket(Bob)}");
                }
                catch (WebSocketException) when (tries < 300)
                {
                    await Task.Delay(100);
                    lock (refused)
                        refused.RemoveAt(refused.Count - 1);
                }
            }
        });
        lock (refused)
            Assert.Equal(
                [("RateLimitExceeded", "account-subscriptions"), ("RateLimitExceeded", "address-subscriptions")],
                refused.Select(static one => (one.Outcome, one.Reason ?? ""))
            );
    }

    [Fact]
    public async Task A_host_that_has_all_its_websockets_says_so()
    {
        using TestHost bounded = new(null, ("Limits:WebSockets", "1"));
        using EventClient only = await bounded.Subscribe(Alice);
        RawAnswer full = await Upgrade(bounded);
        Assert.Equal((503, "NotEnoughResources", "1"), (full.Status, full.Error, full.Headers["Retry-After"]));
        Assert.DoesNotContain("Upgrade", full.Headers.Keys);
    }

    private static Task<RawAnswer> Upgrade(TestHost host) =>
        RawHttp.Send(
            host.Address,
            """
            GET /xrpc/blue.catbird.mls.subscribeConvoEvents?ticket=x HTTP/1.1
            Upgrade: websocket
            Connection: Upgrade
            Sec-WebSocket-Version: 13
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
            """
        );

    [Fact]
    public async Task A_frame_is_a_header_and_a_payload_in_dag_cbor()
    {
        string convo = await host.CreateConvo(Alice);
        using EventClient client = await host.Subscribe(Alice);
        await host.Write(context =>
        {
            LogEntry entry = new()
            {
                ConvoId = convo,
                Seq = 1,
                Kind = LogKind.Message,
                Epoch = 7,
                Message = [1, 2, 3],
                Sender = Alice,
                CreatedAt = DateTimeOffset.UnixEpoch,
            };
            context.Add(entry);
            context.AddEvent(OutboxEvent.Of(entry));
            return Task.CompletedTask;
        });
        byte[] frame = (await client.NextFrame())!;
        SubscribeConvoEventsMessage message = Assert.IsType<SubscribeConvoEventsMessage>(
            Lexicons.SubscribeConvoEvents.ReadFrame(frame)
        );
        Assert.Equal(
            (convo, 7L, 1L, "message", "AQID"),
            (message.ConvoId, message.Message.Epoch, message.Message.Seq, message.Message.Kind, message.Message.Message)
        );
        // {"t": "#message", "op": 1} and then {"seq", "time", "convoId", "message": {...}}, keys by length and then by
        // bytes.
        string hex = Convert.ToHexStringLower(frame);
        Assert.StartsWith(
            "a26174" + "68" + Hex("#message") + "626f7001" + "a4" + "63" + Hex("seq"),
            hex,
            StringComparison.Ordinal
        );
        string[] keys =
        [
            "63" + Hex("seq"),
            "64" + Hex("time"),
            "67" + Hex("convoId"),
            "67" + Hex("message") + "a5" + "63" + Hex("seq"),
            "64" + Hex("kind") + "67",
            "65" + Hex("epoch") + "07",
            "67" + Hex("message") + "64" + Hex("AQID"),
            "69" + Hex("createdAt") + "7818" + Hex("1970-01-01T00:00:00.000Z"),
        ];
        int at = 0;
        Assert.All(keys, key => Assert.True((at = hex.IndexOf(key, at, StringComparison.Ordinal) + 1) > 0, key));

        static string Hex(string text) => Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(text));
    }

    [Theory]
    [InlineData("", "InvalidRequest")]
    [InlineData("ticket=", "InvalidRequest")]
    [InlineData("ticket=unknown", "AuthenticationRequired")]
    [InlineData("ticket=unknown&cursor=-1", "InvalidRequest")]
    [InlineData("ticket=unknown&cursor=x", "InvalidRequest")]
    [InlineData("ticket=unknown&ticket=unknown", "InvalidRequest")]
    public async Task A_refusal_is_an_error_frame_and_a_close(string query, string error)
    {
        using EventClient client = await EventClient.Connect(host, query);
        Assert.Equal(error, await client.Refusal());
    }

    [Fact]
    public async Task A_ticket_opens_one_connection()
    {
        string ticket = await host.Ticket(Alice);
        using EventClient first = await host.Opened(() => EventClient.Connect(host, $"ticket={ticket}"));
        using EventClient second = await EventClient.Connect(host, $"ticket={ticket}");
        Assert.Equal("AuthenticationRequired", await second.Refusal());
    }

    [Fact]
    public async Task A_cursor_ahead_of_the_stream_is_refused()
    {
        long head = await host.Relayed();
        using EventClient client = await EventClient.Connect(
            host,
            $"ticket={await host.Ticket(Alice)}&cursor={head + 1000}"
        );
        Assert.Equal("FutureCursor", await client.Refusal());
    }

    [Fact]
    public async Task A_cursor_behind_what_is_kept_gets_an_info_first()
    {
        using TestHost own = new(null);
        string convo = await own.CreateConvo(Alice);
        for (int i = 1; i <= 5; i++)
            await own.Tell(convo, i);
        long head = await own.Relayed();
        await own.Write(context => context.Set<OutboxEvent>().Where(row => row.Seq <= head - 2).ExecuteDeleteAsync());
        using (EventClient outdated = await own.Subscribe(Alice, 1))
        {
            Assert.Equal("OutdatedCursor", Assert.IsType<SubscribeConvoEventsInfo>(await outdated.Next()).Name);
            Assert.Equal(4, ((SubscribeConvoEventsGroupInfoRefreshRequested)await outdated.Next()).Epoch);
            Assert.Equal(5, ((SubscribeConvoEventsGroupInfoRefreshRequested)await outdated.Next()).Epoch);
        }
        using EventClient good = await own.Subscribe(Alice, head - 2);
        Assert.Equal(4, ((SubscribeConvoEventsGroupInfoRefreshRequested)await good.Next()).Epoch);
    }

    [Fact]
    public async Task A_slow_consumer_is_told_so_and_dropped_and_can_resume()
    {
        using TestHost own = new(null, ("Events:MaxLag", "20"));
        string convo = await own.CreateConvo(Alice);
        using EventClient slow = await own.Opened(async () =>
            await EventClient.Connect(own, $"ticket={await own.Ticket(Alice)}", receiveBuffer: 64 * 1024)
        );
        // More than the buffers between the two hold, in one transaction: the service waits for the reader.
        await own.Write(context =>
        {
            for (int i = 1; i <= 8; i++)
            {
                LogEntry entry = new()
                {
                    ConvoId = convo,
                    Seq = i,
                    Kind = LogKind.Message,
                    Epoch = i,
                    Message = new byte[1 << 20],
                    Sender = Alice,
                    CreatedAt = DateTimeOffset.UtcNow,
                };
                context.Add(entry);
                context.AddEvent(OutboxEvent.Of(entry));
            }
            return Task.CompletedTask;
        });
        await own.Relayed();
        SubscribeConvoEventsMessage first = Assert.IsType<SubscribeConvoEventsMessage>(await slow.Next());
        for (int i = 9; i < 39; i++)
            await own.Tell(convo, i);
        await own.Relayed();
        List<long> seen = [first.Seq];
        EventStreamException dropped = await Assert.ThrowsAsync<EventStreamException>(async () =>
        {
            while (true)
                seen.Add(
                    await slow.Next() is SubscribeConvoEventsMessage message
                        ? message.Seq
                        : throw new InvalidOperationException("It kept up.")
                );
        });
        Assert.Equal("ConsumerTooSlow", dropped.Error);
        using EventClient again = await own.Subscribe(Alice, seen[^1]);
        for (int i = seen.Count + 1; i < 39; i++)
            Assert.Equal(
                i,
                await again.Next() switch
                {
                    SubscribeConvoEventsMessage message => message.Message.Epoch,
                    SubscribeConvoEventsGroupInfoRefreshRequested told => told.Epoch,
                    _ => 0,
                }
            );
    }

    [Fact]
    public async Task Without_a_websocket_there_is_no_answer_but_a_refusal()
    {
        using HttpClient client = new() { BaseAddress = host.Address };
        using HttpResponseMessage answer = await client.GetAsync(
            "/xrpc/blue.catbird.mls.subscribeConvoEvents?ticket=a"
        );
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("\"InvalidRequest\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using ClientWebSocket socket = new();
        await Assert.ThrowsAsync<WebSocketException>(() =>
            socket.ConnectAsync(
                new UriBuilder(host.Address) { Scheme = "ws", Path = "/xrpc/blue.catbird.mls.getMessages" }.Uri,
                CancellationToken.None
            )
        );
    }
}
