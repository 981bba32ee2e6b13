using MlsConsole.Core.Audit;

namespace MlsConsole.Host.Startup;

/// <summary>Links audit entries within a second of their writing, and writes the refusals of each minute that is over.</summary>
internal sealed partial class AuditUpkeep(
    AuditLinker linker,
    RefusalTally tally,
    TimeProvider clock,
    ILogger<AuditUpkeep> log
) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await StepAsync(all: false, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    /// <summary>The last step comes when no request is served any more.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await StepAsync(all: true, cancellationToken);
    }

    private async Task StepAsync(bool all, CancellationToken cancellation)
    {
        try
        {
            await tally.FlushAsync(all, cancellation);
            await linker.LinkAsync(cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogFault(exception); // A database that is away comes back; what is unlinked waits.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The audit chain could not be linked; it is tried again")]
    private partial void LogFault(Exception exception);
}
