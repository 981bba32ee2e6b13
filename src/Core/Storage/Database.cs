using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace MlsConsole.Core.Storage;

/// <summary>Reads and writes. A write is one transaction that is on disk when the call returns.</summary>
public sealed class Database : IDisposable
{
    private readonly Func<MlsDbContext> _read,
        _open;

    // SQLite has one writer at a time.
    private readonly GroupWriter? _writer;

    private readonly NpgsqlDataSource? _source;
    private readonly GroupSender? _sender;

    /// <summary>What the connection that writes asks for. The log in front stays with the file: those that read need none of this.</summary>
    internal const string SqlitePragmas =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=10000;";

    // Each time somebody else got further, so that many are a sign of something else.
    private const int MaxTries = 50;

    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(100);

    // Of this host, one at a time of those who were in somebody's way: however many there are, each is soon alone.
    private readonly SemaphoreSlim _again = new(1);

    private Database(Func<MlsDbContext> read, Func<MlsDbContext> open, NpgsqlDataSource? source)
    {
        (_read, _open, _source) = (read, open, source);
        if (source is null)
            _writer = new(open);
        else
            _sender = new(statements =>
                SendAsync(connection => Statements.SendAsync(connection, statements), CancellationToken.None)
            );
    }

    /// <summary>A context for reading. The caller disposes it.</summary>
    public MlsDbContext Read()
    {
        var context = _read();
        context.ChangeTracker.QueryTrackingBehavior = QueryTrackingBehavior.NoTracking;
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        return context;
    }

    /// <summary>A context that is not connected yet. The caller disposes it.</summary>
    public MlsDbContext Open() => _open();

    /// <summary>Runs <paramref name="work"/> in one transaction and commits it; an exception leaves nothing behind. It reads and writes as if it were alone: where somebody else was in its way, it is run again.</summary>
    public async Task<T> WriteAsync<T>(Func<MlsDbContext, Task<T>> work, CancellationToken cancellation)
    {
        if (_writer is not null)
            return await _writer.WriteAsync(work, cancellation);
        // Where a row is in the way, the work finds it when it looks again.
        return await WithoutRivalsAsync(
            [
                PostgresErrorCodes.SerializationFailure,
                PostgresErrorCodes.DeadlockDetected,
                PostgresErrorCodes.UniqueViolation,
            ],
            async () =>
            {
                await using var context = _open();
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

    /// <summary>Writes one statement that decides for itself, with those of others that wait.</summary>
    /// <returns>The number that it returned; null if none.</returns>
    internal async Task<long?> WriteAsync(FormattableString statement, CancellationToken cancellation)
    {
        if (_writer is not null)
            return await _writer.WriteAsync(new Statements(statement), cancellation);
        cancellation.ThrowIfCancellationRequested();
        return await _sender!.WriteAsync(statement);
    }

    /// <summary>Writes all statements or none: in one round trip, or with others that wait in one transaction.</summary>
    /// <returns>The number that the first one returned.</returns>
    /// <exception cref="OvertakenException">Nothing was written.</exception>
    internal async Task<long> WriteAsync(Statements statements, CancellationToken cancellation)
    {
        try
        {
            if (_writer is not null)
                return await _writer.WriteAsync(statements, cancellation) ?? throw new OvertakenException(null);
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

    private Task<T> SendAsync<T>(Func<DbConnection, Task<T>> send, CancellationToken cancellation) =>
        WithoutRivalsAsync(
            [PostgresErrorCodes.DeadlockDetected],
            async () =>
            {
                await using var connection = await _source!.OpenConnectionAsync(CancellationToken.None);
                return await send(connection);
            },
            cancellation
        );

    /// <summary>Does again what PostgreSQL undid because of somebody else.</summary>
    private async Task<T> WithoutRivalsAsync<T>(string[] rivalry, Func<Task<T>> write, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            return await write();
        }
        catch (Exception broken) when (IsOf(rivalry, broken)) { }
        await _again.WaitAsync(cancellation);
        try
        {
            for (int tries = 2; ; tries++)
            {
                try
                {
                    return await write();
                }
                catch (Exception broken) when (tries < MaxTries && IsOf(rivalry, broken))
                {
                    // A random while, longer after each try: of two hosts in each other's way one gets through.
                    await Task.Delay(
                        s_longestPause * (Random.Shared.NextDouble() * Math.Min(1, tries / 20.0)),
                        cancellation
                    );
                }
            }
        }
        finally
        {
            _again.Release();
        }
    }

    /// <summary>EF Core puts what the database said into one exception or two.</summary>
    private static bool IsOf(string[] rivalry, Exception? broken) =>
        broken is PostgresException postgres
            ? rivalry.Contains(postgres.SqlState)
            : broken?.InnerException is { } inner && IsOf(rivalry, inner);

    /// <summary>SQLite over a connection string: write-ahead log, every commit synchronised to disk.</summary>
    public static Database Sqlite(string connectionString)
    {
        var options = new DbContextOptionsBuilder<SqliteMlsDbContext>()
            .UseSqlite(connectionString)
            .UseSnakeCaseNamingConvention()
            .ReplaceService<IMigrationsSqlGenerator, SqliteMigrationCommands>()
            .Options;
        // Contexts that read are used again; those that write are given the writer's connection.
        var pool = new PooledDbContextFactory<SqliteMlsDbContext>(options);
        return new(() => Connected(pool.CreateDbContext()), () => new SqliteMlsDbContext(options), null);
    }

    /// <summary>For all that is read with the context: each time a connection is opened, EF Core puts a dozen functions into it.</summary>
    private static SqliteMlsDbContext Connected(SqliteMlsDbContext context)
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

    /// <summary>PostgreSQL over a connection string.</summary>
    public static Database PostgreSql(string connectionString)
    {
        // Nothing is left in a session that the next user would have to be kept from.
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { NoResetOnClose = true };
        // The statements of a host are few, and each is planned once for each connection.
        if (!settings.ShouldSerialize("Max Auto Prepare"))
            settings.MaxAutoPrepare = 200;
        // More would wait for each other in the database, and each must learn the statements first.
        if (!settings.ShouldSerialize("Maximum Pool Size"))
            settings.MaxPoolSize = Math.Clamp(10 * Environment.ProcessorCount, 20, 100);
        var source = NpgsqlDataSource.Create(settings);
        var pool = new PooledDbContextFactory<PostgreSqlMlsDbContext>(
            new DbContextOptionsBuilder<PostgreSqlMlsDbContext>()
                .UseNpgsql(source)
                .UseSnakeCaseNamingConvention()
                .Options
        );
        return new(pool.CreateDbContext, pool.CreateDbContext, source);
    }

    public void Dispose()
    {
        _source?.Dispose();
        _writer?.Dispose();
        _again.Dispose();
    }
}
