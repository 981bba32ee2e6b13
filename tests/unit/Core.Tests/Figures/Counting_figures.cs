using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;

namespace MlsConsole.Core.Tests;

public sealed class Counting_figures : IDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly ActivityFeed _feed = new();
    private readonly FigureCounter _counter;

    public Counting_figures() => _counter = new(_feed);

    public void Dispose() => _counter.Dispose();

    internal static RequestAnswered Request(
        string outcome = "accepted",
        double milliseconds = 10,
        DateTimeOffset? at = null,
        Cohort cohort = Cohort.Everybody,
        bool bodyWasRead = true,
        string method = MethodNames.ProcessExternalCommit,
        string? reason = null,
        RejoinOutcome? rejoin = null
    ) =>
        new()
        {
            At = at ?? s_start,
            Method = method,
            Outcome = outcome,
            Reason = reason,
            Cohort = cohort,
            Elapsed = TimeSpan.FromMilliseconds(milliseconds + 5000),
            ElapsedSinceBody = bodyWasRead ? TimeSpan.FromMilliseconds(milliseconds) : null,
            Rejoin = rejoin,
        };

    private FigureCounts Counted
    {
        get
        {
            var table = new FigureTable();
            foreach (var step in _counter.Untaken())
                table.Add(step.Cohort, step.Counts);
            return table.Sum();
        }
    }

    [Fact]
    public void Attempts_are_judged_on_their_merits_and_refusals_by_policy_are_apart()
    {
        for (int i = 0; i < 96; i++)
            _feed.Publish(Request());
        _feed.Publish(Request("EpochMismatch", reason: "stale"));
        _feed.Publish(Request("InvalidCommit", milliseconds: 501, reason: "path.length"));
        _feed.Publish(Request("InternalServerError", milliseconds: 1001));
        _feed.Publish(Request("RequestAborted", milliseconds: 1001));
        foreach (string outcome in (string[])["Unauthorized", "ExternalCommitsDisabled", "RateLimitExceeded"])
            _feed.Publish(Request(outcome, milliseconds: 5000));
        _feed.Publish(Request("AuthenticationRequired", milliseconds: 5000, bodyWasRead: false));
        _feed.Publish(Request(method: MethodNames.GetGroupInfo));
        _feed.Publish(new JoinTurnExpired { At = s_start });
        var counts = Counted;
        Assert.Equal(105, counts[Figure.Requests]);
        Assert.Equal(
            (100, 96, 1, 2, 4),
            (
                counts[Figure.Attempts],
                counts[Figure.Accepted],
                counts[Figure.Mismatches],
                counts[Figure.Faults],
                counts[Figure.Refused]
            )
        );
        Assert.Equal((3, 2), (counts[Figure.Over500Milliseconds], counts[Figure.OverOneSecond]));
        Assert.Equal(1, counts.Outcomes[new("InvalidCommit", "path.length")]);
        Assert.Equal(1, counts.Outcomes[new("Unauthorized", null)]);
        Assert.InRange(counts.Latency(0.5)!.Value, 0.009, 0.011);
    }

    [Theory]
    [InlineData("AuthenticationRequired", 10, false)]
    [InlineData("RequestAborted", 999, true)]
    [InlineData("RequestAborted", 60_000, false)]
    [InlineData("InternalServerError", 60_000, false)]
    public void What_a_stranger_can_cause_is_no_attempt(string outcome, double milliseconds, bool bodyWasRead)
    {
        for (int i = 0; i < 20; i++)
            _feed.Publish(Request(outcome, milliseconds, bodyWasRead: bodyWasRead));
        Assert.Equal((20, 0, 20), (Counted[Figure.Requests], Counted[Figure.Attempts], Counted[Figure.Refused]));
        Assert.Null(Counted.Latency(0.99));
    }

    [Fact]
    public void Every_error_of_the_method_is_an_attempt_or_has_a_label_of_its_own()
    {
        // A new error of the lexicon fails here until somebody has decided what it counts as.
        foreach (string error in LexiconFile.ErrorsOf(MethodNames.ProcessExternalCommit))
            Assert.True(
                Attempt.Of(Request(error)) is not null || Attempt.RefusalLabels.Contains(error),
                $"{error} is neither an attempt nor a label of refusals."
            );
    }

    [Fact]
    public void Each_cohort_is_counted_apart()
    {
        _feed.Publish(Request(cohort: Cohort.InsidePercentage));
        _feed.Publish(Request("ExternalCommitsDisabled", cohort: Cohort.OutsidePercentage));
        _feed.Publish(
            Request(
                method: MethodNames.ReportRejoinOutcome,
                cohort: Cohort.OutsidePercentage,
                rejoin: new(RejoinWay.Legacy, true, 1, TimeSpan.FromSeconds(2), null)
            )
        );
        var steps = _counter.Take(s_start.AddSeconds(5)).ToDictionary(step => step.Cohort, step => step.Counts);
        Assert.Equal(2, steps.Count);
        Assert.Equal(
            (1, 0),
            (steps[Cohort.InsidePercentage][Figure.Attempts], steps[Cohort.InsidePercentage][Figure.Refused])
        );
        Assert.Equal(
            (0, 1, 1),
            (
                steps[Cohort.OutsidePercentage][Figure.Attempts],
                steps[Cohort.OutsidePercentage][Figure.Refused],
                steps[Cohort.OutsidePercentage][Figure.LegacyRejoins]
            )
        );
    }

    [Fact]
    public void A_step_is_taken_once_when_it_is_over_and_a_clock_that_is_set_back_opens_none_again()
    {
        _feed.Publish(Request());
        Assert.Empty(_counter.Take(s_start.AddSeconds(4.9)));
        var taken = Assert.Single(_counter.Take(s_start.AddSeconds(5)));
        Assert.Equal((FigureStep.NumberOf(s_start), 1), (taken.Number, taken.Counts[Figure.Attempts]));
        Assert.Empty(_counter.Take(s_start.AddSeconds(20)));

        _feed.Publish(Request(at: s_start.AddMinutes(-10)));
        var late = Assert.Single(_counter.Take(s_start.AddSeconds(20), all: true));
        Assert.True(late.Number > taken.Number);
        Assert.Empty(_counter.Untaken());
    }

    [Fact]
    public void Quantiles_of_added_histograms_are_those_of_all_durations_to_their_stated_error()
    {
        var random = new Random(7);
        var parts = Enumerable.Range(0, 20).Select(_ => new LatencyHistogram()).ToList();
        var all = new List<double>();
        for (int i = 0; i < 5000; i++)
        {
            double seconds = Math.Exp(random.NextDouble() * 8 - 6); // 2.5 ms to 7.4 s
            all.Add(seconds);
            parts[random.Next(parts.Count)].Add(TimeSpan.FromSeconds(seconds));
        }
        var sum = new LatencyHistogram();
        foreach (var part in parts)
            sum.Add(LatencyHistogram.Decode(part.Encode()));
        all.Sort();
        foreach (double share in (double[])[0.01, 0.5, 0.9, 0.99, 1])
        {
            double exact = all[(int)Math.Ceiling(share * all.Count) - 1];
            Assert.InRange(
                sum.Quantile(share)!.Value,
                exact / LatencyHistogram.ErrorFactor,
                exact * LatencyHistogram.ErrorFactor
            );
        }
    }

    [Theory]
    [InlineData(new byte[] { 0x60, 0x01 })] // bucket 96
    [InlineData(new byte[] { 0x01, 0x00 })] // a count of 0
    [InlineData(new byte[] { 0x01 })]
    public void Bytes_that_are_no_histogram_are_refused(byte[] bytes) =>
        Assert.Throws<FormatException>(() => LatencyHistogram.Decode(bytes));

    [Fact]
    public void However_many_outcomes_there_are_a_step_stays_small()
    {
        for (int i = 0; i < 1000; i++)
            _feed.Publish(Request("InvalidCommit", reason: $"rule{i}"));
        Assert.InRange(Counted.Outcomes.Count, 2, 202);
        Assert.Equal(1000, Counted.Outcomes.Values.Sum());
    }

    [Fact]
    public void A_subscriber_that_throws_hurts_nobody_and_one_that_left_hears_nothing()
    {
        int heard = 0;
        using (_feed.Subscribe(_ => throw new InvalidOperationException()))
        using (_feed.Subscribe(_ => heard++))
            _feed.Publish(Request());
        _feed.Publish(Request());
        Assert.Equal((1, 2), (heard, (int)Counted[Figure.Requests]));
    }
}
