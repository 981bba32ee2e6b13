using System.Diagnostics;
using System.Net;

namespace MlsConsole.Fleet;

/// <summary>
/// Watches the requests of a device: counts its external commits, and notes when it gets a turn to join.
/// </summary>
internal sealed class Wire(HttpMessageHandler inner, Statistics statistics) : DelegatingHandler(inner)
{
    private readonly Dictionary<string, long> _turns = [];

    /// <summary>
    /// The time, as of <see cref="Stopwatch.GetTimestamp"/>, of the answer that gave the device its last turn to join a
    /// conversation; null if there was none.
    /// </summary>
    public long? TurnIn(string convoId)
    {
        lock (_turns)
            return _turns.TryGetValue(convoId, out long given) ? given : null;
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        var answer = await base.SendAsync(request, cancellationToken);
        switch (request.RequestUri!.AbsolutePath.Split('.')[^1])
        {
            case "getGroupInfo" when answer.IsSuccessStatusCode:
                string convoId = Uri.UnescapeDataString(
                    request
                        .RequestUri.Query.TrimStart('?')
                        .Split('&')
                        .First(one => one.StartsWith("convoId=", StringComparison.Ordinal))[8..]
                );
                lock (_turns)
                    _turns[convoId] = Stopwatch.GetTimestamp();
                break;
            case "processExternalCommit":
                statistics.ExternalCommit(
                    mismatch: answer.StatusCode == HttpStatusCode.Conflict
                        && answer.Headers.Contains("MLS-Current-Epoch")
                );
                break;
        }
        return answer;
    }
}
