namespace MlsConsole.Core.Activity;

/// <summary>
/// Counts of durations in 96 buckets whose bounds grow by 15 %, from half a millisecond to about five minutes. So a
/// quantile is right to 15 %.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int Buckets = 96;
    private const double First = 0.0005,
        Growth = 1.15;
    private static readonly double s_logGrowth = Math.Log(Growth);

    private readonly int[] _counts = new int[Buckets];
    private int _total;

    public void Add(TimeSpan duration)
    {
        double seconds = duration.TotalSeconds;
        int bucket = seconds <= First ? 0 : Math.Min(Buckets - 1, 1 + (int)(Math.Log(seconds / First) / s_logGrowth));
        _counts[bucket]++;
        _total++;
    }

    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < Buckets; i++)
            _counts[i] += other._counts[i];
        _total += other._total;
    }

    /// <summary>
    /// The duration in seconds that a share (0 to 1) of all durations does not exceed; null if there are none.
    /// </summary>
    public double? Quantile(double share)
    {
        if (_total == 0)
            return null;
        long rank = (long)Math.Ceiling(share * _total),
            seen = 0;
        for (int i = 0; i < Buckets; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
                return First * Math.Pow(Growth, i - 0.5); // The middle of the bucket.
        }
        return null;
    }
}
