using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace MlsConsole.Core.Storage;

/// <summary>Brings the database to the current schema before the first request.</summary>
public static class StorageStartup
{
    // The key of PostgreSQL's advisory lock. Any constant would do; these are the bytes of "MlsC".
    private const long MigrationLock = 0x4d6c7343;

    /// <summary>
    /// Applies the migrations that are missing. Of two hosts that start at once one waits for the other. A host that is
    /// killed meanwhile blocks no later start.
    /// </summary>
    /// <exception cref="NewerSchemaException">A later version of the program has migrated the database.</exception>
    public static async Task MigrateAsync(Database database, CancellationToken cancellation)
    {
        await using var context = database.Open();
        if (context.Database.IsNpgsql())
        {
            // PostgreSQL frees the lock when the connection ends, also that of a host which was killed. EF Core keeps
            // the open connection for the migrations, and gives it back to the pool afterwards, hence the unlock.
            // The wait for another host, and a migration of many rows, take longer than any command of a request.
            context.Database.SetCommandTimeout(0);
            await context.Database.OpenConnectionAsync(cancellation);
            await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})", cancellation);
            try
            {
                await RequireKnownAsync(context.Database, cancellation);
                await context.Database.MigrateAsync(cancellation);
            }
            finally
            {
                await context.Database.ExecuteSqlAsync(
                    $"SELECT pg_advisory_unlock({MigrationLock})",
                    CancellationToken.None
                );
            }
            return;
        }
        string? file = new SqliteConnectionStringBuilder(context.Database.GetConnectionString()).DataSource;
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { Length: > 0 } folder)
            Directory.CreateDirectory(folder);
        await using var held = await LockFileAsync(file + ".migrating", cancellation);
        await RequireKnownAsync(context.Database, cancellation);
        // EF Core locks migrations by a row, which stays when a host is killed. Every host takes the lock on the file
        // first, so a row that is found under the file lock is one that a killed host has left.
        await context.Database.ExecuteSqlRawAsync(
            """
            CREATE TABLE IF NOT EXISTS "__EFMigrationsLock" (
                "Id" INTEGER NOT NULL PRIMARY KEY, "Timestamp" TEXT NOT NULL
            );
            DELETE FROM "__EFMigrationsLock";
            """,
            cancellation
        );
        // A migration that builds a table anew drops the former one. With foreign keys on, SQLite would delete the rows
        // that refer to that table, or refuse to drop it.
        context.Database.SetConnectionString(
            new SqliteConnectionStringBuilder(context.Database.GetConnectionString()) { ForeignKeys = false }.ToString()
        );
        await context.Database.MigrateAsync(cancellation);
    }

    /// <summary>
    /// Makes sure that this version of the program knows every migration that was applied to the database.
    /// </summary>
    /// <exception cref="NewerSchemaException">It does not.</exception>
    public static async Task RequireKnownAsync(DatabaseFacade database, CancellationToken cancellation)
    {
        string? unknown = (await database.GetAppliedMigrationsAsync(cancellation))
            .Except(database.GetMigrations(), StringComparer.Ordinal)
            .Max(StringComparer.Ordinal);
        if (unknown is not null)
            throw new NewerSchemaException(unknown);
    }

    private static async Task<FileStream> LockFileAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new(
                    path,
                    FileMode.OpenOrCreate,
                    FileAccess.ReadWrite,
                    FileShare.None,
                    1,
                    FileOptions.DeleteOnClose
                );
            }
            catch (IOException exception) when (IsHeld(exception))
            {
                await Task.Delay(50, cancellation); // Another host is migrating.
            }
        }
    }

    /// <summary>
    /// Whether another process has the file: ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux (11) and on macOS
    /// (35). Waiting helps against no other fault.
    /// </summary>
    private static bool IsHeld(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;
}

/// <summary>
/// A later version of the program has migrated the database. This version would misread it, so it must not use it.
/// </summary>
/// <param name="migration">The newest migration that this version does not know.</param>
public sealed class NewerSchemaException(string migration)
    : Exception($"The database has the migration {migration}, which this version does not know.")
{
    public string Migration { get; } = migration;
}
