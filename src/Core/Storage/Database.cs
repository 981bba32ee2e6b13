using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace MlsConsole.Core;

/// <summary>Reads and writes. A write is one transaction that is on disk when the call returns.</summary>
public sealed class Database : IDisposable
{
    private readonly Func<MlsDbContext> _open;

    // SQLite has one writer at a time; waiting here is fair and immediate, waiting on its lock is neither.
    private readonly SemaphoreSlim _writer = new(1);

    public Database(Func<MlsDbContext> open) => _open = open;

    /// <summary>A context for reading. The caller disposes it.</summary>
    public MlsDbContext Read()
    {
        var context = _open();
        context.ChangeTracker.QueryTrackingBehavior = QueryTrackingBehavior.NoTracking;
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        return context;
    }

    /// <summary>Runs <paramref name="work"/> in one transaction and commits it; an exception leaves nothing behind.</summary>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        await _writer.WaitAsync(cancellation);
        try
        {
            await using var context = _open();
            await using var transaction = await context.Database.BeginTransactionAsync(CancellationToken.None);
            var result = await work(context);
            await context.SaveChangesAsync(CancellationToken.None);
            await transaction.CommitAsync(CancellationToken.None);
            return result;
        }
        finally
        {
            _writer.Release();
        }
    }

    public void Dispose() => _writer.Dispose();

    /// <summary>SQLite over a connection string: write-ahead log, every commit synchronised to disk.</summary>
    public static Database Sqlite(string connectionString)
    {
        var options = new DbContextOptionsBuilder<SqliteMlsDbContext>()
            .UseSqlite(connectionString).UseSnakeCaseNamingConvention().AddInterceptors(new SqlitePragmas()).Options;
        return new(() => new SqliteMlsDbContext(options));
    }

    private sealed class SqlitePragmas : DbConnectionInterceptor
    {
        private const string Sql = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=10000;";

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
            using var command = connection.CreateCommand();
            command.CommandText = Sql;
            command.ExecuteNonQuery();
        }

        public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Sql;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
