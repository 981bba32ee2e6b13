using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

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
    public static async Task MigrateAsync(Database database, CancellationToken cancellation)
    {
        await using var context = database.Open();
        if (context.Database.IsNpgsql())
        {
            // PostgreSQL frees the lock when the connection ends, also that of a host which was killed. EF Core keeps
            // the open connection for the migrations, and gives it back to the pool afterwards, hence the unlock.
            await context.Database.OpenConnectionAsync(cancellation);
            await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})", cancellation);
            try
            {
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
