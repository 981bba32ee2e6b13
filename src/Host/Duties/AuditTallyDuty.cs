using MlsConsole.Core.Audit;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Writes the counted requests of each minute that is over into the audit log; at the end, the running minute's.
/// </summary>
internal sealed class AuditTallyDuty(AuditTally tally, TimeProvider clock, ILogger<AuditTallyDuty> log)
    : Duty("audit_tally", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(500);

    protected override Task StepAsync(CancellationToken cancellation) => tally.FlushAsync(all: false, cancellation);

    protected override Task LastStepAsync(CancellationToken cancellation) => tally.FlushAsync(all: true, cancellation);
}
