namespace MlsConsole.Core.Figures;

/// <summary>
/// Counts of durations in 96 buckets whose bounds grow by 15 %, from half a millisecond to about five minutes. A
/// quantile is the middle of its bucket, so it is right to 7.3 % between these bounds. Histograms that are added make
/// the histogram of all their durations, with no further error.
/// </summary>
public sealed class LatencyHistogram
{
    /// <summary>A quantile is at most so much greater or smaller than the exact one, as a factor.</summary>
    public const double ErrorFactor = 1.0724; // the square root of Growth, rounded up

    private const int Buckets = 96;
    private const double First = 0.0005,
        Growth = 1.15;
    private static readonly double s_logGrowth = Math.Log(Growth);

    private readonly long[] _counts = new long[Buckets];
    private long _total;

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
        long rank = Math.Max(1, (long)Math.Ceiling(share * _total)),
            seen = 0;
        for (int i = 0; i < Buckets; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
                return First * Math.Pow(Growth, i - 0.5);
        }
        return null;
    }

    /// <summary>
    /// The histogram as bytes: for each bucket that is not empty its distance to the one before and its count, both as
    /// 7 bits a byte, the lowest first.
    /// </summary>
    public byte[] Encode()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        int last = 0;
        for (int i = 0; i < Buckets; i++)
        {
            if (_counts[i] == 0)
                continue;
            writer.Write7BitEncodedInt(i - last);
            writer.Write7BitEncodedInt64(_counts[i]);
            last = i;
        }
        return bytes.ToArray();
    }

    /// <exception cref="FormatException">The bytes are no histogram.</exception>
    public static LatencyHistogram Decode(byte[] encoded)
    {
        var histogram = new LatencyHistogram();
        using var bytes = new MemoryStream(encoded);
        using var reader = new BinaryReader(bytes);
        try
        {
            for (int bucket = 0; bytes.Position < bytes.Length; )
            {
                bucket += reader.Read7BitEncodedInt();
                long count = reader.Read7BitEncodedInt64();
                if (bucket is < 0 or >= Buckets || count <= 0)
                    throw new FormatException("A bucket of a latency histogram is out of its range.");
                histogram._counts[bucket] += count;
                histogram._total += count;
            }
        }
        catch (EndOfStreamException)
        {
            throw new FormatException("A latency histogram ends too early.");
        }
        return histogram;
    }
}
