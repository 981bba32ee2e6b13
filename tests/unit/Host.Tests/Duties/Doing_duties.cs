using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Duties;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>What every background duty of the host does around its steps.</summary>
public sealed class Doing_duties
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(250);

    private readonly PauseClock _clock = new();
    private readonly ListLogger<Duty> _log = new();

    [Fact]
    public async Task A_duty_that_fails_backs_off_and_goes_on_and_says_so_once_in_an_outage()
    {
        bool broken = true;
        using TestDuty duty = new(_clock, _log, () => broken ? throw new IOException("gone") : Task.CompletedTask);
        await duty.StartAsync(CancellationToken.None);
        List<double> pauses = [];
        for (int i = 0; i < 6; i++)
            pauses.Add((await _clock.PassPause()).TotalSeconds);
        Assert.Equal([0.25, 0.5, 1, 2, 4, 5], pauses);
        Assert.Equal(5, (await _clock.NextPause()).TotalSeconds);
        var (level, text, exception) = Assert.Single(_log.Lines);
        Assert.Equal((LogLevel.Error, "The duty test fails; it is tried again"), (level, text));
        Assert.IsType<IOException>(exception);

        broken = false;
        _clock.Advance(Duty.LongestBackoff);
        Assert.Equal(s_period, await _clock.NextPause());
        Assert.Equal(
            (LogLevel.Information, "The duty test succeeds again after 6 failures"),
            (_log.Lines[^1].Level, _log.Lines[^1].Text)
        );

        broken = true;
        _clock.Advance(s_period);
        Assert.Equal(2 * s_period, await _clock.NextPause());
        Assert.Equal(
            [LogLevel.Error, LogLevel.Information, LogLevel.Error],
            _log.Lines.Select(static line => line.Level)
        );
        await duty.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task The_last_success_moves_with_each_success_and_with_nothing_else()
    {
        bool broken = true;
        using TestDuty duty = new(_clock, _log, () => broken ? throw new IOException("gone") : Task.CompletedTask);
        DateTimeOffset start = _clock.GetUtcNow();
        await duty.StartAsync(CancellationToken.None);
        await _clock.PassPause();
        TimeSpan pause = await _clock.NextPause();
        Assert.Equal((null, start), (duty.LastSuccess, duty.LastSuccessOrStart));

        broken = false;
        _clock.Advance(pause);
        pause = await _clock.NextPause();
        Assert.Equal(_clock.GetUtcNow(), duty.LastSuccess);

        broken = true;
        DateTimeOffset success = _clock.GetUtcNow();
        _clock.Advance(pause);
        await _clock.NextPause();
        Assert.Equal((success, success), (duty.LastSuccess, duty.LastSuccessOrStart));
        await duty.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_wake_ends_the_pause_but_not_the_pause_after_a_failure()
    {
        bool broken = false;
        int steps = 0;
        using TestDuty duty = new(
            _clock,
            _log,
            () =>
            {
                steps++;
                return broken ? throw new IOException("gone") : Task.CompletedTask;
            }
        );
        await duty.StartAsync(CancellationToken.None);
        await _clock.PassPause();
        await _clock.NextPause();
        Assert.Equal(1, steps);

        broken = true;
        duty.WakeUp();
        Assert.Equal(2 * s_period, await _clock.NextPause());
        Assert.Equal(2, steps);

        duty.WakeUp();
        _clock.Advance(s_period);
        Assert.Equal(2, steps);
        _clock.Advance(s_period);
        await _clock.NextPause();
        Assert.Equal(3, steps);
        await duty.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_step_that_throws_does_not_stop_the_host_and_the_last_step_comes_at_its_end()
    {
        Queue<Exception> faults = new([
            new IOException("gone"),
            new OperationCanceledException("a command took too long"),
            new InvalidOperationException("a fault of ours"),
        ]);
        using TestDuty duty = new(
            _clock,
            _log,
            () => faults.TryDequeue(out Exception? fault) ? throw fault : Task.CompletedTask
        );
        using IHost host = new HostBuilder()
            .ConfigureServices(services => services.AddHostedService(_ => duty))
            .Build();
        await host.StartAsync();
        for (int i = 0; i < 4; i++)
            await _clock.PassPause();
        await _clock.NextPause();
        Assert.NotNull(duty.LastSuccess);
        Assert.False(
            host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested
        );
        Assert.False(duty.IsOver);
        await host.StopAsync();
        Assert.True(duty.IsOver);
    }

    [Fact]
    public void A_host_is_not_ready_when_its_relay_of_events_has_not_succeeded_for_half_a_minute()
    {
        using TestDuty other = new(_clock, _log, () => Task.CompletedTask);
        using EventRelayDuty relay = new(
            null!,
            null!,
            null!,
            new ActivityFeed(),
            _clock,
            NullLogger<EventRelayDuty>.Instance
        );
        Duty[] duties = [other, relay];
        _clock.Advance(Health.RelayPatience);
        Assert.Null(Health.ProblemOfRelay(duties, _clock.GetUtcNow()));
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        string? problem = Health.ProblemOfRelay(duties, _clock.GetUtcNow());
        Assert.Equal(
            "not ready: events are not relayed\ntest: no success yet\nevent_relay: no success yet",
            Health.TextOf(problem, duties)
        );
    }

    private sealed class TestDuty(PauseClock clock, ListLogger<Duty> log, Func<Task> step) : Duty("test", clock, log)
    {
        public bool IsOver { get; private set; }

        protected override TimeSpan Period => s_period;

        public void WakeUp() => Wake();

        protected override Task StepAsync(CancellationToken cancellation) => step();

        protected override Task LastStepAsync(CancellationToken cancellation)
        {
            IsOver = true;
            return Task.CompletedTask;
        }
    }
}
