using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>A commit that the service acknowledged, and how.</summary>
public sealed record Acknowledged(PreparedCommit Prepared, ulong Epoch, string Answer);

/// <summary>
/// One client in flight: commits to a conversation with a silent partner without pause, by turns as a member and from
/// outside. When a request is cut, the client sends the same request again, with the same idempotency key, until
/// there is an answer.
/// </summary>
/// <param name="mayFail">
/// Whether the service may answer that it failed, because its database is killed: that is as good as no answer.
/// </param>
public sealed class Committer(TestDevice device, string convoId, TestGroup group, bool mayFail) : IDisposable
{
    private readonly List<Acknowledged> _acknowledged = [];
    private TestGroup _group = group;
    private int _cut;

    public TestDevice Device => device;
    public string ConvoId => convoId;

    /// <summary>What the service acknowledged so far; read it while <see cref="Run"/> does not run.</summary>
    public IReadOnlyList<Acknowledged> Acknowledged => _acknowledged;

    /// <summary>
    /// Requests that were on their way when the connection broke, or that the service failed to do: not those that
    /// found nobody listening.
    /// </summary>
    public int Cut => Volatile.Read(ref _cut);

    /// <summary>The group after the last acknowledged commit.</summary>
    public TestGroup Group => _group;

    public static async Task<Committer> Create(Uri url, int number, bool mayFail)
    {
        var device = await TestDevice.Register(url, $"committer-{number}");
        using var partner = await TestDevice.Register(url, $"partner-{number}");
        var (convoId, group) = await device.CreateConvo();
        return new(device, convoId, await device.Add(convoId, group, partner), mayFail);
    }

    /// <summary>Commits until it is told to stop and the last request has its answer.</summary>
    public async Task Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var prepared =
                _acknowledged.Count % 2 == 0 ? device.Update(convoId, _group) : device.Rejoin(convoId, _group);
            var answer = await SendUntilAnswered(prepared);
            Assert.True(answer.IsSuccess, $"{prepared.Method}: {answer.Status} {answer.Body}");
            _group = prepared.After;
            Assert.Equal(_group.Group.Epoch, answer.Body.GetProperty("epoch").GetUInt64());
            _acknowledged.Add(new(prepared, _group.Group.Epoch, answer.Body.GetRawText()));
        }
    }

    public void Dispose() => device.Dispose();

    private async Task<XrpcAnswer> SendUntilAnswered(PreparedCommit prepared)
    {
        while (true)
        {
            try
            {
                var answer = await device.Send(prepared);
                if (!mayFail || answer.Status != 500)
                    return answer;
                Interlocked.Increment(ref _cut);
            }
            catch (HttpRequestException exception)
            {
                if (exception.HttpRequestError != HttpRequestError.ConnectionError)
                    Interlocked.Increment(ref _cut);
            }
            await Task.Delay(20, CancellationToken.None); // until the host is there again
        }
    }
}
