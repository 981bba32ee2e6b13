using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Rollouts;

namespace MlsConsole.Core.Tests;

/// <summary>
/// The evaluator alone, over a state in memory; <see cref="Stored_flag"/> tests the flag over a database.
/// </summary>
public sealed class External_commits_flag : IDisposable
{
    private static readonly Did[] s_people =
    [
        .. Enumerable.Range(0, 1000).Select(static i => Did($"did:web:person-{i}.example.com")),
    ];

    private readonly FakeTimeProvider _clock = new();
    private readonly FlagDefinitions _definitions;
    private readonly ExternalCommitsFlag _flag;
    private Func<FlagView> _stored = static () => View(FlagState.Off, 0);
    private int _readings;

    public External_commits_flag()
    {
        _definitions = new FlagDefinitions(Read, _clock, NullLogger<FlagDefinitions>.Instance);
        _flag = new ExternalCommitsFlag(_definitions, null!, NullLoggerFactory.Instance);
    }

    [Theory]
    [InlineData(FlagState.Off, 0, 0)]
    [InlineData(FlagState.Off, 100, 0)]
    [InlineData(FlagState.Percentage, 0, 0)]
    [InlineData(FlagState.Percentage, 100, 1000)]
    [InlineData(FlagState.On, 0, 1000)]
    [InlineData(FlagState.On, 100, 1000)]
    public async Task Nobody_and_everybody_are_exactly_that(FlagState state, int percentage, int expected)
    {
        _stored = () => View(state, percentage);
        Assert.Equal(expected, (await WhoIsIn()).Count);
    }

    [Fact]
    public async Task A_percentage_is_about_that_many_and_always_the_same_people()
    {
        _stored = static () => View(FlagState.Percentage, 30);
        HashSet<Did> first = await WhoIsIn();
        Assert.InRange(first.Count, 230, 370);
        for (int round = 0; round < 3; round++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            Assert.True(first.SetEquals(await WhoIsIn()));
        }
        Assert.Equal(4, _readings);
    }

    [Fact]
    public async Task Another_process_lets_the_same_people_in()
    {
        _stored = static () => View(FlagState.Percentage, 30);
        using FlagDefinitions others = new(Read, _clock, NullLogger<FlagDefinitions>.Instance);
        ExternalCommitsFlag other = new(others, null!, NullLoggerFactory.Instance);
        foreach (Did did in s_people)
            Assert.Equal((await _flag.EvaluateAsync(did)).IsIn(), (await other.EvaluateAsync(did)).IsIn());
    }

    [Fact]
    public async Task Growing_loses_nobody_and_a_second_attempt_meets_the_same_people()
    {
        HashSet<Did>? before = null;
        HashSet<Did>? ten = null;
        foreach (int percentage in (int[])[1, 5, 10, 20, 50, 75, 99, 100])
        {
            _stored = () => View(FlagState.Percentage, percentage);
            _clock.Advance(FlagDefinitions.MaxAge);
            HashSet<Did> now = await WhoIsIn();
            if (before is not null)
            {
                Assert.True(before.IsSubsetOf(now));
                Assert.True(now.Count > before.Count);
            }
            before = now;
            if (percentage == 10)
                ten = now;
        }

        _stored = static () => View(FlagState.Off, 0);
        _clock.Advance(FlagDefinitions.MaxAge);
        Assert.Empty(await WhoIsIn());
        _stored = static () => View(FlagState.Percentage, 10);
        _clock.Advance(FlagDefinitions.MaxAge);
        Assert.True(ten!.SetEquals(await WhoIsIn()));
    }

    [Theory]
    [InlineData(FlagState.Percentage, 150)]
    [InlineData(FlagState.Percentage, 101)]
    [InlineData(FlagState.Percentage, -1)]
    [InlineData((FlagState)7, 50)]
    public async Task A_stored_state_that_is_invalid_lets_nobody_in(FlagState state, int percentage)
    {
        _stored = () => View(state, percentage);
        Assert.Empty(await WhoIsIn());
        Assert.True(_flag.Current.IsLastKnownGood);
    }

    [Fact]
    public async Task A_state_that_cannot_be_read_leaves_the_last_known_one()
    {
        _stored = static () => View(FlagState.On, 0);
        Assert.True((await _flag.EvaluateAsync(s_people[0])).IsIn());
        Assert.False(_flag.Current.IsLastKnownGood);

        foreach (
            Func<FlagView> broken in (Func<FlagView>[])
                [static () => throw new IOException("gone"), static () => View(FlagState.Percentage, 150)]
        )
        {
            _stored = broken;
            _clock.Advance(FlagDefinitions.MaxAge);
            Assert.True((await _flag.EvaluateAsync(s_people[0])).IsIn());
            Assert.True(_flag.Current.IsLastKnownGood);
        }

        _stored = static () => View(FlagState.Off, 0);
        _clock.Advance(FlagDefinitions.MaxAge);
        Assert.False((await _flag.EvaluateAsync(s_people[0])).IsIn());
        Assert.False(_flag.Current.IsLastKnownGood);
    }

