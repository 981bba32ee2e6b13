using System.Net.WebSockets;
using Microsoft.AspNetCore.Connections;
using MlsConsole.Host.Live;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// A method that is called by WebSocket. A refusal is an error frame and a close with code 1008, because with an HTTP
/// status the official client would try for ever.
/// </summary>
internal abstract class XrpcSubscription(string nsid) : XrpcMethod(nsid)
{
    /// <summary>The time within which a client must answer a close.</summary>
    private static readonly TimeSpan s_closeLimit = TimeSpan.FromSeconds(5);

    /// <summary>Refuses every request that is no WebSocket.</summary>
    public override void CheckContent(HttpRequest request) =>
        throw XrpcException.InvalidRequest("This method is a subscription: a WebSocket is expected.");

    public override Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call) =>
        throw new InvalidOperationException("A subscription has no body.");

    /// <summary>
    /// Admits the caller, calls <paramref name="opened"/>, and from then on serves the socket until the subscription
    /// ends.
    /// </summary>
    /// <exception cref="Exception">
    /// A refusal: an exception that <see cref="XrpcFailure"/> knows, or a <see cref="StreamRefusal"/>.
    /// </exception>
    protected abstract Task RunAsync(
        HttpContext context,
        WebSocket socket,
        Action opened,
        CancellationToken cancellation
    );

    /// <summary>Serves one connection from its acceptance to its end.</summary>
    /// <param name="context">A WebSocket request.</param>
    /// <param name="outcome">
    /// Called once: with null when the subscription is open, else with the reason of the refusal.
    /// </param>
    /// <exception cref="XrpcException">The host has as many WebSockets as it may have.</exception>
    public async Task ServeAsync(HttpContext context, Action<Exception?> outcome)
    {
        using WebSocket socket = await AcceptAsync(context);
        var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted,
            stopping
        );
        Task receiving = ReceiveAsync(socket, ended);
        bool told = false;
        try
        {
            await RunAsync(context, socket, () => Tell(null), ended.Token);
        }
        catch (Exception exception)
            when (ended.IsCancellationRequested
                || exception is WebSocketException or ConnectionResetException or OperationCanceledException
            )
        {
            Tell(null);
        }
        catch (Exception exception)
        {
            Tell(exception);
            XrpcFailure? failure = exception is StreamRefusal ? null : XrpcFailure.From(exception);
            await RefuseAsync(
                socket,
                failure?.Error ?? ((StreamRefusal)exception).Error,
                failure?.Message ?? exception.Message
            );
        }
        // The official client takes a close frame for the end of the stream, and reconnects only if the connection
        // breaks. So a host that stops breaks the connection.
        if (socket.State == WebSocketState.CloseReceived && !stopping.IsCancellationRequested)
            await QuietlyAsync(limit => socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, limit));
        if (socket.State == WebSocketState.CloseSent)
            await Task.WhenAny(receiving, Task.Delay(s_closeLimit, CancellationToken.None));
        socket.Abort();
        await receiving;

        void Tell(Exception? exception)
        {
            if (told)
                return;
            told = true;
            outcome(exception);
        }
    }

    private static async Task<WebSocket> AcceptAsync(HttpContext context)
    {
        try
        {
            return await context.WebSockets.AcceptWebSocketAsync();
        }
        catch (InvalidOperationException) when (!context.Response.HasStarted)
        {
            // Kestrel has no type of its own for its limit of connections that were upgraded.
            throw XrpcException.NotEnoughResources();
        }
    }

    private static async Task RefuseAsync(WebSocket socket, string error, string message)
    {
        await QuietlyAsync(limit =>
            socket.SendAsync(EventFrame.Error(error, message), WebSocketMessageType.Binary, endOfMessage: true, limit)
        );
        if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            await QuietlyAsync(limit => socket.CloseOutputAsync(WebSocketCloseStatus.PolicyViolation, error, limit));
    }

    /// <summary>Reads what a client sends until the client closes. Everything else that it sends is ignored.</summary>
    private static async Task ReceiveAsync(WebSocket socket, CancellationTokenSource ended)
    {
        byte[] buffer = new byte[256];
        try
        {
            while (
                (await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType
                != WebSocketMessageType.Close
            ) { }
        }
        catch (Exception exception)
            when (exception
                    is WebSocketException
                        or OperationCanceledException
                        or ConnectionResetException
                        or ObjectDisposedException
                        or IOException
            )
        {
            // The connection broke.
        }
        await ended.CancelAsync();
    }

    private static async Task QuietlyAsync(Func<CancellationToken, Task> action)
    {
        using CancellationTokenSource limit = new(s_closeLimit);
        try
        {
            await action(limit.Token);
        }
        catch (Exception exception)
            when (exception
                    is WebSocketException
                        or OperationCanceledException
                        or ConnectionResetException
                        or InvalidOperationException
                        or IOException
            )
        {
            // The client is gone, so there is nobody to tell.
        }
    }
}
