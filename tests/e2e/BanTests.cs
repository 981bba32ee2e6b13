using System.Net.WebSockets;

namespace MlsConsole.E2e;

/// <summary>
/// Bans on two hosts over one database: what one host, or the operator's command, has said is so at the other at once.
/// </summary>
public sealed class BanTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    [SkippableTheory]
    [InlineData(StorageProvider.Sqlite)]
    [InlineData(StorageProvider.PostgreSql)]
    [Trait("Category", "Slow")]
    public async Task A_ban_at_one_host_ends_the_open_stream_and_refuses_everything_at_the_other(
        StorageProvider provider
    )
    {
        await using var first = await HostProcess.Start(HostFixture.NoLimits, await DatabaseServers.Of(provider));
        await using var second = await first.StartAnother();
        using var alice = await TestDevice.Register(first.Url, "alice-phone");
        using var bob = await TestDevice.Register(second.Url, "bob-phone");
        using var carol = await TestDevice.Register(second.Url, "carol-phone");
        var (convoId, created) = await alice.CreateConvo();
        var group = await alice.Add(convoId, await alice.Add(convoId, created, bob), carol);
        using var bobs = await Follow(bob.User, second.Url);
        using var carols = await Follow(carol.User, second.Url);

        await alice.User.MustDo("banMember", new { convoId, targetDid = bob.User.Did });
        await RefusesAll(bob, convoId, group);
        await Ends(bobs);

        Assert.Equal(WebSocketState.Open, carols.State);
        await carol.ServedGroup(convoId);
        var (code, output) = await first.Run("ban", carol.User.Did);
        Assert.True(code == 0, output);
        await RefusesAll(carol, convoId, group);
        await Ends(carols);
        Assert.Equal((403, "Unauthorized"), await Outcome(carol.User.Procedure("getSubscriptionTicket", new { })));

        // The service may have been told to ban somebody who is in many conversations: whoever is left goes on without
        // that account.
        var without = group
            .Commit(alice.Client)
            .Remove(group.LeafOf(bob.Client))
            .Remove(group.LeafOf(carol.Client))
            .Build();
        await alice.User.MustDo(
            "commit",
            new
            {
                convoId,
                commit = Convert.ToBase64String(without.Commit),
                groupInfo = Convert.ToBase64String(without.GroupInfo),
            }
        );
        Assert.Equal(
            (0, true),
            await second.Run("verify-audit") is (var held, var report)
                ? (held, report.Contains("hold", StringComparison.Ordinal))
                : default
        );
    }

    private static async Task RefusesAll(TestDevice device, string convoId, TestKit.TestGroup group)
    {
        Assert.Equal((403, "Unauthorized"), await Outcome(device.User.Query("getGroupInfo", ("convoId", convoId))));
        Assert.Equal((403, "Unauthorized"), await Outcome(device.Send(device.Rejoin(convoId, group))));
        Assert.Equal((403, "Unauthorized"), await Outcome(device.Send(device.Update(convoId, group))));
    }

    private static async Task<(int, string?)> Outcome(Task<XrpcAnswer> call) =>
        await call is var answer ? (answer.Status, answer.Error) : default;

    private static async Task<ClientWebSocket> Follow(XrpcUser user, Uri host)
    {
        var ticket = (await user.MustDo("getSubscriptionTicket", new { })).GetProperty("ticket").GetString()!;
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(
            new UriBuilder(host)
            {
                Scheme = "ws",
                Path = $"xrpc/{XrpcUser.Namespace}.subscribeConvoEvents",
                Query = $"ticket={Uri.EscapeDataString(ticket)}&cursor=0",
            }.Uri,
            CancellationToken.None
        );
        // It is open when the first event has come.
        await Receive(socket);
        return socket;
    }

    /// <summary>Reads what comes until nothing comes any more.</summary>
    private static async Task Ends(ClientWebSocket socket)
    {
        while (await Receive(socket)) { }
    }

    private static async Task<bool> Receive(ClientWebSocket socket)
    {
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            return (await socket.ReceiveAsync(new byte[64 * 1024].AsMemory(), limit.Token)).MessageType
                != WebSocketMessageType.Close;
        }
        catch (WebSocketException)
        {
            return false;
        }
    }
}
