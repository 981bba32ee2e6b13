using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MlsConsole.Core.Storage;

/// <summary>What one transaction writes, in order, in SQL that both providers understand. Everything is decided before; where what was read is no longer so, a statement breaks a constraint and nothing of the list stays.</summary>
/// <param name="first">Returns one number: for a log, the sequence number that it takes.</param>
internal sealed class Statements(FormattableString first)
{
    /// <summary>Says which command or batch is sent, as EF Core does of its commands.</summary>
    internal const string Source = "MlsConsole.Core.Statements",
        Sending = "Sending";

    private static readonly DiagnosticListener s_listener = new(Source);

    private static readonly ConcurrentDictionary<string, string> s_texts = new(StringComparer.Ordinal);

    private readonly List<FormattableString> _all = [first];

    public void Add(FormattableString statement) => _all.Add(statement);

    /// <summary>One by one, in the transaction of the writer.</summary>
    /// <returns>The number of the first; null if it had none: then nothing else was tried.</returns>
    public long? Run(SqliteWriter writer)
    {
        long? number = null;
        foreach (var statement in _all)
        {
            var command = Command(writer, statement);
            if (s_listener.IsEnabled(Sending))
                s_listener.Write(Sending, command);
            if (statement != _all[0])
                command.ExecuteNonQuery();
            else if ((number = (long?)command.ExecuteScalar()) is null)
                return null;
        }
        return number;
    }

    /// <summary>All in one round trip that is a transaction of its own.</summary>
    public async Task<long?> SendAsync(DbConnection connection)
    {
        await using var batch = Batch(connection, _all);
        await using var reader = await batch.ExecuteReaderAsync();
        long? number = await reader.ReadAsync() ? reader.GetInt64(0) : null;
        while (await reader.NextResultAsync()) { }
        return number;
    }

    /// <summary>Statements that have nothing to do with each other, all in one round trip and one transaction.</summary>
    /// <returns>The number that each returned; null if none.</returns>
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

    private static SqliteCommand Command(SqliteWriter writer, FormattableString statement)
    {
        object?[] values = statement.GetArguments();
        var command = writer.Prepare(TextOf(statement), values.Length);
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

    /// <summary>With <c>$1</c>, <c>$2</c> and so on where values come; made once for each place in the code.</summary>
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

/// <summary>A list of statements was not written: what it was decided from has changed.</summary>
public sealed class OvertakenException(Exception? inner)
    : Exception("What was decided from has changed; nothing was written.", inner);
