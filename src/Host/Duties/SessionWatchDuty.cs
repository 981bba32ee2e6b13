using MlsConsole.Host.People;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Looks whether the sessions and tokens still hold for which something is open on this host, so that what has ended
/// anywhere is closed here too. It costs nothing while nobody looks at the console.
/// </summary>
internal sealed class SessionWatchDuty(OpenConnections connections, TimeProvider clock, ILogger<SessionWatchDuty> log)
    : Duty("session_watch", clock, log)
{
    protected override TimeSpan Period { get; } = TimeSpan.FromSeconds(1);

    protected override Task StepAsync(CancellationToken cancellation) => connections.CheckAsync(cancellation);
}
