using Microsoft.Data.Sqlite;

namespace MlsConsole.Core.Storage;

/// <summary>The connection that writes, which stays open, with the commands that it has prepared: the texts are those of the code, so they are few.</summary>
internal sealed class SqliteWriter : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);

    public SqliteWriter(string connectionString)
    {
        Connection = new(connectionString);
        Connection.Open();
        Execute(Database.SqlitePragmas);
    }

    public SqliteConnection Connection { get; }

    /// <summary>The transaction of the group that is being written.</summary>
    public SqliteTransaction? Transaction { get; private set; }

    public SqliteTransaction Begin() => Transaction = Connection.BeginTransaction();

    public void Execute(string text) => Prepare(text, 0).ExecuteNonQuery();

    /// <summary>A command of the transaction that was made before or is made now.</summary>
    /// <param name="text">With <c>$1</c>, <c>$2</c> and so on where values come.</param>
    /// <param name="count">Of the values.</param>
    public SqliteCommand Prepare(string text, int count)
    {
        if (!_prepared.TryGetValue(text, out var command))
        {
            _prepared[text] = command = Connection.CreateCommand();
            command.CommandText = text;
            for (int i = 1; i <= count; i++)
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
