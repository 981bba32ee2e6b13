namespace MlsConsole.Core.JoinTurns;

/// <summary>The requests of this host that wait. For each conversation with any there is one that looks at the line, however many wait.</summary>
public sealed partial class JoinTurnConductor
{
    // A turn that ends here wakes the next at once; what other hosts did is seen by looking.
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<string, Waiters> _waiting = [];

    /// <summary>How many requests of this host wait for their turn.</summary>
    public int Waiting
    {
        get
        {
            lock (_waiting)
                return _waiting.Values.Sum(waiters => waiters.Values.Count(waiter => !waiter.Turn.Task.IsCompleted));
        }
    }

    /// <summary>A turn has ended, or may have: whoever is next need not wait until somebody looks.</summary>
    internal void Wake(string convoId)
    {
        lock (_waiting)
            if (_waiting.TryGetValue(convoId, out var waiters))
                waiters.Woken.TrySetResult();
    }

    private async Task<JoinPlace> WaitAsync(
        string convoId,
        long device,
        int leaves,
        int position,
        CancellationToken cancellation
    )
    {
        var waiter = new Waiter(leaves) { Position = position };
        Start(convoId, device, waiter);
        try
        {
            await waiter.Turn.Task.WaitAsync(JoinLine.Wait, _clock, cancellation);
        }
        catch (TimeoutException)
        {
            waiter.Turn.TrySetResult(null);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            if (waiter.Turn.TrySetResult(null))
                await LeaveAsync(convoId, device);
            throw;
        }
        return await waiter.Turn.Task ?? throw Refusal.TurnPending(waiter.Position).AsException();
    }

    private void Start(string convoId, long device, Waiter waiter)
    {
        lock (_waiting)
        {
            bool first = !_waiting.TryGetValue(convoId, out var waiters);
            if (first)
                _waiting[convoId] = waiters = [];
            // One place for a device: a second request takes it from the first.
            if (waiters!.Remove(device, out var former))
                former.Turn.TrySetResult(null);
            waiters[device] = waiter;
            if (first)
                _ = Task.Run(() => ConductAsync(convoId, waiters));
        }
    }

    /// <summary>Gives turns to the requests of one conversation until none waits.</summary>
    private async Task ConductAsync(string convoId, Waiters waiters)
    {
        while (Remaining(convoId, waiters) is { Count: > 0 } remaining)
        {
            try
            {
                if (await GiveNextAsync(convoId, remaining))
                    continue;
            }
            catch (Exception fault)
            {
                foreach (var waiter in remaining.Values)
                    waiter.Turn.TrySetException(fault); // theirs to answer and to log
                continue;
            }
            await Task.WhenAny(waiters.Woken.Task, Task.Delay(s_period, _clock));
        }
    }

    private Dictionary<long, Waiter>? Remaining(string convoId, Waiters waiters)
    {
        lock (_waiting)
        {
            foreach (var (device, waiter) in waiters)
                if (waiter.Turn.Task.IsCompleted)
                    waiters.Remove(device);
            if (waiters.Count == 0)
                _waiting.Remove(convoId);
            if (waiters.Woken.Task.IsCompleted)
                waiters.Woken = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return new(waiters);
        }
    }

    /// <returns>True if the line has to be looked at again at once.</returns>
    private async Task<bool> GiveNextAsync(string convoId, Dictionary<long, Waiter> waiters)
    {
        var read = await ReadAsync(convoId, CancellationToken.None);
        var now = _clock.GetUtcNow();
        var line = read.At(now);
        foreach (var (device, waiter) in waiters)
            waiter.Position = line.PositionOf(device);
        if (line.Next(now) is not { } next || !waiters.TryGetValue(next.DeviceRow, out var chosen))
            return false;
        var given = line.Give(next.DeviceRow, NewTurnId(), now, JoinLine.TurnLength(chosen.Leaves));
        if (!await WriteAsync(read, given, CancellationToken.None))
            return true;
        var turn = given.Of(next.DeviceRow)!;
        if (chosen.Turn.TrySetResult(turn) || HandOver(convoId, turn))
            return false;
        await WriteAsync(given, given.Return(turn.TurnId!, _clock.GetUtcNow()), CancellationToken.None);
        return true;
    }

    /// <summary>
    /// Gives a turn to the request with which the device has asked again meanwhile: the line that was read, and the
    /// waiters beside it, knew only its earlier request. If the turn went back instead, the device's place would count
    /// as one whose request has gone, and the waiting request would never be the next.
    /// </summary>
    /// <returns>False if no request of the device waits.</returns>
    private bool HandOver(string convoId, JoinPlace turn)
    {
        lock (_waiting)
            return _waiting.TryGetValue(convoId, out var waiters)
                && waiters.TryGetValue(turn.DeviceRow, out var waiter)
                && waiter.Turn.TrySetResult(turn);
    }

    private async Task LeaveAsync(string convoId, long device)
    {
        var line = await ReadAsync(convoId, CancellationToken.None);
        await WriteAsync(line, line.Leave(device, _clock.GetUtcNow()), CancellationToken.None);
    }

    private sealed class Waiters : Dictionary<long, Waiter>
    {
        public TaskCompletionSource Woken { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Waiter(int leaves)
    {
        public int Leaves => leaves;
        public int Position { get; set; }

        /// <summary>Null when the request waits no longer.</summary>
        public TaskCompletionSource<JoinPlace?> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
