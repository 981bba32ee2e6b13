using MlsConsole.Core.Rollouts;

namespace MlsConsole.Host.Duties;

/// <summary>
/// Reads the flag again and again, so that a host that nobody asks follows a change within a second, and at once where
/// the database tells of it.
/// </summary>
internal sealed partial class FlagWatchDuty(FlagWatch watch, TimeProvider clock, ILogger<FlagWatchDuty> log)
    : Duty("flag_watch", clock, log)
{
    /// <summary>A connection for notifications that fails is opened again at most so often.</summary>
    private static readonly TimeSpan s_listenAgain = TimeSpan.FromSeconds(5);

    private Task _listening = Task.CompletedTask;
    private DateTimeOffset _listenedAt;
    private bool _toldOfOutage;

    protected override TimeSpan Period { get; } = TimeSpan.FromMilliseconds(300);

    protected override TimeSpan FirstPause => TimeSpan.Zero;

    protected override Task StepAsync(CancellationToken cancellation)
    {
        if (_listening.IsCompleted && Clock.GetUtcNow() - _listenedAt >= s_listenAgain)
        {
            _listenedAt = Clock.GetUtcNow();
            _listening = ListenAsync(cancellation);
        }
        return watch.RefreshAsync(cancellation);
    }

    private async Task ListenAsync(CancellationToken cancellation)
    {
        try
        {
            await watch.ListenAsync(Listens, cancellation);
        }
        catch (Exception exception)
        {
            // The readings go on, so that a lost connection costs a third of a second and is no failure of the duty.
            if (!cancellation.IsCancellationRequested && !_toldOfOutage)
                LogNotListening(exception);
            _toldOfOutage = true;
        }
    }

    /// <summary>The connection listens, or a change was told.</summary>
    private void Listens()
    {
        _toldOfOutage = false;
        Wake();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database cannot tell of changes of the flag at the moment")]
    private partial void LogNotListening(Exception exception);
}
