using System.Runtime.ExceptionServices;
using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core.Storage;

/// <summary>
/// All writes to SQLite, which allows one writer at a time. Writes that come while another transaction is under way are
/// written together in the next one, each in a savepoint of its own. So the disk is synchronised once for many writes.
/// </summary>
internal sealed class BatchWriter : IDisposable
{
    private readonly Func<MlsDbContext> _openContext;
    private readonly BatchRunner<Write> _writes;

    // Used by one batch at a time. It is null before the first batch and after a batch that failed as a whole.
    private SqliteWriteConnection? _connection;

    /// <param name="openContext">Makes a context that tracks the entities that it reads.</param>
    public BatchWriter(Func<MlsDbContext> openContext) => (_openContext, _writes) = (openContext, new(WriteBatchAsync));

    /// <summary>
    /// Runs <paramref name="work"/> inside the transaction of a batch and returns when the transaction is on disk. If
    /// the work throws, what it has written is taken back, and the other writes of the batch stay.
    /// </summary>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        T result = default!;
        await RunAsync(
            async connection =>
            {
                // Each write has a context of its own, so that no write sees entities of another one that failed.
                await using var context = _openContext();
                context.Database.SetDbConnection(connection.Connection);
                await context.Database.UseTransactionAsync(connection.Transaction);
                context.Database.AutoSavepointsEnabled = false;
                result = await work(context);
                await context.SaveChangesAsync(CancellationToken.None);
            },
            cancellation
        );
        return result;
    }

    /// <summary>
    /// Writes a list of statements inside the transaction of a batch and returns when the transaction is on disk. If a
    /// statement fails, the list is taken back, and the other writes of the batch stay.
    /// </summary>
    /// <returns>
    /// The number that the first statement returned; null if it returned none, and then no other statement was run.
    /// </returns>
    public async Task<long?> WriteAsync(Statements statements, CancellationToken cancellation)
    {
        long? number = null;
        await RunAsync(
            connection =>
            {
                number = statements.Run(connection);
                return Task.CompletedTask;
            },
            cancellation
        );
        return number;
    }

    /// <summary>Closes the connection as soon as no batch is being written.</summary>
    public void Dispose() => _writes.WhenIdle(Disconnect);

    private async Task RunAsync(Func<SqliteWriteConnection, Task> work, CancellationToken cancellation)
    {
        var own = new Write(work, cancellation);
        await _writes.RunAsync(own);
        own.Failure?.Throw();
    }

    private async Task WriteBatchAsync(IReadOnlyList<Write> batch)
    {
        try
        {
            _connection ??= Connect();
            using var transaction = _connection.Begin();
            foreach (var one in batch)
                await WriteAsync(_connection, one);
            transaction.Commit();
        }
        catch (Exception broken)
        {
            foreach (var one in batch)
                one.Fail(broken);
            // The fault may be the connection's, so the next batch opens another one.
            Disconnect();
        }
    }

    private static async Task WriteAsync(SqliteWriteConnection connection, Write one)
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

    private SqliteWriteConnection Connect()
    {
        using var context = _openContext();
        return new(context.Database.GetConnectionString()!);
    }

    private sealed record Write(Func<SqliteWriteConnection, Task> Work, CancellationToken Cancellation)
    {
        public ExceptionDispatchInfo? Failure { get; private set; }

        public void Fail(Exception broken) => Failure ??= ExceptionDispatchInfo.Capture(broken);
    }
}
