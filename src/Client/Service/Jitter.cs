namespace MlsConsole.Clients;

/// <summary>Random waits, so that devices which met in one epoch do not meet again in the next.</summary>
internal static class Jitter
{
    /// <param name="attempt">How many times the device has tried. The longest wait doubles with each try.</param>
    /// <returns>A random part of 20 ms · 2^<paramref name="attempt"/>, at most of 1.28 s.</returns>
    public static TimeSpan Of(int attempt) =>
        Random.Shared.NextDouble() * TimeSpan.FromMilliseconds(20 << Math.Min(attempt, 6));
}
