using System.Runtime.ExceptionServices;
using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core.Storage;

/// <summary>SQLite's one writer: all who wait for it are written in the next transaction, each in a savepoint of its own. So one synchronisation of the disk is for many.</summary>
internal sealed class GroupWriter : IDisposable
{
    private readonly Func<MlsDbContext> _open;
    private readonly Grouping<Write> _writes;

    // Of the group that is being written.
    private SqliteWriter? _connection;

    /// <param name="open">A context that tracks what it reads.</param>
    public GroupWriter(Func<MlsDbContext> open) => (_open, _writes) = (open, new(WriteGroupAsync));

    /// <summary>Runs <paramref name="work"/> and answers when it is on disk; an exception of the work leaves nothing of it, and all of the others.</summary>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        T result = default!;
        await RunAsync(
            async writer =>
            {
                // A context of its own: what a failed work left in it is nobody else's.
                await using var context = _open();
                context.Database.SetDbConnection(writer.Connection);
                await context.Database.UseTransactionAsync(writer.Transaction);
                context.Database.AutoSavepointsEnabled = false;
                result = await work(context);
                await context.SaveChangesAsync(CancellationToken.None);
            },
            cancellation
        );
        return result;
    }

    /// <summary>The same for a list of statements.</summary>
    /// <returns>The number of the first; null if it had none: then nothing else was tried.</returns>
    public async Task<long?> WriteAsync(Statements statements, CancellationToken cancellation)
    {
        long? number = null;
        await RunAsync(
            writer =>
            {
                number = statements.Run(writer);
                return Task.CompletedTask;
            },
            cancellation
        );
        return number;
    }

    /// <summary>Closes the connection, when what is being written is on disk.</summary>
    public void Dispose() => _writes.End(Disconnect);

    private async Task RunAsync(Func<SqliteWriter, Task> work, CancellationToken cancellation)
    {
        var own = new Write(work, cancellation);
        await _writes.RunAsync(own);
        own.Failure?.Throw();
    }

    private async Task WriteGroupAsync(IReadOnlyList<Write> group)
    {
        try
        {
            _connection ??= Connect();
            using var transaction = _connection.Begin();
            foreach (var one in group)
                await WriteAsync(_connection, one);
            transaction.Commit();
        }
        catch (Exception broken)
        {
            foreach (var one in group)
                one.Fail(broken);
            // Whatever is wrong with it, the next group begins with another.
            Disconnect();
        }
    }

    private static async Task WriteAsync(SqliteWriter connection, Write one)
    {
        if (one.Cancellation.IsCancellationRequested)
        {
            one.Fail(new OperationCanceledException(one.Cancellation));
            return;
        }
        connection.Execute("SAVEPOINT one");
        try
        {
            await one.Work(connection);
        }
        catch (Exception broken)
        {
            one.Fail(broken);
            connection.Execute("ROLLBACK TO one");
        }
        connection.Execute("RELEASE one");
    }

    private void Disconnect()
    {
        _connection?.Dispose();
        _connection = null;
    }

    private SqliteWriter Connect()
    {
        using var context = _open();
        return new(context.Database.GetConnectionString()!);
    }

    private sealed record Write(Func<SqliteWriter, Task> Work, CancellationToken Cancellation)
    {
        public ExceptionDispatchInfo? Failure { get; private set; }

        public void Fail(Exception broken) => Failure ??= ExceptionDispatchInfo.Capture(broken);
    }
}
