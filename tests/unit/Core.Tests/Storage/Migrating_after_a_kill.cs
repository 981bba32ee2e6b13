using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>
/// A migration of SQLite that ends in the middle is begun again at the next start, and takes nothing away that was
/// there.
/// </summary>
public sealed class Migrating_after_a_kill : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlsconsole-migrating-");
    private int _files;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Whichever_command_was_the_last_one_the_next_start_brings_the_schema()
    {
        string whole = NewFile();
        int commands;
        using (var counted = new Commands(whole, endAt: int.MaxValue))
        {
            await MigrateAsync(whole);
            commands = counted.Count;
        }
        Assert.True(commands > 20, $"{commands} commands");
        string[] schema = Schema(whole);
        for (int last = 1; last <= commands; last++)
        {
            string file = NewFile();
            using (new Commands(file, endAt: last))
                await Assert.ThrowsAsync<Killed>(() => MigrateAsync(file));
            await MigrateAsync(file);
            Assert.Equal(schema, Schema(file));
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Rows_of_the_first_schema_are_there_in_the_last()
    {
        string file = NewFile();
        using (var database = Open(file))
        {
            await using var context = database.Open();
            await context.GetService<IMigrator>().MigrateAsync("First");
        }
        // One row in each table, all its values the zero of their type: so each refers to one that is there.
        string[] tables = Column(
            file,
            "SELECT name FROM sqlite_master WHERE type = 'table' "
                + "AND substr(name, 1, 2) <> '__' AND substr(name, 1, 6) <> 'sqlite'"
        );
        foreach (string table in tables)
        {
            string[] zeros = Column(
                file,
                "SELECT CASE type WHEN 'INTEGER' THEN '0' WHEN 'BLOB' THEN 'zeroblob(0)' ELSE 'trim('' '')' END "
                    + $"FROM pragma_table_info('{table}')"
            );
            Column(file, $"INSERT INTO \"{table}\" VALUES ({string.Join(", ", zeros)})");
        }
        Assert.Empty(Column(file, "SELECT \"table\" FROM pragma_foreign_key_check"));

        await MigrateAsync(file);

        // The claims of the last day were forgotten by a migration (DevicesEnd).
        string[] kept =
        [
            .. tables
                .Intersect(Column(file, "SELECT name FROM sqlite_master WHERE type = 'table'"))
                .Except(["key_package_claims"]),
        ];
        Assert.NotEmpty(kept);
        Assert.All(
            kept,
            table => Assert.Equal((table, "1"), (table, Column(file, $"SELECT count(*) FROM \"{table}\"").Single()))
        );
    }

    private string NewFile() => Path.Combine(_folder.FullName, $"{++_files}.db");

    private static Database Open(string file) => Database.Sqlite($"Data Source={file};Pooling=False");

    private static async Task MigrateAsync(string file)
    {
        using var database = Open(file);
        await StorageStartup.MigrateAsync(database, default);
    }

    private static string[] Schema(string file) =>
        Column(
            file,
            "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master "
                + "UNION ALL SELECT migration_id FROM __EFMigrationsHistory ORDER BY 1"
        );

    private static string[] Column(string file, string statement)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False;Foreign Keys=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = statement;
        using var reader = command.ExecuteReader();
        var values = new List<string>();
        while (reader.Read())
            values.Add(reader.GetString(0));
        return [.. values];
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private sealed class Killed : Exception;

    /// <summary>Counts the commands that EF Core sends to one file, and ends whoever sends the last one.</summary>
    private sealed class Commands : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
    {
        private readonly string _file;
        private readonly int _endAt;
        private readonly List<IDisposable> _listening = [];

        public Commands(string file, int endAt)
        {
            (_file, _endAt) = (file, endAt);
            _listening.Add(DiagnosticListener.AllListeners.Subscribe(this));
        }

        public int Count { get; private set; }

        public void OnNext(DiagnosticListener listener)
        {
            if (listener.Name == DbLoggerCategory.Name)
                _listening.Add(listener.Subscribe(this, name => name == RelationalEventId.CommandExecuting.Name));
        }

        public void OnNext(KeyValuePair<string, object?> pair)
        {
            if (
                pair.Value is not CommandEventData { Command.Connection: SqliteConnection connection }
                || connection.DataSource != _file
            )
                return;
            if (++Count >= _endAt)
                throw new Killed();
        }

        public void OnCompleted() { }

        public void OnError(Exception error) { }

        public void Dispose() => _listening.ForEach(each => each.Dispose());
    }
}
