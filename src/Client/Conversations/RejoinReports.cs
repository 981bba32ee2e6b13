using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>Tells the service how rejoins ended, which is for its statistics: what becomes of the telling changes nothing, and no rejoin waits for it.</summary>
internal sealed partial class RejoinReports(MlsClientOptions options, ServiceConnection service) : IAsyncDisposable
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    private readonly ILogger _log = (options.Logging ?? NullLoggerFactory.Instance).CreateLogger<RejoinReports>();
    private readonly CancellationTokenSource _closing = new();
    private readonly HashSet<Task> _untold = [];

    /// <summary>Tells it at a random moment within <see cref="MlsClientOptions.ReportDelay"/>; where that is zero, or the client closes, before this returns.</summary>
    public async Task Add(ReportRejoinOutcomeInput outcome, CancellationToken cancellation)
    {
        if (options.ReportDelay == TimeSpan.Zero || _closing.IsCancellationRequested)
        {
            await Tell(outcome, cancellation).ConfigureAwait(false);
            return;
        }
        var telling = TellLater(outcome);
        lock (_untold)
            _untold.Add(telling);
        _ = telling.ContinueWith(
            told =>
            {
                lock (_untold)
                    _untold.Remove(told);
            },
            TaskScheduler.Default
        );
    }

    /// <summary>What has not been told yet is told at once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closing.IsCancellationRequested)
            return;
        await _closing.CancelAsync().ConfigureAwait(false);
        Task[] untold;
        lock (_untold)
            untold = [.. _untold];
        await Task.WhenAll(untold).ConfigureAwait(false);
        _closing.Dispose();
    }

    private async Task TellLater(ReportRejoinOutcomeInput outcome)
    {
        try
        {
            await Task.Delay(Random.Shared.NextDouble() * options.ReportDelay, options.Clock, _closing.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The client closes.
        }
        await Tell(outcome, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task Tell(ReportRejoinOutcomeInput outcome, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_longest);
        try
        {
            await service.Call(Lexicons.ReportRejoinOutcome, outcome, limit.Token).ConfigureAwait(false);
        }
        catch (Exception untold)
        {
            LogUntold(untold.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "How a rejoin ended could not be told to the service: {Reason}")]
    private partial void LogUntold(string reason);
}