    [Fact]
    public async Task A_state_that_could_never_be_read_is_off()
    {
        _stored = static () => throw new IOException("gone");
        Assert.False((await _flag.EvaluateAsync(s_people[0])).IsIn());
        Assert.Equal(FlagState.Off, _flag.Current.State);
        Assert.True(_flag.Current.IsLastKnownGood);
    }

    [Fact]
    public async Task The_database_is_asked_at_most_once_a_second()
    {
        _stored = static () => View(FlagState.On, 0);
        for (int i = 0; i < 50; i++)
            Assert.True((await _flag.EvaluateAsync(s_people[i])).IsIn());
        Assert.Equal(1, _readings);
        _stored = static () => View(FlagState.Off, 0);
        _clock.Advance(FlagDefinitions.MaxAge - TimeSpan.FromTicks(1));
        Assert.True((await _flag.EvaluateAsync(s_people[0])).IsIn());
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.False((await _flag.EvaluateAsync(s_people[0])).IsIn());
        Assert.Equal(2, _readings);
    }

    [Fact]
    public async Task A_refresh_reads_however_fresh_the_state_is_and_says_if_it_cannot()
    {
        _stored = static () => View(FlagState.On, 0);
        await _definitions.RefreshAsync(CancellationToken.None);
        await _definitions.RefreshAsync(CancellationToken.None);
        Assert.Equal(2, _readings);
        Assert.Equal(FlagState.On, _flag.Current.State);
        _stored = static () => throw new IOException("gone");
        FlagView last = await _definitions.RefreshAsync(CancellationToken.None);
        Assert.Equal((FlagState.On, true), (last.State, last.IsLastKnownGood));
        Assert.Equal((FlagState.On, true), (_flag.Current.State, _flag.Current.IsLastKnownGood));
        _stored = static () => View(FlagState.Off, 0);
        await _definitions.RefreshAsync(CancellationToken.None);
        Assert.Equal((FlagState.Off, false), (_flag.Current.State, _flag.Current.IsLastKnownGood));
    }

    [Theory]
    [InlineData(FlagState.Off, 100, Cohort.Nobody, Cohort.Nobody)]
    [InlineData(FlagState.Percentage, 30, Cohort.InsidePercentage, Cohort.OutsidePercentage)]
    [InlineData(FlagState.On, 0, Cohort.Everybody, Cohort.Everybody)]
    public async Task The_cohort_says_by_which_rule_somebody_is_in_or_out(
        FlagState state,
        int percentage,
        Cohort inside,
        Cohort outside
    )
    {
        _stored = () => View(state, percentage);
        foreach (Did did in s_people)
            Assert.Equal((await _flag.EvaluateAsync(did)).IsIn() ? inside : outside, await _flag.EvaluateAsync(did));
    }

    [Fact]
    public async Task The_progress_of_a_call_has_the_cohort_that_was_evaluated()
    {
        _stored = static () => View(FlagState.Percentage, 30);
        foreach (Did did in s_people)
        {
            Caller caller = new(did, "test");
            Assert.Equal(Cohort.NotEvaluated, caller.Progress.Cohort);
            Assert.Equal(await _flag.IsOnForAsync(caller), caller.Progress.Cohort.IsIn());
            Assert.Equal(await _flag.EvaluateAsync(did), caller.Progress.Cohort);
        }
    }

    [Fact]
    public async Task A_caller_without_a_name_is_refused()
    {
        _stored = static () => View(FlagState.On, 0);
        await Assert.ThrowsAsync<ArgumentException>(async () => await _flag.EvaluateAsync(default));
    }

    [Fact]
    public void The_name_is_frozen() => Assert.Equal("external_commits_enabled", ExternalCommitsDefinition.FlagName);

    public void Dispose() => _definitions.Dispose();

    private async Task<HashSet<Did>> WhoIsIn()
    {
        HashSet<Did> people = [];
        foreach (Did did in s_people)
            if ((await _flag.EvaluateAsync(did)).IsIn())
                people.Add(did);
        return people;
    }

    private Task<FlagView> Read(CancellationToken cancellation)
    {
        _readings++;
        return Task.FromResult(_stored());
    }

    private static FlagView View(FlagState state, int percentage) =>
        new(state, percentage, 1, DateTimeOffset.UnixEpoch, "", "");

    private static Did Did(string text) =>
        Core.Did.TryParse(text, out Did did) ? did : throw new ArgumentException(text);
}
