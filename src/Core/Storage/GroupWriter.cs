using System.Runtime.ExceptionServices;
using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core;

/// <summary>SQLite's one writer: whoever comes while it writes waits, and all who wait are written in the next transaction, each in a savepoint of its own. So one synchronisation of the disk is for many.</summary>
/// <param name="open">A context that tracks what it reads.</param>
internal sealed class GroupWriter(Func<MlsDbContext> open) : IDisposable
{
    private const int MaxGroup = 64;

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];
    private bool _writing, _disposed;
    // The leader's alone, or nobody's.
    private SqliteWriter? _connection;

    /// <summary>Runs <paramref name="work"/> and answers when it is on disk; an exception of the work leaves nothing of it, and all of the others.</summary>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        T result = default!;
        await RunAsync(async writer =>
        {
            // A context of its own: what a failed work left in it is nobody else's.
            await using var context = open();
            context.Database.SetDbConnection(writer.Connection);
            await context.Database.UseTransactionAsync(writer.Transaction);
            context.Database.AutoSavepointsEnabled = false;
            result = await work(context);
            await context.SaveChangesAsync(CancellationToken.None);
        }, cancellation);
        return result;
    }

    /// <summary>The same for a list of statements.</summary>
    /// <returns>The number of the first; null if it had none: then nothing else was tried.</returns>
    public async Task<long?> WriteAsync(Statements statements, CancellationToken cancellation)
    {
        long? number = null;
        await RunAsync(writer =>
        {
            number = statements.Run(writer);
            return Task.CompletedTask;
        }, cancellation);
        return number;
    }

    /// <summary>Closes the connection, when what is being written is on disk.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            if (!_writing) Disconnect();
        }
    }

    private async Task RunAsync(Func<SqliteWriter, Task> work, CancellationToken cancellation)
    {
        var own = new Waiting(work, cancellation);
        bool leads;
        lock (_lock)
        {
            _waiting.Add(own);
            leads = !_writing;
            _writing = true;
        }
        if (leads || await own.Leads.Task) await LeadAsync();
        own.Failure?.Throw();
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
            // Whatever is wrong with it, the next group begins with another.
            Disconnect();
        }
        Waiting? next;
        lock (_lock)
        {
            next = _waiting.FirstOrDefault();
            _writing = next is not null;
            if (_disposed && !_writing) Disconnect();
        }
        next?.Leads.SetResult(true);
        foreach (var one in group.Skip(1)) one.Leads.SetResult(false);
    }

    private async Task WriteGroupAsync(List<Waiting> group)
    {
        _connection ??= Connect();
        using var transaction = _connection.Begin();
        foreach (var one in group)
        {
            if (one.Cancellation.IsCancellationRequested)
            {
                one.Fail(new OperationCanceledException(one.Cancellation));
                continue;
            }
            _connection.Execute("SAVEPOINT one");
            try
            {
                await one.Work(_connection);
            }
            catch (Exception broken)
            {
                one.Fail(broken);
                _connection.Execute("ROLLBACK TO one");
            }
            _connection.Execute("RELEASE one");
        }
        transaction.Commit();
    }

    private void Disconnect()
    {
        _connection?.Dispose();
        _connection = null;
    }

    private SqliteWriter Connect()
    {
        using var context = open();
        return new(context.Database.GetConnectionString()!);
    }

    private sealed class Waiting(Func<SqliteWriter, Task> work, CancellationToken cancellation)
    {
        public Func<SqliteWriter, Task> Work => work;
        public CancellationToken Cancellation => cancellation;
        /// <summary>True when it is the turn of this one to write for all; false when it has been written.</summary>
        public TaskCompletionSource<bool> Leads { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public ExceptionDispatchInfo? Failure { get; private set; }

        public void Fail(Exception broken) => Failure ??= ExceptionDispatchInfo.Capture(broken);
    }
}
