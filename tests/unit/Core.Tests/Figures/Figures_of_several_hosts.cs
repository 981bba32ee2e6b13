using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Figures;

namespace MlsConsole.Core.Tests;

public class Figures_of_several_hosts
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));

    private static (long, long, long) Counts(FigureSnapshot snapshot) =>
        (
            snapshot.Total.Counts[Figure.Attempts],
            snapshot.Total.Counts[Figure.Accepted],
            snapshot.Total.Counts[Figure.Mismatches]
        );

    private static (long, long, long) FiveMinutes(FigureHost host) =>
        Counts(host.Figures.Snapshot(FigureRange.FiveMinutes));

    [Fact]
    public async Task Each_host_shows_what_all_hosts_counted_and_its_own_at_once()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FigureHost a = new(service.Database, _clock, "a"),
            b = new(service.Database, _clock, "b");
        a.Count(times: 3);
        b.Count("EpochMismatch", cohort: Cohort.InsidePercentage);
        Assert.Equal((3, 3, 0), FiveMinutes(a));
        _clock.Advance(TimeSpan.FromSeconds(5));
        await b.StepAsync();
        await a.StepAsync();
        Assert.Equal((4, 3, 1), FiveMinutes(a));
        await b.StepAsync();
        Assert.Equal((4, 3, 1), FiveMinutes(b));
        var cohorts = a.Figures.Snapshot(FigureRange.Day).Cohorts;
        Assert.Equal((3, 1), (cohorts[Cohort.Everybody].Attempts, cohorts[Cohort.InsidePercentage].Attempts));
    }

    [Fact]
    public async Task A_host_that_is_started_again_knows_all_and_counts_nothing_twice()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FigureHost a = new(service.Database, _clock, "a"),
            b = new(service.Database, _clock, "b");
        a.Count(times: 2);
        b.Count(times: 5);
        await a.StopAsync(); // in the middle of a step
        _clock.Advance(TimeSpan.FromSeconds(1));
        FigureHost again = new(service.Database, _clock, "a");
        again.Count(times: 10);
        _clock.Advance(TimeSpan.FromSeconds(5));
        foreach (var host in (FigureHost[])[again, b, again, b, again])
            await host.StepAsync();
        Assert.Equal((17, 17, 0), FiveMinutes(again));
        Assert.Equal((17, 17, 0), FiveMinutes(b));
        Assert.Equal(17, (await b.Store.TotalsAsync(default)).Sum()[Figure.Attempts]);
    }

    [Fact]
    public async Task The_age_of_each_host_is_known_and_silence_is_a_state()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FigureHost a = new(service.Database, _clock, "a"),
            b = new(service.Database, _clock, "b");
        await b.StepAsync();
        await a.StepAsync();
        Assert.Equal([("a", HostState.Live), ("b", HostState.Live)], States(a));

        // b says nothing for 40 seconds, a goes on.
        for (int i = 0; i < 8; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            await a.StepAsync();
        }
        Assert.Equal([("a", HostState.Live), ("b", HostState.Silent)], States(a));
        Assert.Equal(40, (int)Hosts(a)[1].Age.TotalSeconds);

        FigureHost again = new(service.Database, _clock, "b");
        await again.StepAsync();
        await a.StepAsync();
        Assert.Equal([("a", HostState.Live), ("b", HostState.Killed), ("b", HostState.Live)], States(a));

        await again.StopAsync();
        await a.StepAsync();
        Assert.Equal([("a", HostState.Live), ("b", HostState.Killed)], States(a));
    }

    private static IReadOnlyList<HostView> Hosts(FigureHost host) =>
        host.Figures.Snapshot(FigureRange.FiveMinutes).Hosts;

    private IEnumerable<(string, HostState)> States(FigureHost host)
    {
        _clock.Advance(LiveFigures.Tick);
        return Hosts(host).Select(one => (one.Name, one.State));
    }

    [Fact]
    public async Task What_cannot_be_written_waits_is_shown_and_is_written_once()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FigureHost a = new(service.Database, _clock, "a");
        await a.StepAsync();
        await RenameAsync(service, "figures", "elsewhere");
        for (int i = 0; i < 3; i++)
        {
            a.Count();
            _clock.Advance(TimeSpan.FromSeconds(5));
            await Assert.ThrowsAnyAsync<Exception>(a.StepAsync);
        }
        Assert.Equal(3, a.Figures.Unwritten);
        Assert.Equal((3, 3, 0), FiveMinutes(a));
        Assert.False(a.Figures.Snapshot(FigureRange.FiveMinutes).IsComplete);
        await RenameAsync(service, "elsewhere", "figures");
        await a.StepAsync();
        Assert.Equal(0, a.Figures.Unwritten);
        Assert.Equal(3, (await a.Store.TotalsAsync(default)).Sum()[Figure.Attempts]);
        Assert.True(a.Figures.Snapshot(FigureRange.Hour).IsComplete);
    }

    private static async Task RenameAsync(Service service, string from, string to)
    {
        await using var context = service.Database.Open();
#pragma warning disable EF1002 // The names are this test's own.
        await context.Database.ExecuteSqlRawAsync($"ALTER TABLE {from} RENAME TO {to}");
#pragma warning restore EF1002
    }

    [Fact]
    public async Task A_write_whose_answer_did_not_come_is_not_counted_twice()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FigureHost a = new(service.Database, _clock, "a");
        var counts = new FigureCounts();
        counts.Add(Counting_figures.Request());
        FigureStep[] steps = [new(FigureStep.NumberOf(_clock.GetUtcNow()), Cohort.Everybody, counts)];
        await a.Store.WriteAsync(steps, stopping: false, default);
        await a.Store.WriteAsync(steps, stopping: false, default);
        Assert.Equal(1, (await a.Store.TotalsAsync(default)).Sum()[Figure.Attempts]);
    }

    [Fact]
    public async Task What_is_older_than_the_range_leaves_it_and_a_snapshot_is_shared_within_a_tick()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FigureHost a = new(service.Database, _clock, "a");
        a.Count();
        _clock.Advance(TimeSpan.FromMinutes(6));
        await a.StepAsync();
        a.Count();
        Assert.Equal((1, 2), (FiveMinutes(a).Item1, Counts(a.Figures.Snapshot(FigureRange.Hour)).Item1));
        var shared = a.Figures.Snapshot(FigureRange.Hour);
        a.Count();
        Assert.Same(shared, a.Figures.Snapshot(FigureRange.Hour));
        _clock.Advance(LiveFigures.Tick);
        Assert.Equal(3, Counts(a.Figures.Snapshot(FigureRange.Hour)).Item1);
        Assert.Equal(3, a.Figures.Snapshot(FigureRange.Hour).Points.Sum(point => point.Rates?.Attempts ?? 0));
        _clock.Advance(TimeSpan.FromHours(25));
        await a.StepAsync();
        Assert.Equal(0, Counts(a.Figures.Snapshot(FigureRange.Day)).Item1);
        Assert.Equal(
            new DateTimeOffset(2026, 1, 1, 12, 6, 0, TimeSpan.Zero),
            a.Figures.Snapshot(FigureRange.FiveMinutes).LastAt
        );
    }

    [Fact]
    public async Task A_host_whose_clock_is_ahead_does_not_push_out_what_others_counted()
    {
        await using var service = await Service.StartAsync(clock: _clock);
        FakeTimeProvider ahead = new(_clock.GetUtcNow().AddHours(3));
        FigureHost a = new(service.Database, _clock, "a"),
            b = new(service.Database, ahead, "b");
        b.Count();
        ahead.Advance(TimeSpan.FromSeconds(5));
        await b.StepAsync();
        await a.StepAsync();
        a.Count(times: 2);
        Assert.Equal((3, 3, 0), FiveMinutes(a));
    }
}
