namespace MlsConsole.Host.Duties;

/// <summary>
/// Work that the host does in the background: one step after another, with a pause in between, until the host stops. A
/// step that fails ends neither the duty nor the host. It is tried again after a pause that doubles with each failure
/// in a row, up to <see cref="LongestBackoff"/>. Only the first failure of such an outage is logged, and then the
/// recovery.
/// </summary>
/// <param name="name">The duty's name in metrics, log lines and the readiness text: a word in lower_case.</param>
/// <param name="clock">Measures the pauses and tells the time of a success.</param>
/// <param name="log">The log of the derived class.</param>
internal abstract partial class Duty(string name, TimeProvider clock, ILogger log) : BackgroundService
{
    /// <summary>
    /// The longest pause between the tries of a failing step, unless its period is longer. It is short because a
    /// database that comes back should be used at once, and long enough that a step that always fails costs next to
    /// nothing.
    /// </summary>
    public static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);

    private readonly DateTimeOffset _startedAt = clock.GetUtcNow();
    private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastSuccess;

    public string Name => name;

    /// <summary>When a step succeeded last; null if none has since the host started.</summary>
    public DateTimeOffset? LastSuccess =>
        Volatile.Read(ref _lastSuccess) is var ticks and not 0 ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>When a step succeeded last; before the first success, when the host started.</summary>
    public DateTimeOffset LastSuccessOrStart => LastSuccess ?? _startedAt;

    protected TimeProvider Clock => clock;

    /// <summary>The pause between the end of a successful step and the start of the next one.</summary>
    protected abstract TimeSpan Period { get; }

    /// <summary>The pause before the first step.</summary>
    protected virtual TimeSpan FirstPause => Period;

    protected abstract Task StepAsync(CancellationToken cancellation);

    /// <summary>Runs once when the host stops, after the last step and when no request is served any more.</summary>
    protected virtual Task LastStepAsync(CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>
    /// Ends the pause: the next step begins at once, or right after the step that is running. The pause after a failure
    /// cannot be ended. May be called from any thread, at any rate.
    /// </summary>
    protected void Wake() => Volatile.Read(ref _woken).TrySetResult();

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await PauseAsync(FirstPause, canBeWoken: true, stoppingToken);
            for (int failures = 0; ; )
            {
                // Before the step, so that a wake during the step is followed by another step.
                if (_woken.Task.IsCompleted)
                    Volatile.Write(ref _woken, new(TaskCreationOptions.RunContinuationsAsynchronously));
                failures = await TryStepAsync(failures, stoppingToken);
                await PauseAsync(PauseAfter(failures), canBeWoken: failures == 0, stoppingToken);
            }
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops. What a step throws because it is broken off is no failure.
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await LastStepAsync(cancellationToken);
        }
        catch (Exception exception)
        {
            LogLastStepFailed(exception, name);
        }
    }

    /// <returns>How many steps have failed in a row.</returns>
    private async Task<int> TryStepAsync(int failures, CancellationToken stopping)
    {
        try
        {
            await StepAsync(stopping);
        }
        catch (Exception exception) when (!stopping.IsCancellationRequested)
        {
            if (failures == 0)
                LogFailed(exception, name);
            return failures + 1;
        }
        Volatile.Write(ref _lastSuccess, clock.GetUtcNow().UtcTicks);
        if (failures > 0)
            LogRecovered(name, failures);
        return 0;
    }

    private TimeSpan PauseAfter(int failures)
    {
        TimeSpan pause = Period;
        for (int i = 0; i < failures && pause < LongestBackoff; i++)
            pause = pause * 2 < LongestBackoff ? pause * 2 : LongestBackoff;
        return pause;
    }

    private async Task PauseAsync(TimeSpan pause, bool canBeWoken, CancellationToken stopping)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task elapsed = Task.Delay(pause, clock, over.Token);
        await (canBeWoken ? Task.WhenAny(elapsed, _woken.Task) : elapsed);
        await over.CancelAsync();
        stopping.ThrowIfCancellationRequested();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The duty {Duty} fails; it is tried again")]
    private partial void LogFailed(Exception exception, string duty);

    [LoggerMessage(Level = LogLevel.Information, Message = "The duty {Duty} succeeds again after {Failures} failures")]
    private partial void LogRecovered(string duty, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "The last step of the duty {Duty} failed while the host stopped")]
    private partial void LogLastStepFailed(Exception exception, string duty);
}
