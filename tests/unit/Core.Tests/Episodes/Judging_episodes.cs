using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Episodes;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

public sealed class Judging_episodes : IAsyncLifetime
{
    private static readonly DateTimeOffset s_noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _clock = new(s_noon);
    private readonly ActivityFeed _feed = new();
    private readonly List<ActivityRecord> _told = [];
    private Service _service = null!;
    private EpisodeRecorder _recorder = null!;
    private EpisodeJudge _judge = null!;

    public async Task InitializeAsync()
    {
        _service = await Service.StartAsync(clock: _clock);
        await _service.Get<ExternalCommitsFlag>().StartAsync(FlagState.On, default);
        _recorder = new(_feed, _service.Database, _service.Get<ExternalCommitsFlag>());
        _judge = NewJudge();
        _feed.Subscribe(_told.Add);
    }

    private EpisodeJudge NewJudge()
    {
        var host = new HostIdentity("a host");
        return new(_service.Database, new(host, _clock), host, _feed, new CoreSettings(), _clock);
    }

    public async Task DisposeAsync()
    {
        _recorder.Dispose();
        await _service.DisposeAsync();
    }

    private void Attempt(
        string outcome,
        string account = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
        string convo = "convo",
        double milliseconds = 10,
        bool admitted = true
    ) =>
        _feed.Publish(
            Counting_figures.Request(outcome, milliseconds, _clock.GetUtcNow()) with
            {
                Account = Did.Parse(account),
                ConvoId = convo,
                Admitted = admitted,
            }
        );

    private void Report(
        RejoinWay way,
        bool succeeded,
        string account = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
        Cohort cohort = Cohort.Everybody
    ) =>
        _feed.Publish(
            Counting_figures.Request(
                at: _clock.GetUtcNow(),
                method: MethodNames.ReportRejoinOutcome,
                cohort: cohort,
                rejoin: new(way, succeeded, 1, TimeSpan.FromSeconds(1), null)
            ) with
            {
                Account = Did.Parse(account),
                ConvoId = "convo",
            }
        );

    private void Wait(double seconds) => _clock.Advance(TimeSpan.FromSeconds(seconds));

    /// <summary>Judges everything that has happened, and everything that its silence brings about.</summary>
    private async Task<(long Episodes, long Failed, long Mismatched, long Slow, long Fallbacks)> JudgeAsync()
    {
        await _recorder.WriteAsync(default);
        Wait(8);
        await _judge.JudgeAsync(default);
        Wait(60);
        await _judge.JudgeAsync(default);
        var sum = (await _service.Get<FigureStore>().TotalsAsync(default)).Sum();
        return (
            sum[Figure.Episodes],
            sum[Figure.FailedEpisodes],
            sum[Figure.MismatchedEpisodes],
            sum[Figure.EpisodesOverOneSecond],
            sum[Figure.FallbackEpisodes]
        );
    }

    private static string Account(int number) =>
        $"did:plc:{new string((char)('a' + number % 26), 23)}{number / 26 + 2}";

    [Fact]
    public async Task Retries_up_to_the_acceptance_are_one_episode()
    {
        Attempt("EpochMismatch");
        Wait(1);
        Attempt("InternalServerError", milliseconds: 1500);
        Wait(29);
        Attempt("accepted");
        Assert.Equal((1, 0, 1, 1, 0), await JudgeAsync());
        var ended = Assert.Single(_told.OfType<RejoinEpisodeEnded>());
        Assert.Equal((false, true, 1.5), (ended.Failed, ended.Mismatched, ended.Slowest.TotalSeconds));
        Assert.Equal(1, await _judge.AccountsAsync(1, default));
        Assert.Equal(0, await _judge.AccountsAsync(2, default));
    }

