using MlsConsole.Core.People;
using MlsConsole.Core.Retention;

namespace MlsConsole.Host.Duties;

/// <summary>Deletes what is older than its retention.</summary>
internal sealed class PruningDuty(Pruning pruning, Sessions sessions, TimeProvider clock, ILogger<PruningDuty> log)
    : Duty("pruning", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromMinutes(10);

    protected override Task StepAsync(CancellationToken cancellation) =>
        Task.WhenAll(pruning.PruneAsync(cancellation), sessions.PruneAsync(cancellation));
}
