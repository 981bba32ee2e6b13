using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace MlsConsole.Core.Storage;

/// <summary>
/// The database: SQLite or PostgreSQL. It gives contexts for reading, and writes. Every write is one transaction, which
/// is on disk when the call returns.
/// </summary>
public sealed class Database : IDisposable
{
    /// <summary>
    /// The settings of the connection that writes to SQLite. The database file itself stores that it has a write-ahead
    /// log (journal_mode), so connections that only read need none of these settings.
    /// </summary>
    internal const string SqlitePragmas =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=10000;";

    // Each time PostgreSQL undoes a write because of another one, that other one has got further. So rivalry alone
    // never needs so many tries: a write that fails so often is a mistake, for example one that always breaks a
    // constraint.
    private const int MaxTries = 50;

    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(100);

    private readonly Func<MlsDbContext> _openForReading,
        _openForWriting;

    // SQLite only: the queue of everything that writes, because SQLite has one writer at a time.
    private readonly BatchWriter? _sqliteWriter;

    // PostgreSQL only: the pool of connections for lists of statements, and the queue of single statements.
    private readonly NpgsqlDataSource? _dataSource;

    // PostgreSQL only: the connection string, for a connection that belongs to no pool.
    private string? _connectionString;
    private readonly BatchSender? _singleStatements;

    // PostgreSQL only: held by a write that was undone, while the write tries again. So at most one write of this host
    // that was undone competes with new writes, and however many were undone, each soon succeeds.
    private readonly SemaphoreSlim _tryingAgain = new(1);

    private Database(Func<MlsDbContext> openForReading, Func<MlsDbContext> openForWriting, NpgsqlDataSource? dataSource)
    {
        (_openForReading, _openForWriting, _dataSource) = (openForReading, openForWriting, dataSource);
        if (dataSource is null)
            _sqliteWriter = new(openForWriting);
        else
            _singleStatements = new(statements =>
                SendAsync(connection => Statements.SendAsync(connection, statements), CancellationToken.None)
            );
    }

    /// <summary>A context for reading. The caller disposes it.</summary>
    public MlsDbContext Read()
    {
        var context = _openForReading();
        context.ChangeTracker.QueryTrackingBehavior = QueryTrackingBehavior.NoTracking;
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        return context;
    }

    /// <summary>A context that is not connected yet and may also write. The caller disposes it.</summary>
    public MlsDbContext Open() => _openForWriting();

