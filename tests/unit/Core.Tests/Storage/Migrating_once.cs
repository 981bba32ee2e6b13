using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>Of hosts that start on one SQLite file, one migrates: they wait for a file beside it.</summary>
public sealed class Migrating_once : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlsconsole-migrating-");

    [Fact]
    public async Task A_host_waits_until_another_one_has_migrated()
    {
        string file = Path.Combine(_folder.FullName, "host.db");
        using var database = Database.Sqlite($"Data Source={file};Pooling=False");
        Task waiting;
        using (new FileStream(file + ".migrating", FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            waiting = StorageStartup.MigrateAsync(database, default);
            Assert.False(waiting.IsCompleted);
            Assert.False(File.Exists(file));
        }
        await waiting;
        Assert.True(File.Exists(file));
    }

    [Fact]
    public async Task What_does_not_pass_by_waiting_is_not_waited_for()
    {
        // One that SQLite could make, and whose lock file has a name of more than 255 bytes.
        using var database = Database.Sqlite(
            $"Data Source={Path.Combine(_folder.FullName, new string('a', 250))};Pooling=False"
        );
        await Assert.ThrowsAnyAsync<IOException>(() =>
            StorageStartup.MigrateAsync(database, default).WaitAsync(TimeSpan.FromMinutes(1))
        );
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
