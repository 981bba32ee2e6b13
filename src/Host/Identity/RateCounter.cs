namespace MlsConsole.Host.Identity;

/// <summary>
/// One key's count in one window, as one host sees it. The host grants the first eighth of the limit by itself. After
/// it, the host takes an eighth at a time from the count in the database, which all hosts share. So most keys never
/// reach the database, one host alone grants exactly the limit, and each further host grants at most an eighth more.
/// </summary>
/// <param name="limit">How many requests the window has, over all hosts.</param>
/// <param name="share">Adds to the shared count and returns the count before.</param>
internal sealed class RateCounter(int limit, Func<long, Task<long>> share)
{
    private readonly int _slice = Math.Max(1, limit / 8);
    private readonly Lock _lock = new();
    private long _granted = Math.Max(1, limit / 8),
        _used,
        _shared,
        _others;
    private Task? _asking;
    private bool _exhausted;

    /// <summary>How many requests are left, as far as this host knows.</summary>
    public int Remaining
    {
        get
        {
            lock (_lock)
                return _exhausted ? (int)(_granted - _used) : (int)Math.Clamp(limit - _used - _others, 0, limit);
        }
    }

    /// <summary>Takes one request from the limit.</summary>
    /// <returns>False if the limit is used up.</returns>
    public async ValueTask<bool> TakeAsync()
    {
        while (true)
        {
            Task answer;
            lock (_lock)
            {
                if (_used < _granted)
                {
                    _used++;
                    return true;
                }
                if (_exhausted)
                    return false;
                answer = _asking ??= AskAsync();
            }
            await answer;
        }
    }

    /// <summary>Gives a request back that turned out not to be the key owner's.</summary>
    public void Return()
    {
        lock (_lock)
            _used--;
    }

    private async Task AskAsync()
    {
        await Task.Yield(); // The caller holds the lock, which must not be held while the database is asked.
        try
        {
            // The first time, the requests that were granted without asking are added too.
            long told = _shared == 0 ? _granted : 0,
                before = await share(told + _slice);
            lock (_lock)
            {
                long given = Math.Clamp(limit - before - told, 0, _slice);
                _others = before - _shared;
                _shared += told + _slice;
                _granted += given;
                _exhausted = given < _slice;
            }
        }
        finally
        {
            lock (_lock)
                _asking = null;
        }
    }
}