    /// <summary>
    /// Runs <paramref name="work"/> in one transaction and commits the transaction; if the work throws, nothing is
    /// written. The work reads and writes as if no other transaction ran beside it. On SQLite that is so. PostgreSQL
    /// undoes a transaction for which it is not so, and then the work is run again: so the work must have no effect
    /// outside of its context.
    /// </summary>
    /// <param name="work">Reads, decides and writes with the context that it is given.</param>
    /// <param name="cancellation">
    /// Gives up a write that has not begun, or that waits for its next try. A transaction that runs is not interrupted.
    /// </param>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        if (_sqliteWriter is not null)
            return await _sqliteWriter.WriteAsync(work, cancellation);
        // A unique violation is a row that another transaction inserted meanwhile; the next run of the work reads the
        // row.
        return await TryUntilUndisturbedAsync(
            [
                PostgresErrorCodes.SerializationFailure,
                PostgresErrorCodes.DeadlockDetected,
                PostgresErrorCodes.UniqueViolation,
            ],
            async () =>
            {
                await using var context = _openForWriting();
                await using var transaction = await context.Database.BeginTransactionAsync(
                    IsolationLevel.Serializable,
                    CancellationToken.None
                );
                var result = await work(context);
                await context.SaveChangesAsync(CancellationToken.None);
                await transaction.CommitAsync(CancellationToken.None);
                return result;
            },
            cancellation
        );
    }

    /// <summary>
    /// Writes one statement that reads nothing beforehand and decides by its own conditions. Statements of other
    /// callers may be written in the same transaction.
    /// </summary>
    /// <returns>The number that the statement returned; null if it returned none.</returns>
    internal async Task<long?> WriteAsync(FormattableString statement, CancellationToken cancellation)
    {
        if (_sqliteWriter is not null)
            return await _sqliteWriter.WriteAsync(new Statements(statement), cancellation);
        cancellation.ThrowIfCancellationRequested();
        return await _singleStatements!.WriteAsync(statement);
    }

    /// <summary>
    /// Writes all statements of the list, or none of them: on PostgreSQL in one round trip, on SQLite in a transaction
    /// that other writes which waited may share.
    /// </summary>
    /// <returns>The number that the first statement returned.</returns>
    /// <exception cref="OvertakenException">
    /// What the list was decided from has changed, so a statement broke a constraint. Nothing was written.
    /// </exception>
    internal async Task<long> WriteAsync(Statements statements, CancellationToken cancellation)
    {
        try
        {
            if (_sqliteWriter is not null)
                return await _sqliteWriter.WriteAsync(statements, cancellation) ?? throw new OvertakenException(null);
            return await SendAsync(statements.SendAsync, cancellation)
                ?? throw new InvalidOperationException(
                    "A list of statements whose first finds nothing has to break a constraint."
                );
        }
        catch (DbException broken)
            when (broken is SqliteException { SqliteErrorCode: 19 }
                || broken.SqlState?.StartsWith("23", StringComparison.Ordinal) == true
            )
        {
            throw new OvertakenException(broken);
        }
    }

    /// <summary>
    /// Calls <paramref name="notified"/> for every notification on a channel of PostgreSQL, on a connection of its own,
    /// until the connection fails or the cancellation comes. SQLite has no notifications; there it returns at once.
    /// </summary>
    /// <param name="channel">The name of the channel: an identifier in lower case.</param>
    /// <param name="notified">Called for each notification, and once when the connection listens.</param>
    /// <param name="cancellation">Ends the listening.</param>
    internal async Task ListenAsync(string channel, Action notified, CancellationToken cancellation)
    {
        if (_connectionString is null)
            return;
        // A connection that listens is in no pool, whose sessions are not reset. The probes find out that it has died.
        NpgsqlConnectionStringBuilder settings = new(_connectionString) { Pooling = false, KeepAlive = 10 };
        await using NpgsqlConnection connection = new(settings.ToString());
        await connection.OpenAsync(cancellation);
        connection.Notification += (_, _) => notified();
        await using (var listen = new NpgsqlCommand($"LISTEN {channel}", connection))
            await listen.ExecuteNonQueryAsync(cancellation);
        notified();
        while (true)
            await connection.WaitAsync(cancellation);
    }

    private Task<T> SendAsync<T>(Func<DbConnection, Task<T>> send, CancellationToken cancellation) =>
        TryUntilUndisturbedAsync(
            [PostgresErrorCodes.DeadlockDetected],
            async () =>
            {
                await using var connection = await _dataSource!.OpenConnectionAsync(CancellationToken.None);
                return await send(connection);
            },
            cancellation
        );

    /// <summary>Writes, and tries again as long as PostgreSQL undoes the write because of another one.</summary>
    /// <param name="disturbances">The PostgreSQL error codes that mean such an undoing.</param>
    /// <param name="write">One whole transaction.</param>
    /// <param name="cancellation">Ends the wait for the next try.</param>
    private async Task<T> TryUntilUndisturbedAsync<T>(
        string[] disturbances,
        Func<Task<T>> write,
        CancellationToken cancellation
    )
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            return await write();
        }
        catch (Exception broken) when (HasCode(broken, disturbances)) { }
        await _tryingAgain.WaitAsync(cancellation);
        try
        {
            for (int tries = 2; ; tries++)
            {
                try
                {
                    return await write();
                }
                catch (Exception broken) when (tries < MaxTries && HasCode(broken, disturbances))
                {
                    // The pause is random and tends to grow with each try. So when two hosts undo each other's writes,
                    // one of the two gets through.
                    await Task.Delay(
                        s_longestPause * (Random.Shared.NextDouble() * Math.Min(1, tries / 20.0)),
                        cancellation
                    );
                }
            }
        }
        finally
        {
            _tryingAgain.Release();
        }
    }

    /// <summary>
    /// Whether PostgreSQL answered with one of the codes. EF Core wraps PostgreSQL's exception into one or two of its
    /// own.
    /// </summary>
    private static bool HasCode(Exception broken, string[] codes) =>
        broken is PostgresException postgres
            ? codes.Contains(postgres.SqlState)
            : broken.InnerException is { } inner && HasCode(inner, codes);

    /// <summary>A database on SQLite, with a write-ahead log. Every commit is synchronised to disk.</summary>
    public static Database Sqlite(string connectionString)
    {
        var options = new DbContextOptionsBuilder<SqliteMlsDbContext>()
            .UseSqlite(connectionString)
            .UseSnakeCaseNamingConvention()
            .UseApplicationServiceProvider(MlsDbContext.Services)
            .ReplaceService<IMigrationsSqlGenerator, SqliteMigrationCommands>()
            .Options;
        // Contexts for reading come from a pool. A context for writing is made new, because it is given the connection
        // of the writer.
        var pool = new PooledDbContextFactory<SqliteMlsDbContext>(options);
        return new(() => Connect(pool.CreateDbContext()), () => new SqliteMlsDbContext(options), null);
    }

    /// <summary>
    /// Opens the connection of a context once for all that the context reads: EF Core registers a dozen SQL functions
    /// with SQLite each time that it opens a connection.
    /// </summary>
    private static SqliteMlsDbContext Connect(SqliteMlsDbContext context)
    {
        try
        {
            context.Database.OpenConnection();
            return context;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A database on PostgreSQL. What the connection string says of prepared commands and of the size of the pool is
    /// kept; what it leaves open is set here.
    /// </summary>
    public static Database PostgreSql(string connectionString)
    {
        // No code leaves anything in a session that would disturb the session's next user, so the round trip that
        // resets a session is saved.
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { NoResetOnClose = true };
        // A host sends few different statements, so each of them is prepared (parsed and planned) once per connection.
        if (!settings.ShouldSerialize("Max Auto Prepare"))
            settings.MaxAutoPrepare = 200;
        // Further connections would only wait for each other in the database, and each would have to prepare all the
        // statements first.
        if (!settings.ShouldSerialize("Maximum Pool Size"))
            settings.MaxPoolSize = Math.Clamp(10 * Environment.ProcessorCount, 20, 100);
        var source = NpgsqlDataSource.Create(settings);
        var pool = new PooledDbContextFactory<PostgreSqlMlsDbContext>(
            new DbContextOptionsBuilder<PostgreSqlMlsDbContext>()
                .UseNpgsql(source)
                .UseSnakeCaseNamingConvention()
                .UseApplicationServiceProvider(MlsDbContext.Services)
                .Options
        );
        return new(pool.CreateDbContext, pool.CreateDbContext, source) { _connectionString = connectionString };
    }

    public void Dispose()
    {
        _dataSource?.Dispose();
        _sqliteWriter?.Dispose();
        _tryingAgain.Dispose();
    }
}
