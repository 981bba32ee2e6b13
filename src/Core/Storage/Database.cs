using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace MlsConsole.Core;

/// <summary>Reads and writes. A write is one transaction that is on disk when the call returns.</summary>
public sealed class Database : IDisposable
{
    private readonly Func<MlsDbContext> _open;
    // SQLite has one writer at a time; PostgreSQL needs none of this.
    private readonly GroupWriter? _writer;

    private readonly NpgsqlDataSource? _source;

    private Database(Func<MlsDbContext> open, NpgsqlDataSource? source) => (_open, _source, _writer) = (open, source, source is null ? new(open) : null);

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
        if (_writer is not null) return await _writer.WriteAsync(work, cancellation);
        cancellation.ThrowIfCancellationRequested();
        await using var context = _open();
        await using var transaction = await context.Database.BeginTransactionAsync(CancellationToken.None);
        var result = await work(context);
        await context.SaveChangesAsync(CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);
        return result;
    }

    /// <summary>Writes all statements or none: in one round trip, or with others that wait in one transaction.</summary>
    /// <returns>The number that the first one returned.</returns>
    /// <exception cref="OvertakenException">Nothing was written.</exception>
    internal async Task<long> WriteAsync(Statements statements, CancellationToken cancellation)
    {
        try
        {
            if (_writer is not null) return await _writer.WriteAsync(statements.RunAsync, cancellation) ?? throw new OvertakenException(null);
            cancellation.ThrowIfCancellationRequested();
            await using var context = _open();
            return await statements.SendAsync(context.Database.GetDbConnection()) ?? throw new InvalidOperationException("A list of statements whose first finds nothing has to break a constraint.");
        }
        catch (DbException broken) when (broken is SqliteException { SqliteErrorCode: 19 } || broken.SqlState?.StartsWith("23", StringComparison.Ordinal) == true)
        {
            throw new OvertakenException(broken);
        }
    }

    /// <summary>SQLite over a connection string: write-ahead log, every commit synchronised to disk.</summary>
    public static Database Sqlite(string connectionString)
    {
        var options = new DbContextOptionsBuilder<SqliteMlsDbContext>()
            .UseSqlite(connectionString).UseSnakeCaseNamingConvention().AddInterceptors(new SqlitePragmas()).Options;
        return new(() => new SqliteMlsDbContext(options), null);
    }

    /// <summary>PostgreSQL over a connection string.</summary>
    public static Database PostgreSql(string connectionString)
    {
        var source = NpgsqlDataSource.Create(connectionString);
        var options = new DbContextOptionsBuilder<PostgreSqlMlsDbContext>().UseNpgsql(source).UseSnakeCaseNamingConvention().Options;
        return new(() => new PostgreSqlMlsDbContext(options), source);
    }

    public void Dispose() => _source?.Dispose();

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
