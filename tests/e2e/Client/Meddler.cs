using System.Text;
using System.Text.Json.Nodes;

namespace MlsConsole.E2e.Clients;

/// <summary>
/// Stands between a client and the service: counts the client's calls, and lets a test do something before or after a
/// call.
/// </summary>
internal sealed class Meddler() : DelegatingHandler(new SocketsHttpHandler())
{
    private readonly List<string> _calls = [];
    private readonly List<string?> _tokens = [];
    private readonly List<(string Method, string Body)> _bodies = [];

    /// <summary>Called with the method before the request leaves.</summary>
    public Func<string, Task>? Before { get; set; }

    /// <summary>Called with the method and the answer. The client gets the answer that this returns.</summary>
    public Func<string, HttpResponseMessage, Task<HttpResponseMessage>>? After { get; set; }

    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_calls)
                return [.. _calls];
        }
    }

    public IReadOnlyList<string?> Tokens
    {
        get
        {
            lock (_calls)
                return [.. _tokens];
        }
    }

    /// <summary>The inputs that were sent to a procedure.</summary>
    public IReadOnlyList<JsonNode> BodiesOf(string method)
    {
        lock (_calls)
            return [.. _bodies.Where(one => one.Method == method).Select(one => JsonNode.Parse(one.Body)!)];
    }

    public int Count(string method) => Calls.Count(call => call == method);

    public void Forget()
    {
        lock (_calls)
        {
            _calls.Clear();
            _tokens.Clear();
            _bodies.Clear();
        }
    }

    /// <summary>Changes something in the body of an answer. A refusal stays as it is.</summary>
    public static async Task<HttpResponseMessage> Rewritten(HttpResponseMessage answer, Action<JsonNode> change)
    {
        if (!answer.IsSuccessStatusCode)
            return answer;
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        change(body);
        answer.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return answer;
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        var method = request.RequestUri!.AbsolutePath.Split('.')[^1];
        var body = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        lock (_calls)
        {
            if (body is not null)
                _bodies.Add((method, body));
            _calls.Add(method);
            _tokens.Add(request.Headers.Authorization?.Parameter);
        }
        if (Before is { } before)
            await before(method);
        var answer = await base.SendAsync(request, cancellationToken);
        return After is { } after ? await after(method, answer) : answer;
    }
}
