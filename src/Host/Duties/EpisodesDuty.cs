using MlsConsole.Core.Episodes;

namespace MlsConsole.Host.Duties;

/// <summary>Writes what happened to rejoins on this host, and judges the episodes if it is this host's turn.</summary>
internal sealed class EpisodesDuty(
    EpisodeRecorder recorder,
    EpisodeJudge judge,
    TimeProvider clock,
    ILogger<EpisodesDuty> log
) : Duty("episodes", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromSeconds(1);

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        await recorder.WriteAsync(cancellation);
        await judge.JudgeAsync(cancellation);
    }

    protected override Task LastStepAsync(CancellationToken cancellation) => recorder.WriteAsync(cancellation);
}
