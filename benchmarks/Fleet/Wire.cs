using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace MlsConsole.Fleet;

/// <summary>
/// Watches the requests of a device: counts its external commits by outcome, notes when it gets a turn to join, and
/// spoils the external commits of a rejoin that is to fail.
/// </summary>
internal sealed class Wire(HttpMessageHandler inner, Statistics statistics, Random random) : DelegatingHandler(inner)
{
    private readonly Dictionary<string, long> _turns = [];
    private volatile bool _isSpoiled;
    private volatile bool _isSwitchedOff;

    /// <summary>
    /// Whether the service has answered since the last rejoin began that external commits are off for the account: then
    /// the help of a member is no fallback, because there is no other way.
    /// </summary>
    public bool IsSwitchedOff => _isSwitchedOff;

    /// <summary>
    /// The time, as of <see cref="Stopwatch.GetTimestamp"/>, of the answer that gave the device its last turn to join a
    /// conversation; null if there was none.
    /// </summary>
    public long? TurnIn(string convoId)
    {
        lock (_turns)
            return _turns.TryGetValue(convoId, out long given) ? given : null;
    }

    /// <summary>
    /// A rejoin begins. Whether it is one of the share whose external commits are all spoiled is drawn now and holds
    /// until the result is disposed.
    /// </summary>
    public IDisposable Begin(double share)
    {
        lock (random)
            _isSpoiled = random.NextDouble() < share;
        _isSwitchedOff = false;
        return new Spoiling(this);
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        string method = request.RequestUri!.AbsolutePath.Split('.')[^1];
        bool isExternalCommit = method == "processExternalCommit";
        if (isExternalCommit && _isSpoiled)
            await FlipBit(request, cancellationToken);
        HttpResponseMessage answer;
        try
        {
            answer = await base.SendAsync(request, cancellationToken);
        }
        catch (Exception) when (isExternalCommit)
        {
            statistics.ExternalCommit("unanswered");
            throw;
        }
        if (isExternalCommit)
            statistics.ExternalCommit(await OutcomeOf(answer, cancellationToken));
        if (method == "getGroupInfo" && await IsRefusalOf("ExternalCommitsDisabled", answer, cancellationToken))
            _isSwitchedOff = true;
        if (method == "getGroupInfo" && answer.IsSuccessStatusCode)
            lock (_turns)
                _turns[ConvoIdOf(request.RequestUri)] = Stopwatch.GetTimestamp();
        return answer;
    }

    private static string ConvoIdOf(Uri uri) =>
        Uri.UnescapeDataString(
            uri.Query.TrimStart('?').Split('&').First(one => one.StartsWith("convoId=", StringComparison.Ordinal))[8..]
        );

    private static async Task<string> OutcomeOf(HttpResponseMessage answer, CancellationToken cancellation)
    {
        if (answer.IsSuccessStatusCode)
            return "accepted";
        // The client reads the body after this handler.
        await answer.Content.LoadIntoBufferAsync(cancellation);
        try
        {
            return JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancellation))?["error"]?.GetValue<string>()
                ?? "unknown";
        }
        catch (System.Text.Json.JsonException)
        {
            return "unknown";
        }
    }

    private static async Task<bool> IsRefusalOf(
        string error,
        HttpResponseMessage answer,
        CancellationToken cancellation
    ) => !answer.IsSuccessStatusCode && await OutcomeOf(answer, cancellation) == error;

    private static async Task FlipBit(HttpRequestMessage request, CancellationToken cancellation)
    {
        var body = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellation))!;
        byte[] commit = Convert.FromBase64String(body["externalCommit"]!.GetValue<string>());
        commit[^1] ^= 1;
        body["externalCommit"] = Convert.ToBase64String(commit);
        request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
    }

    private sealed class Spoiling(Wire wire) : IDisposable
    {
        public void Dispose() => wire._isSpoiled = false;
    }
}
