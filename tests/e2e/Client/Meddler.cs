namespace MlsConsole.E2e.Clients;

/// <summary>Stands between a client and the service: counts its calls, and lets a test do something before or after one of them.</summary>
internal sealed class Meddler() : DelegatingHandler(new SocketsHttpHandler())
{
    private readonly List<string> _calls = [];
    private readonly List<string?> _tokens = [];

    /// <summary>Called with the method before the request leaves.</summary>
    public Func<string, Task>? Before { get; set; }

    /// <summary>Called with the method and the answer; what it returns is what the client gets.</summary>
    public Func<string, HttpResponseMessage, Task<HttpResponseMessage>>? After { get; set; }

    public IReadOnlyList<string> Calls { get { lock (_calls) return [.. _calls]; } }

    public IReadOnlyList<string?> Tokens { get { lock (_calls) return [.. _tokens]; } }

    public int Count(string method) => Calls.Count(call => call == method);

    public void Forget()
    {
        lock (_calls)
        {
            _calls.Clear();
            _tokens.Clear();
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var method = request.RequestUri!.AbsolutePath.Split('.')[^1];
        lock (_calls)
        {
            _calls.Add(method);
            _tokens.Add(request.Headers.Authorization?.Parameter);
        }
        if (Before is { } before) await before(method);
        var answer = await base.SendAsync(request, cancellationToken);
        return After is { } after ? await after(method, answer) : answer;
    }
}
