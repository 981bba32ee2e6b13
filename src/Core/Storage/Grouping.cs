namespace MlsConsole.Core.Storage;

/// <summary>What is asked for one by one is done in groups: who comes while a group is at work waits, and all who wait are the next one. The first of a group does the work of all.</summary>
/// <param name="work">Tells each of a group how it went; it throws nothing.</param>
internal sealed class Grouping<T>(Func<IReadOnlyList<T>, Task> work)
{
    private const int MaxGroup = 64;

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];
    private bool _working;
    private Action? _end;

    /// <summary>Returns when the work has been done.</summary>
    public async Task RunAsync(T one)
    {
        var own = new Waiting(one);
        bool leads;
        lock (_lock)
        {
            _waiting.Add(own);
            leads = !_working;
            _working = true;
        }
        if (leads || await own.Leads.Task)
            await LeadAsync();
    }

    /// <summary>Runs <paramref name="end"/> when nothing is at work.</summary>
    public void End(Action end)
    {
        lock (_lock)
        {
            _end = end;
            if (!_working)
                end();
        }
    }

    /// <summary>Works for those who wait, the first of which is the caller, and hands on to the first who came since.</summary>
    private async Task LeadAsync()
    {
        List<Waiting> group;
        lock (_lock)
        {
            group = _waiting.GetRange(0, Math.Min(_waiting.Count, MaxGroup));
            _waiting.RemoveRange(0, group.Count);
        }
        try
        {
            await work([.. group.Select(one => one.Item)]);
        }
        finally
        {
            Waiting? next;
            lock (_lock)
            {
                next = _waiting.FirstOrDefault();
                _working = next is not null;
                if (!_working)
                    _end?.Invoke();
            }
            next?.Leads.SetResult(true);
            foreach (var one in group.Skip(1))
                one.Leads.SetResult(false);
        }
    }

    private sealed class Waiting(T item)
    {
        public T Item => item;

        /// <summary>True when it is the turn of this one to work for all; false when it is done.</summary>
        public TaskCompletionSource<bool> Leads { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
