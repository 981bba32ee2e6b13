using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core.Storage;

/// <summary>Brings the database to the current schema before the first request.</summary>
public static class StorageStartup
{
    // Any number that is always the same: "MlsC".
    private const long MigrationLock = 0x4d6c7343;

    /// <summary>Applies missing migrations. Two hosts that start at once wait for each other; a kill in the middle blocks nobody.</summary>
    public static async Task MigrateAsync(Database database, CancellationToken cancellation)
    {
        await using var context = database.Open();
        if (context.Database.IsNpgsql())
        {
            // The lock is the connection's, which is used again: a kill ends both.
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
        // EF Core's own lock is a row that outlives a kill. Whoever holds the file lock knows that it is stale.
        await context.Database.ExecuteSqlRawAsync(
            "CREATE TABLE IF NOT EXISTS \"__EFMigrationsLock\" (\"Id\" INTEGER NOT NULL PRIMARY KEY, \"Timestamp\" TEXT NOT NULL); DELETE FROM \"__EFMigrationsLock\";",
            cancellation
        );
        // Tables that are built anew are dropped: what refers to them stays as it is.
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
                await Task.Delay(50, cancellation); // another host is migrating
            }
        }
    }

    /// <summary>Another process has the file: ERROR_SHARING_VIOLATION of Windows, EWOULDBLOCK of Linux and of macOS. Nothing else passes by waiting.</summary>
    private static bool IsHeld(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;
}
