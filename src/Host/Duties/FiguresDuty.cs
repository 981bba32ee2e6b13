using MlsConsole.Core.Figures;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Writes every five seconds what this host has counted, and reads what the other hosts have written. The period is
/// short, so that the figures of another host are at most six seconds old: five of its step, and two pauses.
/// </summary>
internal sealed class FiguresDuty(LiveFigures figures, TimeProvider clock, ILogger<FiguresDuty> log)
    : Duty("figures", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(400);

    protected override TimeSpan FirstPause => TimeSpan.Zero;

    protected override Task StepAsync(CancellationToken cancellation) => figures.StepAsync(cancellation);

    protected override Task LastStepAsync(CancellationToken cancellation) => figures.StopAsync(cancellation);
}
