using MlsConsole.Core.Audit;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Links audit entries into the chain within a second of their writing. Entries that are not linked wait.
/// </summary>
internal sealed class AuditLinkingDuty(AuditLinker linker, TimeProvider clock, ILogger<AuditLinkingDuty> log)
    : Duty("audit_linking", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(500);

    protected override Task StepAsync(CancellationToken cancellation) => linker.LinkAsync(cancellation);

    protected override Task LastStepAsync(CancellationToken cancellation) => linker.LinkAsync(cancellation);
}
