using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>A client that trusts a test's certificates, wherever a host's name leads and from any address.</summary>
internal sealed class TrustingClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="certificates">Whose root it trusts.</param>
    /// <param name="to">Where it connects; null for where the address leads.</param>
    /// <param name="from">Its own address; null for whichever it gets.</param>
    public TrustingClient(TestCertificates certificates, IPAddress? to = null, IPAddress? from = null) =>
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                SslOptions =
                {
                    CertificateChainPolicy = certificates.Trust(),
                    // Who names another host in the Host header names it in the handshake too.
                    RemoteCertificateValidationCallback = static (_, _, _, errors) =>
                        errors is SslPolicyErrors.None or SslPolicyErrors.RemoteCertificateNameMismatch,
                },
                ConnectCallback = async (context, cancellation) =>
                {
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    if (from is not null)
                        socket.Bind(new IPEndPoint(from, 0));
                    var target = to ?? IPAddress.Parse(context.DnsEndPoint.Host);
                    await socket.ConnectAsync(target, context.DnsEndPoint.Port, cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        )
        {
            Timeout = TimeSpan.FromMinutes(1),
        };

    /// <returns>The status and the body of the answer.</returns>
    public async Task<(int Status, string Body)> Get(
        string url,
        string? host = null,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Host = host;
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        using var answer = await _http.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public async Task<int> Status(string url, string? host = null, params (string Name, string Value)[] headers) =>
        (await Get(url, host, headers)).Status;

    public void Dispose() => _http.Dispose();
}
