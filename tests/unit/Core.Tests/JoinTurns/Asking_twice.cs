using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Tests;

/// <summary>A device that asks for its turn while an earlier request of the same device still waits.</summary>
public class Asking_twice
{
    // Nothing here takes that long: it only ends a test that would stand still.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The steps, in this order: the second request has read the line in which Alice's turn goes on; Alice's turn ends;
    /// the conductor, which knows only the first request, reads the line in which it does not; the second request takes
    /// the place of the first; the conductor gives the turn to the first. The second request has to get that turn.
    /// </summary>
    [Fact]
    public async Task The_later_request_gets_the_turn_that_was_meant_for_the_earlier_one()
    {
        var clock = new InterruptedClock();
        await using var service = await Service.StartAsync(clock: clock);
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var turns = service.Get<JoinTurnConductor>();
        var (aliceRow, bobRow) = (await RowOfAsync(service, alice), await RowOfAsync(service, bob));
        var alicesTurn = await turns.TakeAsync(convo.Id, 1, aliceRow, 2, default);

        var first = clock.InterruptedAsAsync("first", () => turns.TakeAsync(convo.Id, 1, bobRow, 2, default));
        while (turns.Waiting == 0 && !first.IsCompleted)
            await Task.Delay(1);
        using var conductorHasRead = new ManualResetEventSlim();
        clock.Interrupt(
            "second",
            call: 2,
            () =>
            {
                // The conductor runs in the context of the request that started it.
                clock.Interrupt(
                    "first",
                    call: 1,
                    () =>
                    {
                        conductorHasRead.Set();
                        Assert.True(first.ContinueWith(_ => { }, TaskScheduler.Default).Wait(s_limit));
                    }
                );
                turns.GiveBackAsync(convo.Id, aliceRow, alicesTurn.Id, default).GetAwaiter().GetResult();
                Assert.True(conductorHasRead.Wait(s_limit));
            }
        );
        var second = clock.InterruptedAsAsync("second", () => turns.TakeAsync(convo.Id, 1, bobRow, 2, default));

        var refused = await Assert.ThrowsAsync<RefusedException>(() => first.WaitAsync(s_limit));
        Assert.Equal("TurnPending", refused.Refusal.Error);
        Assert.NotEmpty((await second.WaitAsync(s_limit)).Id);
    }

    private static async Task<long> RowOfAsync(Service service, TestDevice device)
    {
        await using var context = service.Database.Read();
        return await context
            .Set<Device>()
            .Where(row => row.Did == device.Did && row.DeviceId == device.DeviceId)
            .Select(row => row.Id)
            .SingleAsync();
    }

    /// <summary>A clock that stands still, and runs something when a request asks it for the time.</summary>
    private sealed class InterruptedClock() : FakeTimeProvider(DateTimeOffset.UtcNow)
    {
        private readonly AsyncLocal<string?> _name = new();
        private readonly Lock _lock = new();
        private readonly Dictionary<string, (int Call, Action Run)> _interruptions = [];

        /// <summary>Runs a request, and all that it starts, under a name.</summary>
        public Task<T> InterruptedAsAsync<T>(string name, Func<Task<T>> request) =>
            Task.Run(() =>
            {
                _name.Value = name;
                return request();
            });

        /// <summary>
        /// Runs an action the next time, or the n-th time from now, that a request asks for the time.
        /// </summary>
        public void Interrupt(string name, int call, Action run)
        {
            lock (_lock)
                _interruptions[name] = (call, run);
        }

        /// <summary>Not by <see cref="GetUtcNow"/>, or it would count as another call.</summary>
        public override long GetTimestamp() => base.GetUtcNow().Ticks;

        public override DateTimeOffset GetUtcNow()
        {
            Due()?.Invoke();
            return base.GetUtcNow();
        }

        private Action? Due()
        {
            // The base class asks for the time before this object is made.
            if (_name?.Value is not { } name)
                return null;
            lock (_lock)
            {
                if (!_interruptions.Remove(name, out var interruption))
                    return null;
                if (interruption.Call == 1)
                    return interruption.Run;
                _interruptions[name] = interruption with { Call = interruption.Call - 1 };
                return null;
            }
        }
    }
}
