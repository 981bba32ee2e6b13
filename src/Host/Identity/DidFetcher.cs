using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Identity;

/// <summary>The result of a fetch.</summary>
/// <param name="Document">Null if there is no document, or if its host could not be asked.</param>
/// <param name="IsAnswer">False if the host could not be asked, so that it may have a document all the same.</param>
internal readonly record struct FetchedDocument(DidDocument? Document, bool IsAnswer);

/// <summary>
/// Fetches DID documents. The caller, who is not authenticated yet, chooses the host that is asked. So a fetch is one
/// GET without redirects and proxies, limited to three seconds, 64 KiB and public addresses. The address is judged when
/// the connection is made, so a name that resolves to another address the second time gains nothing.
/// </summary>
internal sealed class DidFetcher : IDisposable
{
    private const int MaxDocument = 64 * 1024;

    /// <summary>
    /// The limit of concurrent fetches for each of the two methods. The limits are apart, so that slow hosts of
    /// <c>did:web</c> keep nobody from the directory of <c>did:plc</c>.
    /// </summary>
    private const int MaxConcurrent = 128;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(3);

    private readonly HostSettings _settings;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _lookUp;
    private readonly HttpMessageInvoker _web,
        _directory;
    private readonly SemaphoreSlim _webSlots = new(MaxConcurrent),
        _directorySlots = new(MaxConcurrent);

    public DidFetcher(HostSettings settings)
        : this(settings, Dns.GetHostAddressesAsync) { }

    internal DidFetcher(HostSettings settings, Func<string, CancellationToken, Task<IPAddress[]>> lookUp)
    {
        (_settings, _lookUp) = (settings, lookUp);
        // The operator chooses the address of the directory, so that address may be private.
        (_web, _directory) = (Client(settings.AllowPrivateHosts), Client(anyAddress: true));
    }

    /// <summary>Whether a DID is of a method whose documents are fetched.</summary>
    public bool Knows(string did) => AddressOf(did) is not null;

    /// <exception cref="XrpcException">Too many fetches are under way (503).</exception>
    public async Task<FetchedDocument> FetchAsync(string did)
    {
        Uri? plc = DidAddress.OfPlc(did, _settings.PlcDirectory);
        Uri address =
            plc
            ?? DidAddress.OfWeb(did, _settings.AllowPrivateHosts)
            ?? throw new ArgumentException("Not a DID that is fetched.", nameof(did));
        var (client, slots) = plc is null ? (_web, _webSlots) : (_directory, _directorySlots);
        if (!slots.Wait(0))
            throw XrpcException.NotEnoughResources();
        using CancellationTokenSource limit = new(s_limit);
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Get, address);
            request.Headers.Accept.ParseAdd("application/did+ld+json");
            request.Headers.Accept.ParseAdd("application/json");
            using HttpResponseMessage response = await client.SendAsync(request, limit.Token);
            if ((int)response.StatusCode >= 500 || response.StatusCode == HttpStatusCode.TooManyRequests)
                return new(null, IsAnswer: false);
            if (response.StatusCode != HttpStatusCode.OK)
                return new(null, IsAnswer: true);
            return new(await ReadAsync(response.Content, did, limit.Token), IsAnswer: true);
        }
        catch (HttpRequestException exception) when (exception.InnerException is NotPublicException)
        {
            return new(null, IsAnswer: true);
        }
        catch (Exception exception)
            when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            return new(null, IsAnswer: false);
        }
        finally
        {
            slots.Release();
        }
    }

    public void Dispose()
    {
        _web.Dispose();
        _directory.Dispose();
        _webSlots.Dispose();
        _directorySlots.Dispose();
    }

    private Uri? AddressOf(string did) =>
        DidAddress.OfPlc(did, _settings.PlcDirectory) ?? DidAddress.OfWeb(did, _settings.AllowPrivateHosts);

    private static async Task<DidDocument?> ReadAsync(HttpContent content, string did, CancellationToken cancellation)
    {
        byte[] buffer = new byte[MaxDocument + 1];
        await using Stream stream = await content.ReadAsStreamAsync(cancellation);
        int length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        if (length > MaxDocument)
            return null;
        try
        {
            using JsonDocument json = JsonDocument.Parse(
                buffer.AsMemory(0, length),
                new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false }
            );
            return DidDocument.Read(json.RootElement) is { } document && document.Id == did ? document : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // A string that is no UTF-8 is reported as an invalid operation.
            return null;
        }
    }

    private HttpMessageInvoker Client(bool anyAddress) =>
        new(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseProxy = false,
                UseCookies = false,
                MaxResponseHeadersLength = 16,
                PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
                PooledConnectionLifetime = TimeSpan.FromMinutes(1),
                ConnectCallback = async (context, cancellation) =>
                {
                    IPAddress[] addresses = await AddressesOfAsync(context.DnsEndPoint.Host, cancellation);
                    if (!anyAddress)
                        addresses = [.. addresses.Where(PublicAddresses.Contain)];
                    if (addresses.Length == 0)
                        throw new NotPublicException();
                    Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                    try
                    {
                        await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellation);
                        return new NetworkStream(socket, ownsSocket: true);
                    }
                    catch
                    {
                        socket.Dispose();
                        throw;
                    }
                },
            }
        );

    private async Task<IPAddress[]> AddressesOfAsync(string host, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address))
            return [address];
        return DidAddress.IsLocalhost(host)
            ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
            : await _lookUp(host, cancellation);
    }

    /// <summary>The host has no address of the public Internet.</summary>
    private sealed class NotPublicException() : IOException("The host has no public address.");
}
