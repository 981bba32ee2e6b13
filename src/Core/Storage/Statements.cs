using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MlsConsole.Core.Storage;

/// <summary>
/// A list of SQL statements, in words that SQLite and PostgreSQL both understand, which one transaction writes in this
/// order. Everything was read and decided before the transaction. If what was read is no longer true, a statement of
/// the list breaks a constraint, and nothing of the list is written.
/// </summary>
/// <param name="first">
/// The first statement, which returns one number. For an entry of a conversation's log the number is the sequence
/// number that the entry gets.
/// </param>
internal sealed class Statements(FormattableString first)
{
    /// <summary>
    /// The names of a <see cref="DiagnosticListener"/> and of its event, which announces each command or batch before
    /// it is sent, like the events of EF Core for its own commands.
    /// </summary>
    internal const string Source = "MlsConsole.Core.Statements",
        Sending = "Sending";

    private static readonly DiagnosticListener s_listener = new(Source);

    private static readonly ConcurrentDictionary<string, string> s_texts = new(StringComparer.Ordinal);

    private readonly List<FormattableString> _statements = [first];

    public void Add(FormattableString statement) => _statements.Add(statement);

    /// <summary>Runs the statements one by one, in the current transaction of a connection to SQLite.</summary>
    /// <returns>
    /// The number that the first statement returned; null if it returned none, and then no other statement was run.
    /// </returns>
    public long? Run(SqliteWriteConnection connection)
    {
        long? number = null;
        foreach (var statement in _statements)
        {
            var command = Command(connection, statement);
            if (s_listener.IsEnabled(Sending))
                s_listener.Write(Sending, command);
            if (statement != _statements[0])
                command.ExecuteNonQuery();
            else if ((number = (long?)command.ExecuteScalar()) is null)
                return null;
        }
        return number;
    }

    /// <summary>Sends all statements to PostgreSQL in one round trip, which is a transaction of its own.</summary>
    /// <returns>The number that the first statement returned; null if it returned none.</returns>
    public async Task<long?> SendAsync(DbConnection connection)
    {
        await using var batch = Batch(connection, _statements);
        await using var reader = await batch.ExecuteReaderAsync();
        long? number = await reader.ReadAsync() ? reader.GetInt64(0) : null;
        while (await reader.NextResultAsync()) { }
        return number;
    }

    /// <summary>
    /// Sends statements that have nothing to do with each other to PostgreSQL, in one round trip and one transaction.
    /// </summary>
    /// <returns>For each statement the number that it returned; null if it returned none.</returns>
    public static async Task<IReadOnlyList<long?>> SendAsync(
        DbConnection connection,
        IReadOnlyList<FormattableString> statements
    )
    {
        await using var batch = Batch(connection, statements);
        await using var reader = await batch.ExecuteReaderAsync();
        var numbers = new List<long?>();
        do numbers.Add(await reader.ReadAsync() ? reader.GetInt64(0) : null);
        while (await reader.NextResultAsync());
        return numbers;
    }

    private static DbBatch Batch(DbConnection connection, IReadOnlyList<FormattableString> statements)
    {
        var batch = connection.CreateBatch();
        foreach (var statement in statements)
            batch.BatchCommands.Add(Command(batch.CreateBatchCommand(), statement));
        if (s_listener.IsEnabled(Sending))
            s_listener.Write(Sending, batch);
        return batch;
    }

    private static SqliteCommand Command(SqliteWriteConnection connection, FormattableString statement)
    {
        object?[] values = statement.GetArguments();
        var command = connection.Prepare(TextOf(statement), values.Length);
        for (int i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return command;
    }

    private static DbBatchCommand Command(DbBatchCommand command, FormattableString statement)
    {
        command.CommandText = TextOf(statement);
        foreach (object? value in statement.GetArguments())
        {
            var parameter = command.CreateParameter();
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
        return command;
    }

    /// <summary>
    /// The SQL of a statement, with <c>$1</c>, <c>$2</c> and so on where values come. It is made once for each
    /// statement in the source code, which is one format string.
    /// </summary>
    private static string TextOf(FormattableString statement) =>
        s_texts.GetOrAdd(
            statement.Format,
            static (format, count) =>
                string.Format(
                    CultureInfo.InvariantCulture,
                    format,
                    [.. Enumerable.Range(1, count).Select(i => $"${i}")]
                ),
            statement.ArgumentCount
        );
}

/// <summary>A list of statements was not written, because what the list was decided from has changed.</summary>
public sealed class OvertakenException(Exception? inner)
    : Exception("What was decided from has changed; nothing was written.", inner);
