using CsCheck;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>
/// Whatever hosts do, and in whatever order, everything that was counted and not lost by a kill is in the sums exactly
/// once: for every host, after every roll-up, and for a host that starts later.
/// </summary>
public class Histories_of_figures
{
    private static readonly string[] s_outcomes = ["accepted", "EpochMismatch", "InvalidCommit", "Unauthorized"];

    private enum Act
    {
        Count,
        Wait,
        Step,
        RollUp,
        Stop,
        Kill,
    }

    private static readonly Gen<(Act Act, int Host, int Value)> s_act = Gen.Select(
        Gen.Frequency(
            (10, Gen.Const(Act.Count)),
            (6, Gen.Const(Act.Wait)),
            (8, Gen.Const(Act.Step)),
            (3, Gen.Const(Act.RollUp)),
            (1, Gen.Const(Act.Stop)),
            (1, Gen.Const(Act.Kill))
        ),
        Gen.Int[0, 2],
        Gen.Int[0, 9_999]
    );

    [Fact]
    public Task Any_interleaving_gives_the_same_sums() => SampleAsync(histories: 2);

    [Fact, Trait("Category", "Slow")]
    public Task A_dozen_interleavings_give_the_same_sums() => SampleAsync(histories: 12);

    [Fact, Trait("Category", "Long")]
    public Task Many_interleavings_give_the_same_sums() => SampleAsync(histories: 500);

    private static async Task SampleAsync(int histories)
    {
        await using var service = await Service.StartAsync();
        await s_act.Array[80].SampleAsync(acts => PlayAsync(service.Database, acts), iter: histories, threads: 1);
    }

    private static async Task PlayAsync(Database database, (Act Act, int Host, int Value)[] acts)
    {
        await ClearAsync(database);
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
        var hosts = Enumerable.Range(0, 3).Select(i => new Played(database, clock, $"host {i}")).ToList();
        var rollUp = new FigureRollUp(database, new Leases(new("a host"), clock), clock);
        var durable = new FigureTable();
        foreach (var (act, number, value) in acts)
        {
            var host = hosts[number];
            switch (act)
            {
                case Act.Count:
                    host.Count(s_outcomes[value % 4], value, (Cohort)(1 + value % 3));
                    break;
                case Act.Wait:
                    // Mostly less than a step, sometimes hours: all rows are then late for their sums.
                    clock.Advance(TimeSpan.FromSeconds(value % 10 == 0 ? value : value % 9));
                    break;
                case Act.Step:
                    await host.StepAsync(durable);
                    break;
                case Act.RollUp:
                    await rollUp.RunAsync(default);
                    break;
                case Act.Stop:
                    await host.StopAsync(durable);
                    break;
                case Act.Kill:
                    host.Kill();
                    break;
            }
        }
        foreach (var host in hosts)
            await host.StopAsync(durable);
        clock.Advance(TimeSpan.FromMinutes(2));
        await rollUp.RunAsync(default);
        await SameAsync(database, durable);
        clock.Advance(TimeSpan.FromHours(2));
        await rollUp.RunAsync(default);
        await SameAsync(database, durable);
        Assert.Equal(0, await RowsAsync(database, row => !row.RolledUp && row.Width < 3600));
    }

    private static async Task SameAsync(Database database, FigureTable expected)
    {
        var stored = await new FigureStore(database, new("reader"), TimeProvider.System).TotalsAsync(default);
        Assert.Equal(Text(expected), Text(stored));
    }

    private static string Text(FigureTable table) =>
        string.Join(
            '\n',
            table.Cohorts.Select(cohort =>
                $"{cohort} {table.Of(cohort).EncodeCounts()} "
                + string.Join(',', table.Of(cohort).Outcomes.OrderBy(one => one.Key.Outcome))
                + Convert.ToHexString(table.Of(cohort).EncodeLatency())
            )
        );

    private static async Task<int> RowsAsync(
        Database database,
        System.Linq.Expressions.Expression<Func<FigureRow, bool>> which
    )
    {
        await using var context = database.Read();
        return await context.Set<FigureRow>().CountAsync(which);
    }

    private static Task ClearAsync(Database database) =>
        database.WriteAsync(
            async context =>
            {
                await context.Set<HostRow>().ExecuteDeleteAsync();
                await context.Set<Lease>().Where(row => row.Name == FigureRollUp.LeaseName).ExecuteDeleteAsync();
                return await context.Set<FigureRow>().ExecuteDeleteAsync();
            },
            default
        );

    /// <summary>A host, and what it has counted that a kill would lose.</summary>
    private sealed class Played(Database database, FakeTimeProvider clock, string name)
    {
        private FigureHost _host = new(database, clock, name);
        private List<(long Step, Cohort Cohort, RequestAnswered Request)> _inMemory = [];

        public void Count(string outcome, int milliseconds, Cohort cohort)
        {
            _host.Count(outcome, milliseconds, cohort);
            _inMemory.Add(
                (
                    FigureStep.NumberOf(clock.GetUtcNow()),
                    cohort,
                    Counting_figures.Request(outcome, milliseconds, clock.GetUtcNow(), cohort)
                )
            );
        }

        public async Task StepAsync(FigureTable durable)
        {
            await _host.StepAsync();
            long now = FigureStep.NumberOf(clock.GetUtcNow());
            Write(_inMemory.Where(one => one.Step < now), durable);
            _inMemory = [.. _inMemory.Where(one => one.Step >= now)];
        }

        public async Task StopAsync(FigureTable durable)
        {
            await _host.StopAsync();
            Write(_inMemory, durable);
            Kill();
        }

        public void Kill()
        {
            _inMemory = [];
            _host = new(database, clock, name);
        }

        private static void Write(
            IEnumerable<(long Step, Cohort Cohort, RequestAnswered Request)> counted,
            FigureTable durable
        )
        {
            foreach (var (_, cohort, request) in counted)
            {
                var counts = new FigureCounts();
                counts.Add(request);
                durable.Add(cohort, counts);
            }
        }
    }
}
