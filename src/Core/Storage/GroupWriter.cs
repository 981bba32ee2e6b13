using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace MlsConsole.Core;

/// <summary>One writer at a time: whoever comes while it writes waits, and all who wait are written in the next transaction, each in a savepoint of its own. So one synchronisation of the disk is for many.</summary>
internal sealed class GroupWriter(Func<MlsDbContext> open)
{
    private const int MaxGroup = 64;

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];
    private bool _writing;

    /// <summary>Runs <paramref name="work"/> and answers when it is on disk; an exception of the work leaves nothing of it, and all of the others.</summary>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        T result = default!;
        var own = new Waiting(async context =>
        {
            result = await work(context);
            await context.SaveChangesAsync(CancellationToken.None);
        }, cancellation);
        bool leads;
        lock (_lock)
        {
            _waiting.Add(own);
            leads = !_writing;
            _writing = true;
        }
        if (leads || await own.Leads.Task) await LeadAsync();
        if (own.Failure is { } failure) failure.Throw();
        return result;
    }

    /// <summary>Writes those who wait, the first of which is the caller, and hands on to the first who came since.</summary>
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
            await WriteGroupAsync(group);
        }
        catch (Exception broken)
        {
            foreach (var one in group) one.Fail(broken);
        }
        Waiting? next;
        lock (_lock)
        {
            next = _waiting.FirstOrDefault();
            _writing = next is not null;
        }
        next?.Leads.SetResult(true);
        foreach (var one in group.Skip(1)) one.Leads.SetResult(false);
    }

    private async Task WriteGroupAsync(List<Waiting> group)
    {
        await using var first = open();
        await using var transaction = await first.Database.BeginTransactionAsync(CancellationToken.None);
        foreach (var one in group)
        {
            if (one.Cancellation.IsCancellationRequested)
            {
                one.Fail(new OperationCanceledException(one.Cancellation));
                continue;
            }
            // A context of its own: what a failed work left in it is nobody else's.
            await using var context = open();
            context.Database.SetDbConnection(first.Database.GetDbConnection());
            await context.Database.UseTransactionAsync(transaction.GetDbTransaction());
            context.Database.AutoSavepointsEnabled = false;
            await transaction.CreateSavepointAsync("one");
            try
            {
                await one.Work(context);
            }
            catch (Exception broken)
            {
                one.Fail(broken);
                await transaction.RollbackToSavepointAsync("one");
            }
            await transaction.ReleaseSavepointAsync("one");
        }
        await transaction.CommitAsync(CancellationToken.None);
    }

    private sealed class Waiting(Func<MlsDbContext, Task> work, CancellationToken cancellation)
    {
        public Func<MlsDbContext, Task> Work => work;
        public CancellationToken Cancellation => cancellation;
        /// <summary>True when it is the turn of this one to write for all; false when it has been written.</summary>
        public TaskCompletionSource<bool> Leads { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public System.Runtime.ExceptionServices.ExceptionDispatchInfo? Failure { get; private set; }

        public void Fail(Exception broken) => Failure ??= System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(broken);
    }
}
