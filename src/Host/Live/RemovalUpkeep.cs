using MlsConsole.Core.ExternalSenders;

namespace MlsConsole.Host.Live;

/// <summary>Has removals proposed by the service as they become due: after a ban, and after each epoch that leaves a leaf behind whose account is gone.</summary>
internal sealed partial class RemovalUpkeep(RemovalProposals proposals, TimeProvider clock, ILogger<RemovalUpkeep> log)
    : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(250);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await StepAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task StepAsync(CancellationToken cancellation)
    {
        try
        {
            await proposals.ProposeAsync(cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogFault(exception); // A database that is away comes back; what is due stays due.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Removals could not be proposed; it is tried again")]
    private partial void LogFault(Exception exception);
}
