using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace MlsConsole.Core.Tests;

/// <summary>
/// Counts the cryptographic operations of one asynchronous flow, whatever other tests do at the time.
/// </summary>
public static class CountedOperations
{
    private static readonly AsyncLocal<ConcurrentDictionary<string, long>?> s_current = new();
    private static readonly MeterListener s_listener = Listen();

    /// <returns>Each kind with its number.</returns>
    public static async Task<string> OfAsync(Func<Task> call)
    {
        ArgumentNullException.ThrowIfNull(s_listener);
        var counted = new ConcurrentDictionary<string, long>();
        s_current.Value = counted;
        await call();
        s_current.Value = null;
        return string.Join(
            ", ",
            counted.OrderBy(kind => kind.Key, StringComparer.Ordinal).Select(kind => $"{kind.Key} {kind.Value}")
        );
    }

    private static MeterListener Listen()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument is { Meter.Name: "MlsConsole.Mls", Name: "mls.crypto.operations" })
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>(
            (_, measurement, tags, _) =>
                s_current.Value?.AddOrUpdate((string)tags[0].Value!, measurement, (_, before) => before + measurement)
        );
        listener.Start();
        return listener;
    }
}
