using Microsoft.Data.Sqlite;

namespace MlsConsole.Core.Storage;

/// <summary>
/// The one connection that writes to SQLite. It stays open and keeps every command that it has prepared: the texts of
/// commands are those that stand in the code, so there are few of them.
/// </summary>
internal sealed class SqliteWriteConnection : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);

    public SqliteWriteConnection(string connectionString)
    {
        Connection = new(connectionString);
        Connection.Open();
        Execute(Database.SqlitePragmas);
    }

    public SqliteConnection Connection { get; }

    /// <summary>The transaction of the batch that is being written.</summary>
    public SqliteTransaction? Transaction { get; private set; }

    public SqliteTransaction Begin() => Transaction = Connection.BeginTransaction();

    public void Execute(string text) => Prepare(text, 0).ExecuteNonQuery();

    /// <summary>The prepared command with this text, in the current transaction.</summary>
    /// <param name="text">SQL, with <c>$1</c>, <c>$2</c> and so on where values come.</param>
    /// <param name="valueCount">How many values come.</param>
    public SqliteCommand Prepare(string text, int valueCount)
    {
        if (!_prepared.TryGetValue(text, out var command))
        {
            _prepared[text] = command = Connection.CreateCommand();
            command.CommandText = text;
            for (int i = 1; i <= valueCount; i++)
                command.Parameters.Add(new SqliteParameter { ParameterName = $"${i}" });
        }
        command.Transaction = Transaction;
        return command;
    }

    public void Dispose()
    {
        foreach (var command in _prepared.Values)
            command.Dispose();
        Connection.Dispose();
    }
}
