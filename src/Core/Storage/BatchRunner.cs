namespace MlsConsole.Core.Storage;

/// <summary>
/// Runs items in batches. An item that comes while no batch is running is a batch of its own and starts at once. An
/// item that comes while a batch is running waits; when that batch is done, all items that wait, 64 at most, are the
/// next batch.
/// </summary>
/// <remarks>
/// A batch is run by the call of <see cref="RunAsync"/> that brought the first item of the batch; there is no thread or
/// task beside these calls.
/// </remarks>
/// <param name="run">
/// Runs the items of one batch and notes in each item how the item ended. It must not throw.
/// </param>
internal sealed class BatchRunner<T>(Func<IReadOnlyList<T>, Task> run)
{
    private const int MaxBatch = 64;

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];
    private bool _running;
    private Action? _onIdle;

    /// <summary>Returns when the batch with this item has been run.</summary>
    public async Task RunAsync(T item)
    {
        var own = new Waiting(item);
        bool leads;
        lock (_lock)
        {
            _waiting.Add(own);
            leads = !_running;
            _running = true;
        }
        if (leads || await own.Leads.Task)
            await RunBatchAsync();
    }

    /// <summary>
    /// Runs <paramref name="onIdle"/> at once if no batch is running, and from now on each time that a batch ends and
    /// no item waits.
    /// </summary>
    public void WhenIdle(Action onIdle)
    {
        lock (_lock)
        {
            _onIdle = onIdle;
            if (!_running)
                onIdle();
        }
    }

    /// <summary>
    /// Runs the batch whose first item is the caller's. Then it tells the first item that has come since to run the
    /// next batch, and the other items of its own batch that they are done.
    /// </summary>
    private async Task RunBatchAsync()
    {
        List<Waiting> batch;
        lock (_lock)
        {
            batch = _waiting.GetRange(0, Math.Min(_waiting.Count, MaxBatch));
            _waiting.RemoveRange(0, batch.Count);
        }
        try
        {
            await run([.. batch.Select(one => one.Item)]);
        }
        finally
        {
            Waiting? next;
            lock (_lock)
            {
                next = _waiting.FirstOrDefault();
                _running = next is not null;
                if (!_running)
                    _onIdle?.Invoke();
            }
            next?.Leads.SetResult(true);
            foreach (var one in batch.Skip(1))
                one.Leads.SetResult(false);
        }
    }

    private sealed class Waiting(T item)
    {
        public T Item => item;

        /// <summary>
        /// True when this item is the first of the next batch, so that its caller has to run the batch; false when the
        /// item has been run by another caller.
        /// </summary>
        public TaskCompletionSource<bool> Leads { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
