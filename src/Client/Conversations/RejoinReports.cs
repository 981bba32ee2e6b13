using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>
/// Tells the service how rejoins ended, for its statistics. A report that cannot be told changes nothing, and no rejoin
/// waits for its report.
/// </summary>
internal sealed partial class RejoinReports(MlsClientOptions options, ServiceConnection service) : IAsyncDisposable
{
    private static readonly TimeSpan s_longestCall = TimeSpan.FromSeconds(5);

    private readonly ILogger _log = (options.Logging ?? NullLoggerFactory.Instance).CreateLogger<RejoinReports>();
    private readonly CancellationTokenSource _closing = new();
    private readonly HashSet<Task> _untold = [];

    /// <summary>Reports a rejoin that led in.</summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="way">The way that led in.</param>
    /// <param name="tries">Tries of all ways together.</param>
    /// <param name="elapsed">How long the rejoin took.</param>
    /// <param name="lastError">Why the last external commit before had not succeeded, if one had not.</param>
    /// <param name="cancellation">Ends the waiting where the report is told at once.</param>
    public Task AddSuccessAsync(
        string conversationId,
        RejoinWay way,
        int tries,
        TimeSpan elapsed,
        string? lastError,
        CancellationToken cancellation
    ) => AddAsync(Outcome("succeeded", conversationId, way, tries, elapsed, lastError), cancellation);

    /// <summary>Reports a rejoin that failed.</summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="way">The way that was tried last.</param>
    /// <param name="tries">Tries of all ways together.</param>
    /// <param name="elapsed">How long the rejoin took.</param>
    /// <param name="error">The failure.</param>
    /// <param name="cancellation">Ends the waiting where the report is told at once.</param>
    public Task AddFailureAsync(
        string conversationId,
        RejoinWay way,
        int tries,
        TimeSpan elapsed,
        string error,
        CancellationToken cancellation
    ) => AddAsync(Outcome("failed", conversationId, way, tries, elapsed, error), cancellation);

    private ReportRejoinOutcomeInput Outcome(
        string outcome,
        string conversationId,
        RejoinWay way,
        int tries,
        TimeSpan elapsed,
        string? lastError
    ) =>
        new()
        {
            ConvoId = conversationId,
            DeviceId = options.DeviceId,
            // A Welcome is the work of a member who added the device again.
            Way = way == RejoinWay.ExternalCommit ? "externalCommit" : "legacy",
            Outcome = outcome,
            Attempts = tries,
            ElapsedMs = (long)elapsed.TotalMilliseconds,
            // The service takes only names as errors.
            LastError = lastError is { Length: > 0 } error && error.All(char.IsAsciiLetter) ? error : null,
        };

    /// <summary>
    /// Tells the outcome at a random moment within <see cref="MlsClientOptions.ReportDelay"/>. Where that is zero, or
    /// the client closes, the outcome is told before this returns.
    /// </summary>
    private async Task AddAsync(ReportRejoinOutcomeInput outcome, CancellationToken cancellation)
    {
        if (options.ReportDelay == TimeSpan.Zero || _closing.IsCancellationRequested)
        {
            await TellAsync(outcome, cancellation).ConfigureAwait(false);
            return;
        }
        var telling = TellLaterAsync(outcome);
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

    /// <summary>Tells at once what was not told yet.</summary>
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

    private async Task TellLaterAsync(ReportRejoinOutcomeInput outcome)
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
        await TellAsync(outcome, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task TellAsync(ReportRejoinOutcomeInput outcome, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_longestCall);
        try
        {
            await service.CallAsync(Lexicons.ReportRejoinOutcome, outcome, limit.Token).ConfigureAwait(false);
        }
        catch (Exception untold)
        {
            LogUntold(untold.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "How a rejoin ended could not be told to the service: {Reason}")]
    private partial void LogUntold(string reason);
}
