using Microsoft.Extensions.Logging;
using Microsoft.FeatureManagement;

namespace MlsConsole.Core.Rollouts;

/// <summary>
/// The flag's definition as the database has it, at most <see cref="MaxAge"/> old. A failing database never
/// reaches a caller: it is answered from the last state that could be read, and with "off" if there is none.
/// </summary>
internal sealed partial class FlagDefinitions(
    Func<CancellationToken, Task<FlagView>> read,
    TimeProvider clock,
    ILogger<FlagDefinitions> log
) : IFeatureDefinitionProvider, IDisposable
{
    /// <summary>How long a change made by another host can stay unseen by this one.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private static readonly FlagView NeverRead = new(FlagState.Off, 0, 0, DateTimeOffset.UnixEpoch, "", "")
    {
        IsLastKnownGood = true,
    };

    private readonly SemaphoreSlim gate = new(1);
    private volatile Snapshot? latest;

    private sealed record Snapshot(FlagView View, FeatureDefinition Definition, long ReadAt);

    /// <summary>The state as it was read last, without asking the database.</summary>
    public FlagView LastRead => (latest?.View) ?? NeverRead;

    public async ValueTask<FlagView> CurrentAsync(CancellationToken cancellation) =>
        (await FreshAsync(cancellation)).View;

    /// <summary>Writes a state and takes it over. No reading runs meanwhile, so none can bring back what was before.</summary>
    public async Task ChangeAsync(Func<Task<FlagView>> write)
    {
        await gate.WaitAsync();
        try
        {
            Take(await write());
        }
        finally
        {
            gate.Release();
        }
    }

    public async Task<FeatureDefinition> GetFeatureDefinitionAsync(string featureName) =>
        // Null is the provider's word for "no such feature"; the package's interface does not say so in its types.
        featureName == ExternalCommitsDefinition.FlagName
            ? (await FreshAsync(CancellationToken.None)).Definition
            : null!;

    public async IAsyncEnumerable<FeatureDefinition> GetAllFeatureDefinitionsAsync()
    {
        yield return (await FreshAsync(CancellationToken.None)).Definition;
    }

    public void Dispose() => gate.Dispose();

    private async ValueTask<Snapshot> FreshAsync(CancellationToken cancellation)
    {
        if (latest is { } recent && IsFresh(recent))
            return recent;
        await gate.WaitAsync(cancellation);
        try
        {
            if (latest is { } justRead && IsFresh(justRead))
                return justRead;
            try
            {
                return Take(await read(cancellation));
            }
            catch (Exception exception) when (!cancellation.IsCancellationRequested)
            {
                if (!LastRead.IsLastKnownGood || latest is null)
                    LogUnreadable(exception, LastRead.State);
                return Take(LastRead with { IsLastKnownGood = true });
            }
        }
        finally
        {
            gate.Release();
        }
    }

    private Snapshot Take(FlagView view)
    {
        // The definition first: an invalid state throws and leaves the last good one in place.
        Snapshot snapshot = new(view, ExternalCommitsDefinition.For(view), clock.GetTimestamp());
        latest = snapshot;
        return snapshot;
    }

    private bool IsFresh(Snapshot snapshot) => clock.GetElapsedTime(snapshot.ReadAt) < MaxAge;

    [LoggerMessage(Level = LogLevel.Error, Message = "The external commits flag cannot be read; it stays {State}")]
    private partial void LogUnreadable(Exception exception, FlagState state);
}
