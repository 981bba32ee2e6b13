namespace MlsConsole.Mls.Benchmarks;

/// <summary>
/// What an operation costs: its time in nanoseconds, the ratios of the time to one V, one D and one V + D (see
/// <see cref="References"/>), and the bytes that the calling thread allocates.
/// </summary>
internal sealed record Figures(double Time, double InV, double InD, double InBoth, long Allocated)
{
    /// <summary>
    /// Times an operation in rounds, each between two samples of the references, so that a machine which becomes slower
    /// slows both.
    /// </summary>
    /// <param name="references">The references V and D.</param>
    /// <param name="prepare">Makes the operation for one run; this is not timed.</param>
    /// <param name="clock">
    /// The clock that counts. For <see cref="Clock.Wall"/> the best round counts, since other programs can only add
    /// time; otherwise the median.
    /// </param>
    /// <param name="budget">The seconds to spend; there are at least five rounds.</param>
    public static Figures Of(References references, Func<Action> prepare, Clock clock, double budget)
    {
        for (int i = 0; i < 3; i++)
            Once(prepare, clock);
        double single = Once(prepare, clock);
        // A round has so many runs that it takes at least two milliseconds.
        int runs = (int)Math.Clamp(2e6 / single, 1, 50);
        var rounds = new List<(double Time, double V, double D)>();
        var before = references.Sample(clock);
        for (
            double until = Stopwatches.Now(Clock.Wall) + budget * 1e9;
            rounds.Count < 5 || rounds.Count < 400 && Stopwatches.Now(Clock.Wall) < until;

        )
        {
            double total = 0;
            for (int i = 0; i < runs; i++)
                total += Once(prepare, clock);
            var after = references.Sample(clock);
            rounds.Add((total / runs, (before.V + after.V) / 2, (before.D + after.D) / 2));
            before = after;
        }
        double Take(Func<(double Time, double V, double D), double> figure)
        {
            var sorted = rounds.Select(figure).Order().ToArray();
            return sorted[clock == Clock.Wall ? 0 : sorted.Length / 2];
        }
        return new(
            Take(round => round.Time),
            Take(round => round.Time / round.V),
            Take(round => round.Time / round.D),
            Take(round => round.Time / (round.V + round.D)),
            Allocations(prepare)
        );
    }

    private static double Once(Func<Action> prepare, Clock clock)
    {
        var operation = prepare();
        double start = Stopwatches.Now(clock);
        operation();
        return Stopwatches.Now(clock) - start;
    }

    private static long Allocations(Func<Action> prepare)
    {
        var operation = prepare();
        long before = GC.GetAllocatedBytesForCurrentThread();
        operation();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
