namespace MlsConsole.Host.Identity;

/// <summary>
/// One key's count in one window, as one host sees it. The first eighth of the limit costs nothing: nobody is asked. After it an eighth at a time is taken from the
/// count that all hosts share. So most keys never reach the database, one host alone gives exactly the limit, and each further one at most an eighth more.
/// </summary>
/// <param name="limit">Requests in the window, over all hosts.</param>
/// <param name="share">Adds to the shared count and returns what it was before.</param>
internal sealed class RateCounter(int limit, Func<long, Task<long>> share)
{
    private readonly int slice = Math.Max(1, limit / 8);
    private readonly Lock gate = new();
    private long granted = Math.Max(1, limit / 8),
        used,
        shared,
        others;
    private Task? asking;
    private bool exhausted;

    /// <summary>What is left, as far as this host knows.</summary>
    public int Remaining
    {
        get
        {
            lock (gate)
                return exhausted ? (int)(granted - used) : (int)Math.Clamp(limit - used - others, 0, limit);
        }
    }

    /// <summary>Uses one.</summary>
    /// <returns>False if there is none left.</returns>
    public async ValueTask<bool> TakeAsync()
    {
        while (true)
        {
            Task answer;
            lock (gate)
            {
                if (used < granted)
                {
                    used++;
                    return true;
                }
                if (exhausted)
                    return false;
                answer = asking ??= AskAsync();
            }
            await answer;
        }
    }

    /// <summary>Gives one back: the request was not its owner's.</summary>
    public void Return()
    {
        lock (gate)
            used--;
    }

    private async Task AskAsync()
    {
        await Task.Yield(); // out of the lock
        try
        {
            // The first time, what was given without asking is told too.
            long told = shared == 0 ? granted : 0,
                before = await share(told + slice);
            lock (gate)
            {
                long given = Math.Clamp(limit - before - told, 0, slice);
                others = before - shared;
                shared += told + slice;
                granted += given;
                exhausted = given < slice;
            }
        }
        finally
        {
            lock (gate)
                asking = null;
        }
    }
}