    [Theory]
    [InlineData("EpochMismatch")] // and then nothing for 30 seconds
    [InlineData("InvalidCommit")] // no retry helps
    [InlineData("InternalServerError")]
    public async Task A_failure_that_no_acceptance_follows_is_a_failed_episode(string outcome)
    {
        Attempt(outcome);
        Assert.Equal(outcome == "EpochMismatch" ? (1, 1, 1, 0, 0) : (1, 1, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task A_retry_after_the_silence_is_another_episode_which_the_failure_silences()
    {
        Attempt("EpochMismatch");
        Wait(31);
        Attempt("accepted");
        Assert.Equal((1, 1, 1, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task An_account_counts_once_in_ten_minutes_over_all_conversations()
    {
        for (int i = 0; i < 20; i++)
        {
            Attempt("accepted", convo: $"convo {i}");
            Wait(59);
        }
        Assert.Equal((2, 0, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task One_account_that_fails_all_it_may_in_20_conversations_adds_one_failed_sample_a_day()
    {
        // Once an hour in each conversation for three days; what the account does more often is the same to the rules.
        for (int hour = 0; hour < 72; hour++)
        {
            for (int convo = 0; convo < 20; convo++)
            {
                Attempt("InvalidCommit", convo: $"convo {convo}");
                Wait(1);
            }
            await JudgeAsync();
            Wait(3600 - 20 - 68);
        }
        Assert.Equal((3, 3, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task A_failed_episode_silences_its_conversation_and_no_other_one()
    {
        Attempt("InvalidCommit", Account(0));
        Wait(60);
        Attempt("InvalidCommit", Account(1));
        Attempt("accepted", Account(2), convo: "another");
        Assert.Equal((2, 1, 0, 0, 0), await JudgeAsync());
        Wait(24 * 3600);
        Attempt("accepted", Account(1));
        Assert.Equal((3, 1, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task What_does_not_count_silences_nobody()
    {
        Attempt("accepted", Account(0), convo: "first");
        for (int i = 0; i < 20; i++)
        {
            Wait(1);
            Attempt("InvalidCommit", Account(0), convo: $"convo {i}"); // within the ten minutes of the account
        }
        Wait(60);
        for (int i = 0; i < 20; i++)
            Attempt("accepted", Account(i + 1), convo: $"convo {i}");
        Assert.Equal((21, 0, 0, 0, 0), await JudgeAsync());
    }

    [Theory]
    [InlineData("Unauthorized")]
    [InlineData("RateLimitExceeded")]
    [InlineData("ExternalCommitsDisabled")]
    [InlineData("DeviceNotApproved")]
    [InlineData("InternalServerError")]
    [InlineData("RequestAborted")]
    public async Task A_stranger_adds_no_sample_whatever_it_causes(string outcome)
    {
        for (int i = 0; i < 50; i++)
            Attempt(outcome, Account(i), convo: $"convo {i}", milliseconds: 5000, admitted: false);
        Assert.Equal((0, 0, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task A_fallback_counts_for_an_episode_that_was_seen_and_only_once()
    {
        Report(RejoinWay.Legacy, true, Account(0)); // never seen
        Attempt("InvalidCommit", Account(1));
        Wait(40);
        Report(RejoinWay.Legacy, true, Account(1));
        Report(RejoinWay.Legacy, true, Account(1));
        Assert.Equal((1, 1, 0, 0, 1), await JudgeAsync());
        Assert.Single(_told.OfType<RejoinFellBack>());
        Wait(2 * 3600);
        Report(RejoinWay.Legacy, true, Account(1)); // too late to belong to it
        Assert.Equal((1, 1, 0, 0, 1), await JudgeAsync());
    }

    [Fact]
    public async Task A_legacy_rejoin_of_somebody_for_whom_external_commits_are_off_is_no_fallback()
    {
        Attempt("InvalidCommit");
        Report(RejoinWay.Legacy, true, cohort: Cohort.OutsidePercentage);
        Assert.Equal((1, 1, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task A_report_of_a_failure_ends_the_episode()
    {
        Attempt("EpochMismatch");
        Wait(2);
        Report(RejoinWay.ExternalCommit, succeeded: false);
        Wait(2);
        Attempt("accepted"); // another episode, which the failure silences
        Assert.Equal((1, 1, 1, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task Accounts_that_enrolled_after_the_stage_began_do_not_count()
    {
        var flag = _service.Get<ExternalCommitsFlag>();
        await _service.EnrolAsync(Account(0), "phone");
        Wait(60);
        await flag.SetAsync(FlagState.On, 0, "a stage", new("somebody", ConsoleRole.Admin), null);
        Wait(60);
        await _service.EnrolAsync(Account(1), "phone");
        Attempt("accepted", Account(0), convo: "one");
        Attempt("accepted", Account(1), convo: "two");
        Attempt("accepted", Account(2), convo: "three"); // has no device any more
        Assert.Equal((1, 0, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public async Task Attempts_on_two_hosts_are_one_episode_and_two_judges_judge_once()
    {
        var other = NewJudge();
        using var second = new EpisodeRecorder(_feed, _service.Database, _service.Get<ExternalCommitsFlag>());
        // Both hosts hear of each attempt, as if it had been made twice.
        Attempt("EpochMismatch");
        Wait(1);
        Attempt("accepted");
        await second.WriteAsync(default);
        await _recorder.WriteAsync(default);
        Wait(8);
        await Task.WhenAll(_judge.JudgeAsync(default), other.JudgeAsync(default));
        Assert.Equal((1, 0, 1, 0, 0), await JudgeAsync());
        await using var context = _service.Database.Read();
        Assert.Equal(0, await context.Set<EpisodeEvent>().CountAsync());
        Assert.Equal(1, await context.Set<Episode>().CountAsync());
    }

    [Fact]
    public async Task Two_failures_in_one_millisecond_do_not_stop_the_judge()
    {
        Attempt("InvalidCommit");
        Attempt("InvalidCommit");
        Assert.Equal((1, 1, 0, 0, 0), await JudgeAsync());
    }

    [Fact]
    public void What_waits_for_the_database_is_bounded()
    {
        for (int i = 0; i < EpisodeRecorder.MaxWaiting + 10; i++)
            Attempt("EpochMismatch");
        Assert.Equal(10, _recorder.LeftOut);
    }
}
