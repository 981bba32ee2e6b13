using MlsConsole.Core.Episodes;
using MlsConsole.Core.Figures;

namespace MlsConsole.Host.Duties;

/// <summary>Sums up old figures, and deletes figures and episodes that are older than their retention.</summary>
internal sealed class FigureRollUpDuty(
    FigureRollUp rollUp,
    EpisodeJudge judge,
    TimeProvider clock,
    ILogger<FigureRollUpDuty> log
) : Duty("figure_roll_up", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromMinutes(1);

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        await rollUp.RunAsync(cancellation);
        await judge.PruneAsync(cancellation);
    }
}
