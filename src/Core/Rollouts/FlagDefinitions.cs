using Microsoft.Extensions.Logging;
using Microsoft.FeatureManagement;

namespace MlsConsole.Core.Rollouts;

/// <summary>
/// The definition of the flag as the database has it, at most <see cref="MaxAge"/> old. A database that fails is no
/// error for callers: the last state that could be read stays in force, and "off" if none could.
/// </summary>
internal sealed partial class FlagDefinitions(
    Func<CancellationToken, Task<FlagView>> read,
    TimeProvider clock,
    ILogger<FlagDefinitions> log
) : IFeatureDefinitionProvider, IDisposable
{
    /// <summary>How long a change made by another host can stay unseen by this one.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private static readonly FlagView s_neverRead = new(FlagState.Off, 0, 0, DateTimeOffset.UnixEpoch, "", "")
    {
        IsLastKnownGood = true,
    };

    private readonly SemaphoreSlim _gate = new(1);
    private volatile Snapshot? _latest;
    private volatile FlagTakeover? _takeover;

    private sealed record Snapshot(FlagView View, FeatureDefinition Definition, long ReadAt);

    /// <summary>The state as it was read last. The database is not asked.</summary>
    public FlagView LastRead => _latest?.View ?? s_neverRead;

    /// <summary>When this process took over the version that it follows; null before it has read one.</summary>
    public FlagTakeover? Takeover => _takeover;

    public async ValueTask<FlagView> CurrentAsync(CancellationToken cancellation) =>
        (await FreshAsync(cancellation)).View;

    /// <summary>
    /// Writes a state and takes it over. No reading runs meanwhile, so no reading can bring the former state back.
    /// </summary>
    /// <returns>The state that was written.</returns>
    /// <exception cref="FlagOvertakenException">Nothing was written, and what is stored is taken over.</exception>
    public async Task<FlagView> ChangeAsync(Func<Task<FlagView>> write)
    {
        await _gate.WaitAsync();
        try
        {
            return Take(await write()).View;
        }
        catch (FlagOvertakenException overtaken)
        {
            Take(overtaken.Stored);
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Reads the state, however fresh the last one is.</summary>
    /// <returns>The state; the last known one if the database cannot be read.</returns>
    public async Task<FlagView> RefreshAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            return (await ReadAsync(cancellation)).View;
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task<FeatureDefinition> GetFeatureDefinitionAsync(string featureName) =>
        // A provider says "no such feature" by null, which the types of the package's interface do not allow.
        featureName == ExternalCommitsDefinition.FlagName
            ? (await FreshAsync(CancellationToken.None)).Definition
            : null!;

    public async IAsyncEnumerable<FeatureDefinition> GetAllFeatureDefinitionsAsync()
    {
        yield return (await FreshAsync(CancellationToken.None)).Definition;
    }

    public void Dispose() => _gate.Dispose();

    private async ValueTask<Snapshot> FreshAsync(CancellationToken cancellation)
    {
        if (_latest is { } recent && IsFresh(recent))
            return recent;
        await _gate.WaitAsync(cancellation);
        try
        {
            if (_latest is { } justRead && IsFresh(justRead))
                return justRead;
            return await ReadAsync(cancellation);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Reads the state; called by one caller at a time, who holds the gate.</summary>
    private async Task<Snapshot> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return Take(await read(cancellation));
        }
        catch (Exception exception) when (!cancellation.IsCancellationRequested)
        {
            if (!LastRead.IsLastKnownGood || _latest is null)
                LogUnreadable(exception, LastRead.State);
            return Take(LastRead with { IsLastKnownGood = true });
        }
    }

    private Snapshot Take(FlagView view)
    {
        // The definition is made first: for an invalid state that throws, and the last good state stays in place.
        Snapshot snapshot = new(view, ExternalCommitsDefinition.For(view), clock.GetTimestamp());
        if (!view.IsLastKnownGood && view.Version != _takeover?.View.Version)
            _takeover = new(view, clock.GetUtcNow(), AtStart: _takeover is null);
        _latest = snapshot;
        return snapshot;
    }

    private bool IsFresh(Snapshot snapshot) => clock.GetElapsedTime(snapshot.ReadAt) < MaxAge;

    [LoggerMessage(Level = LogLevel.Error, Message = "The external commits flag cannot be read; it stays {State}")]
    private partial void LogUnreadable(Exception exception, FlagState state);
}
