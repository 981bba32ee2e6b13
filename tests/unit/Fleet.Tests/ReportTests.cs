using MlsConsole.Clients;

namespace MlsConsole.Fleet;

public sealed class ReportTests
{
    private readonly Statistics _statistics = new();

    [Fact]
    public void What_meets_every_target_ends_with_0()
    {
        Join(RejoinWay.ExternalCommit, 299, times: 300);
        Assert.Equal(0, Of("storm").ExitCode);
    }

    [Theory]
    [InlineData(298, 600)]
    [InlineData(300, 10)]
    public void Latency_over_its_target_ends_with_1(int most, int some)
    {
        Join(RejoinWay.ExternalCommit, most, times: 160);
        Join(RejoinWay.ExternalCommit, some, times: 40);
        Assert.Equal(1, Of("storm").ExitCode);
        Assert.Equal(0, Of("chaos").ExitCode); // on a bad network it is not judged
    }

    [Fact]
    public void A_rejoin_of_a_hundred_that_fails_ends_with_2()
    {
        Join(RejoinWay.ExternalCommit, 10, times: 99);
        _statistics.RejoinFailed("EpochMismatch");
        Assert.Equal(2, Of("storm").ExitCode);
    }

    [Fact]
    public void A_rejoin_of_a_hundred_by_the_legacy_way_ends_with_2()
    {
        Join(RejoinWay.ExternalCommit, 10, times: 99);
        Join(RejoinWay.Legacy, 10, times: 1);
        Assert.Equal(2, Of("chaos").ExitCode);
    }

    [Fact]
    public void The_legacy_way_is_no_fallback_where_external_commits_are_off()
    {
        Join(RejoinWay.ExternalCommit, 10, times: 10);
        for (int i = 0; i < 90; i++)
            _statistics.Rejoined(Result(RejoinWay.Legacy), TimeSpan.FromSeconds(1), turn: null, isSwitchedOff: true);
        Assert.Equal((0, 90, 0), (Of("demo").ExitCode, _statistics.Now().SwitchedOff, _statistics.Now().Fallback));
    }

    [Fact]
    public void One_commit_of_two_hundred_that_comes_too_late_ends_with_2()
    {
        Join(RejoinWay.ExternalCommit, 10, times: 199);
        _statistics.ExternalCommit("EpochMismatch");
        Assert.Equal(2, Of("storm").ExitCode);
    }

    [Fact]
    public void A_run_without_a_rejoin_has_measured_nothing_and_ends_with_5()
    {
        var report = Of("demo");
        Assert.Equal(5, report.ExitCode);
        using var text = new StringWriter();
        report.Write(text);
        Assert.Contains("NOTHING WAS MEASURED", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("every target", text.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, Of("demo", "a fork").ExitCode);
    }

    [Fact]
    public void A_breach_ends_with_3_however_good_the_figures_are()
    {
        Join(RejoinWay.ExternalCommit, 10, times: 100);
        Assert.Equal(3, Of("storm", "a fork").ExitCode);
    }

    [Fact]
    public void Latency_counts_from_the_grant_of_the_turn()
    {
        _statistics.Rejoined(
            Result(RejoinWay.ExternalCommit),
            TimeSpan.FromMilliseconds(5000),
            TimeSpan.FromMilliseconds(4900)
        );
        var figures = _statistics.Now();
        Assert.Equal((100.0, 4900.0), (Math.Round(figures.P50!.Value), Math.Round(figures.WaitP50!.Value)));
    }

    private void Join(RejoinWay way, int milliseconds, int times)
    {
        for (int i = 0; i < times; i++)
        {
            if (way == RejoinWay.ExternalCommit)
                _statistics.ExternalCommit("accepted");
            _statistics.Rejoined(Result(way), TimeSpan.FromMilliseconds(milliseconds), null);
        }
    }

    private static RejoinResult Result(RejoinWay way) => new("convo", way, true, 1, 1, TimeSpan.Zero, TimeSpan.Zero);

    private Report Of(string scenario, string? breach = null) =>
        new(scenario, 1, 2, 1, _statistics.Now(), 0, 0, 0, breach, false, []);
}
