using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MlsConsole.Clients;

namespace MlsConsole.E2e.Native;

/// <summary>
/// Gives service tokens of one account to whoever asks on loopback, as a PDS does: the request is one line with DID,
/// audience and method, and the answer is the token.
/// </summary>
internal sealed class TokenServer : IAsyncDisposable
{
    private readonly AccountKey _account = AccountKey.CreateP256();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private Task _serving = Task.CompletedTask;

    public static TokenServer Start()
    {
        var server = new TokenServer();
        server._listener.Start();
        server._serving = server.Serve();
        return server;
    }

    /// <summary>The port and the account, as arguments for the program.</summary>
    public string[] Arguments =>
        [((IPEndPoint)_listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture), _account.DidKey];

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving;
        _account.Dispose();
    }

    private async Task Serve()
    {
        while (true)
        {
            try
            {
                using var caller = await _listener.AcceptTcpClientAsync();
                using var reader = new StreamReader(caller.GetStream(), Encoding.UTF8);
                if ((await reader.ReadLineAsync())?.Split(' ') is not [var did, var audience, var method])
                    continue;
                await caller
                    .GetStream()
                    .WriteAsync(Encoding.ASCII.GetBytes(await _account.Tokens(did)(audience, method, default)));
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
