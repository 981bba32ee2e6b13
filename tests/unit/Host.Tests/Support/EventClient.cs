using System.Net.Sockets;
using System.Net.WebSockets;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Tests;

/// <summary>A client of subscribeConvoEvents that takes nothing before it is asked to.</summary>
internal sealed class EventClient : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly ClientWebSocket _socket = new();
    private readonly HttpMessageInvoker _invoker;

    private EventClient(int? receiveBuffer)
    {
        SocketsHttpHandler handler = new();
        if (receiveBuffer is { } bytes)
            handler.ConnectCallback = async (context, cancellation) =>
            {
                Socket tcp = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = bytes };
                await tcp.ConnectAsync(context.DnsEndPoint, cancellation);
                return new NetworkStream(tcp, ownsSocket: true);
            };
        _invoker = new HttpMessageInvoker(handler);
    }

    public static async Task<EventClient> Connect(TestHost host, string query, int? receiveBuffer = null)
    {
        EventClient client = new(receiveBuffer);
        UriBuilder address = new(host.Address)
        {
            Scheme = "ws",
            Path = "/xrpc/blue.catbird.mls.subscribeConvoEvents",
            Query = query,
        };
        using CancellationTokenSource limit = new(s_limit);
        await client._socket.ConnectAsync(address.Uri, client._invoker, limit.Token);
        return client;
    }

    /// <summary>The next frame's bytes; null once the service has closed.</summary>
    public async Task<byte[]?> NextFrame()
    {
        using CancellationTokenSource limit = new(s_limit);
        using MemoryStream frame = new();
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            ValueWebSocketReceiveResult part = await _socket.ReceiveAsync(buffer.AsMemory(), limit.Token);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            Assert.Equal(WebSocketMessageType.Binary, part.MessageType);
            frame.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return frame.ToArray();
        }
    }

    /// <exception cref="EventStreamException">It is an error frame.</exception>
    public async Task<SubscribeConvoEventsEvent> Next() =>
        Lexicons.SubscribeConvoEvents.ReadFrame(
            await NextFrame() ?? throw new InvalidOperationException($"Closed: {_socket.CloseStatus}")
        ) ?? throw new InvalidOperationException("A type that the lexicon does not have.");

    /// <summary>Expects an error frame and a close with 1008, and nothing else.</summary>
    public async Task<string> Refusal()
    {
        EventStreamException refused = await Assert.ThrowsAsync<EventStreamException>(Next);
        Assert.Null(await NextFrame());
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, _socket.CloseStatus);
        return refused.Error;
    }

    /// <returns>What the service answers to a close.</returns>
    public async Task<WebSocketCloseStatus?> Close()
    {
        using CancellationTokenSource limit = new(s_limit);
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
        return _socket.CloseStatus;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _invoker.Dispose();
    }
}
