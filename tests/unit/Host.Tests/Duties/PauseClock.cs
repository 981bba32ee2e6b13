using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace MlsConsole.Host.Tests;

/// <summary>A clock that stands still and tells of each pause that is begun on it.</summary>
internal sealed class PauseClock : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _pauses = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        _pauses.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>
    /// Waits for the next pause to begin. It does not end before <see cref="FakeTimeProvider.Advance"/>.
    /// </summary>
    public async Task<TimeSpan> NextPause()
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        return await _pauses.Reader.ReadAsync(limit.Token);
    }

    /// <summary>Waits for the next pause to begin, and lets it pass.</summary>
    public async Task<TimeSpan> PassPause()
    {
        TimeSpan pause = await NextPause();
        Advance(pause);
        return pause;
    }
}
