using System.Net;
using System.Net.WebSockets;

namespace MlsConsole.E2e;

/// <summary>A host that is told to stop while clients are connected.</summary>
public sealed class StopTests
{
    /// <summary>The first message of a client of SignalR, which ends with the record separator.</summary>
    private static readonly byte[] s_handshake = "{\"protocol\":\"json\",\"version\":1}\u001e"u8.ToArray();

    /// <summary>A page of the console does this: as soon as its connection is closed, it connects again.</summary>
    [Fact]
    public async Task Clients_of_a_hub_that_reconnect_at_once_do_not_hold_up_the_stop()
    {
        await using var host = await HostProcess.Start();
        var hub = new UriBuilder(host.Url) { Scheme = "ws", Path = "hubs/live" }.Uri;
        var connected = Enumerable.Range(0, 20).Select(_ => new TaskCompletionSource()).ToList();
        var cookie = await host.SignInAsync();
        var clients = connected.Select(first => Task.Run(() => Reconnect(hub, cookie, first))).ToList();
        await Task.WhenAll(connected.Select(static first => first.Task));
        await host.Stop();
        await Task.WhenAll(clients);
        Assert.DoesNotContain("exception", host.Output, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Connects, and connects again whenever the connection ends, until the host refuses.</summary>
    private static async Task Reconnect(Uri hub, Cookie cookie, TaskCompletionSource first)
    {
        while (true)
        {
            using var socket = new ClientWebSocket();
            socket.Options.Cookies = new CookieContainer();
            socket.Options.Cookies.Add(
                new UriBuilder(hub) { Scheme = "http" }.Uri,
                new Cookie(cookie.Name, cookie.Value)
            );
            try
            {
                await socket.ConnectAsync(hub, CancellationToken.None);
            }
            catch (WebSocketException)
            {
                first.TrySetResult();
                return;
            }
            try
            {
                await socket.SendAsync(s_handshake, WebSocketMessageType.Text, true, CancellationToken.None);
                first.TrySetResult();
                await UntilClosed(socket);
            }
            catch (WebSocketException)
            {
                // The host has cut the connection instead of closing it.
            }
        }
    }

    private static async Task UntilClosed(ClientWebSocket socket)
    {
        byte[] buffer = new byte[1024];
        WebSocketReceiveResult received;
        do received = await socket.ReceiveAsync(buffer, CancellationToken.None);
        while (received.MessageType != WebSocketMessageType.Close);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }
}
