using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>The part of a host that counts, over a database that it shares with others.</summary>
internal sealed class FigureHost
{
    private readonly FakeTimeProvider _clock;

    public FigureHost(Database database, FakeTimeProvider clock, string name = "host")
    {
        var identity = new HostIdentity(name);
        _clock = clock;
        Store = new(database, identity, clock);
        Figures = new(new(Feed), Store, identity, clock);
    }

    public ActivityFeed Feed { get; } = new();
    public FigureStore Store { get; }
    public LiveFigures Figures { get; }

    public void Count(
        string outcome = "accepted",
        double milliseconds = 10,
        Cohort cohort = Cohort.Everybody,
        int times = 1
    )
    {
        for (int i = 0; i < times; i++)
            Feed.Publish(Counting_figures.Request(outcome, milliseconds, _clock.GetUtcNow(), cohort));
    }

    public Task StepAsync() => Figures.StepAsync(default);

    public Task StopAsync() => Figures.StopAsync(default);
}
