using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>A SQLite file of the current schema, migrated once in this test run; each test has a copy of it.</summary>
public static class SqliteTemplate
{
    private static readonly Lazy<Task<byte[]>> s_content = new(MigrateAsync);

    public static async Task CopyToAsync(string path) => await File.WriteAllBytesAsync(path, await s_content.Value);

    private static async Task<byte[]> MigrateAsync()
    {
        string folder = Directory.CreateTempSubdirectory("mlsconsole").FullName;
        try
        {
            string path = Path.Combine(folder, "template.db");
            // Without a pool, the last connection that is closed moves the write-ahead log into the file.
            using (var database = Database.Sqlite($"Data Source={path};Pooling=False"))
                await StorageStartup.MigrateAsync(database, CancellationToken.None);
            Assert.False(File.Exists(path + "-wal"), "A part of the template is in its write-ahead log.");
            return await File.ReadAllBytesAsync(path);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
