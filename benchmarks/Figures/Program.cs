using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Storage;

// dotnet run -c Release --project benchmarks/Figures [-- --callers 50 --events 2000 --seconds 20]
// Callers who read all ranges three times a second, as pages do, while requests are counted and steps are written to
// SQLite. What it says is a share of one core: the processor time of the whole process over the time that passed.
int Option(string name, int otherwise) =>
    Array.IndexOf(args, name) is >= 0 and int at && at + 1 < args.Length
        ? int.Parse(args[at + 1], CultureInfo.InvariantCulture)
        : otherwise;
int callers = Option("--callers", 50),
    eventsPerSecond = Option("--events", 2000),
    seconds = Option("--seconds", 20);

string folder = Directory.CreateTempSubdirectory("mlsconsole-figures-").FullName;
try
{
    await using var services = new ServiceCollection()
        .AddCore(Database.Sqlite($"Data Source={Path.Combine(folder, "figures.db")}"), new CoreSettings())
        .BuildServiceProvider();
    await StorageStartup.MigrateAsync(services.GetRequiredService<Database>(), CancellationToken.None);
    var feed = services.GetRequiredService<ActivityFeed>();
    var figures = services.GetRequiredService<LiveFigures>();
    services.GetRequiredService<FigureCounter>();

    await FillTheDayAsync(services);
    var reading = Stopwatch.StartNew();
    await figures.StepAsync(CancellationToken.None);
    Console.WriteLine($"a day of three hosts and two cohorts is read at the start in {reading.ElapsedMilliseconds} ms");
    Warm(figures);
    await MeasureAsync("nobody reads, nothing happens", 0, 0);
    await MeasureAsync($"{eventsPerSecond:N0} events a second", 0, eventsPerSecond);
    await MeasureAsync($"{callers} callers, {eventsPerSecond:N0} events a second", callers, eventsPerSecond);
    Console.WriteLine($"one snapshot of 24 hours, made anew: {await OneSnapshotAsync():0.00} ms (target < 2 ms)");
    return;

    async Task MeasureAsync(string what, int readers, int events)
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var passed = Stopwatch.StartNew();
        await Task.WhenAll([
            StepAsync(end.Token),
            CountAsync(events, end.Token),
            .. Enumerable.Range(0, readers).Select(_ => ReadAsync(end.Token)),
        ]);
        double share = (Process.GetCurrentProcess().TotalProcessorTime - before) / passed.Elapsed;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{share * 100, 6:0.00} % of a core: {what}"));
    }

    async Task ReadAsync(CancellationToken end)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(333));
        try
        {
            while (await timer.WaitForNextTickAsync(end))
                foreach (var range in FigureRange.All)
                    figures.Snapshot(range);
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }

    async Task StepAsync(CancellationToken end)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(400));
        try
        {
            while (await timer.WaitForNextTickAsync(end))
                await figures.StepAsync(CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }

    async Task CountAsync(int events, CancellationToken end)
    {
        const int Batches = 50;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / Batches));
        try
        {
            while (await timer.WaitForNextTickAsync(end))
                for (int i = 0; i < events / Batches; i++)
                    feed.Publish(Request(DateTimeOffset.UtcNow, i));
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }

    async Task<double> OneSnapshotAsync()
    {
        var times = new List<double>();
        for (int i = 0; i < 20; i++)
        {
            await Task.Delay(LiveFigures.Tick);
            var one = Stopwatch.StartNew();
            figures.Snapshot(FigureRange.Day);
            times.Add(one.Elapsed.TotalMilliseconds);
        }
        times.Sort();
        return times[^1];
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

static void Warm(LiveFigures figures)
{
    for (int i = 0; i < 20; i++)
    {
        Thread.Sleep(LiveFigures.Tick);
        foreach (var range in FigureRange.All)
            figures.Snapshot(range);
    }
}

static RequestAnswered Request(DateTimeOffset at, int number) =>
    new()
    {
        At = at,
        Method = number % 2 == 0 ? "processExternalCommit" : "sendMessage",
        Outcome = number % 50 == 0 ? "EpochMismatch" : "accepted",
        Cohort = number % 3 == 0 ? Cohort.OutsidePercentage : Cohort.InsidePercentage,
        Elapsed = TimeSpan.FromMilliseconds(number % 400),
        ElapsedSinceBody = TimeSpan.FromMilliseconds(number % 400),
    };

// What three hosts have written in a day.
static async Task FillTheDayAsync(ServiceProvider services)
{
    var database = services.GetRequiredService<Database>();
    for (int host = 0; host < 3; host++)
    {
        var feed = new ActivityFeed();
        var clock = new SetClock(DateTimeOffset.UtcNow.AddHours(-24));
        // The container is not disposed: it would dispose the database that all share.
        var other = new ServiceCollection()
            .AddSingleton<TimeProvider>(clock)
            .AddSingleton(feed)
            .AddCore(database, new CoreSettings { HostName = $"host {host}" })
            .BuildServiceProvider();
        other.GetRequiredService<FigureCounter>();
        var figures = other.GetRequiredService<LiveFigures>();
        for (; clock.Now < DateTimeOffset.UtcNow; clock.Now = clock.Now.AddSeconds(5))
        for (int i = 0; i < 20; i++)
            feed.Publish(Request(clock.Now, i));
        await figures.StopAsync(CancellationToken.None);
    }
}

/// <summary>A clock that is set.</summary>
internal sealed class SetClock(DateTimeOffset start) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = start;

    public override DateTimeOffset GetUtcNow() => Now;
}
