using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MlsConsole.E2e.Clients;

/// <summary>
/// A connection to the host that freezes: nothing arrives on it any more and neither end is told, as when a phone
/// changes its network.
/// </summary>
public sealed class FrozenConnectionTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Events_are_followed_by_another_connection_when_one_has_frozen()
    {
        await using var couple = await Couple.Meet(fixture.Host.Url);
        await using var way = new Way(fixture.Host.Url.Port);
        couple.Bob.Meddler.After = (method, answer) =>
            method == "getSubscriptionTicket"
                ? Meddler.Rewritten(
                    answer,
                    body => body["endpoint"] = new UriBuilder((string)body["endpoint"]!) { Port = way.Port }.ToString()
                )
                : Task.FromResult(answer);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var opened = new TaskCompletionSource();
        var heard = new TaskCompletionSource();
        var following = Task.Run(
            async () =>
            {
                await foreach (var one in couple.Bob.Client.Events.FollowAsync(limit.Token))
                {
                    opened.TrySetResult();
                    if (
                        one.Sync?.Messages.Any(message => Encoding.UTF8.GetString(message.Data) == "are you there?")
                        == true
                    )
                        heard.TrySetResult();
                }
            },
            limit.Token
        );
        await opened.Task.WaitAsync(limit.Token);
        // After this event there is a place from which the next connection goes on.
        await couple.Alice.Conversations.UpdateAsync(couple.ConvoId, limit.Token);

        way.Freeze();
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "are you there?"u8.ToArray(), limit.Token);
        if (await Task.WhenAny(following, heard.Task).WaitAsync(limit.Token) == following)
            await following;

        Assert.True(couple.Bob.Meddler.Count("getSubscriptionTicket") >= 2);
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
    }

    /// <summary>A proxy that hands bytes on in both directions.</summary>
    private sealed class Way : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly int _to;
        private readonly List<TcpClient> _ends = [];
        private readonly Task _serving;
        private CancellationTokenSource _flow = new();

        public Way(int to)
        {
            _to = to;
            _listener.Start();
            _serving = Serve();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        /// <summary>Hands nothing on any more on the connections that exist. The connections stay open.</summary>
        public void Freeze() => Interlocked.Exchange(ref _flow, new()).Cancel();

        private async Task Serve()
        {
            try
            {
                while (true)
                {
                    var from = await _listener.AcceptTcpClientAsync();
                    var to = new TcpClient();
                    await to.ConnectAsync(IPAddress.Loopback, _to);
                    _ends.AddRange([from, to]);
                    _ = Pump(from, to, _flow.Token);
                    _ = Pump(to, from, _flow.Token);
                }
            }
            catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
            {
                // The listener was disposed.
            }
        }

        private static async Task Pump(TcpClient from, TcpClient to, CancellationToken frozen)
        {
            try
            {
                await from.GetStream().CopyToAsync(to.GetStream(), frozen);
                to.Client.Shutdown(SocketShutdown.Send);
            }
            catch (Exception ended)
                when (ended is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // The connection is frozen, or one end is gone.
            }
        }

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _serving;
            _ends.ForEach(static end => end.Dispose());
            _flow.Dispose();
        }
    }
}
