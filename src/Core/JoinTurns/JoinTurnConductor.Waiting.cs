namespace MlsConsole.Core.JoinTurns;

/// <summary>
/// The waiting requests of this host. For each conversation that has waiting requests one task, the conductor, looks at
/// the line, however many requests wait.
/// </summary>
public sealed partial class JoinTurnConductor
{
    // How often a conductor looks at its line. When a turn ends on this host, the conductor is woken at once; what
    // other hosts have written, it sees only by looking.
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(100);

    /// <summary>The waiting requests by conversation. This object is also the lock for all access to them.</summary>
    private readonly Dictionary<string, Waiters> _waiting = [];

    /// <summary>How many requests of this host wait for their turns.</summary>
    public int Waiting
    {
        get
        {
            lock (_waiting)
                return _waiting.Values.Sum(waiters => waiters.Values.Count(waiter => !waiter.Turn.Task.IsCompleted));
        }
    }

    /// <summary>
    /// Makes the conductor of a conversation look at the line at once, because a turn has ended or may have ended.
    /// </summary>
    internal void Wake(string convoId)
    {
        lock (_waiting)
            if (_waiting.TryGetValue(convoId, out var waiters))
                waiters.Woken.TrySetResult();
    }

    /// <summary>Waits until the conductor gives the turn to a device that is in line already.</summary>
    /// <exception cref="RefusedException">
    /// TurnPending: the turn did not come in time, or another request of the device waits instead.
    /// </exception>
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
            // If the conductor gave the turn at the last moment, the request still gets the turn below.
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

    /// <summary>
    /// Adds a waiting request, and starts the conductor of the conversation if this is the first that waits there.
    /// </summary>
    private void Start(string convoId, long device, Waiter waiter)
    {
        lock (_waiting)
        {
            bool first = !_waiting.TryGetValue(convoId, out var waiters);
            if (first)
                _waiting[convoId] = waiters = [];
            // A device has one place, so a second request of the device ends the wait of the first.
            if (waiters!.Remove(device, out var former))
                former.Turn.TrySetResult(null);
            waiters[device] = waiter;
            if (first)
                _ = Task.Run(() => ConductAsync(convoId, waiters));
        }
    }

    /// <summary>The conductor: gives turns to the waiting requests of one conversation until none is left.</summary>
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
                // The fault becomes that of every waiting request, and is answered and logged like other faults of
                // requests.
                foreach (var waiter in remaining.Values)
                    waiter.Turn.TrySetException(fault);
                continue;
            }
            await Task.WhenAny(waiters.Woken.Task, Task.Delay(s_period, _clock));
        }
    }

    /// <summary>
    /// A copy of the requests of a conversation that still wait. Where none is left, the conversation is removed from
    /// <see cref="_waiting"/>, and its conductor has to end.
    /// </summary>
    private Dictionary<long, Waiter> Remaining(string convoId, Waiters waiters)
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

    /// <summary>Gives the turn to the device that is next in line, if its request waits on this host.</summary>
    /// <param name="convoId">The conversation.</param>
    /// <param name="waiters">The waiting requests of this host, by the row of the device.</param>
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

    /// <summary>Notes in the line that the request of a device has gone.</summary>
    private async Task LeaveAsync(string convoId, long device)
    {
        var line = await ReadAsync(convoId, CancellationToken.None);
        await WriteAsync(line, line.Leave(device, _clock.GetUtcNow()), CancellationToken.None);
    }

    /// <summary>The waiting requests of one conversation, by the row of the device.</summary>
    private sealed class Waiters : Dictionary<long, Waiter>
    {
        /// <summary>Completed when the conductor has to look at the line at once.</summary>
        public TaskCompletionSource Woken { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A request that waits for the turn of its device.</summary>
    /// <param name="leaves">The number of leaves in the group.</param>
    private sealed class Waiter(int leaves)
    {
        public int Leaves => leaves;

        /// <summary>How many devices are before this one, when the conductor looked last.</summary>
        public int Position { get; set; }

        /// <summary>Completed with the turn, or with null when the request stops waiting without a turn.</summary>
        public TaskCompletionSource<JoinPlace?> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
