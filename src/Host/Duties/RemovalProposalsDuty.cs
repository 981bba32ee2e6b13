using MlsConsole.Core.ExternalSenders;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Has the service propose removals as they become due: after a ban, and after each epoch that still has a leaf of an
/// account that is gone. What is due stays due while a step fails.
/// </summary>
internal sealed class RemovalProposalsDuty(
    RemovalProposals proposals,
    TimeProvider clock,
    ILogger<RemovalProposalsDuty> log
) : Duty("removal_proposals", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(250);

    protected override Task StepAsync(CancellationToken cancellation) => proposals.ProposeAsync(cancellation);
}
