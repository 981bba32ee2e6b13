using System.Data.Common;
using System.Diagnostics;
using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core;

/// <summary>What one transaction writes, in order, in SQL that both providers understand. Everything is decided before; where what was read is no longer so, a statement breaks a constraint and nothing of the list stays.</summary>
/// <param name="first">Returns one number: for a log, the sequence number that it takes.</param>
internal sealed class Statements(FormattableString first)
{
    /// <summary>Says which batch is sent, as EF Core does of its commands.</summary>
    internal const string Source = "MlsConsole.Core.Statements", Sending = "Sending";

    private static readonly DiagnosticListener s_listener = new(Source);

    private readonly List<FormattableString> _all = [first];

    public void Add(FormattableString statement) => _all.Add(statement);

    /// <summary>One by one, in the transaction of the context.</summary>
    /// <returns>The number of the first; null if it had none: then nothing else was tried.</returns>
    public async Task<long?> RunAsync(MlsDbContext context)
    {
        var numbers = await context.Database.SqlQuery<long>(_all[0]).ToListAsync();
        if (numbers.Count == 0) return null;
        foreach (var statement in _all.Skip(1)) await context.Database.ExecuteSqlAsync(statement);
        return numbers[0];
    }

    /// <summary>All in one round trip that is a transaction of its own.</summary>
    public async Task<long?> SendAsync(DbConnection connection)
    {
        await using var batch = connection.CreateBatch();
        foreach (var statement in _all) batch.BatchCommands.Add(Command(batch.CreateBatchCommand(), statement));
        if (s_listener.IsEnabled(Sending)) s_listener.Write(Sending, batch);
        await using var reader = await batch.ExecuteReaderAsync();
        long? number = await reader.ReadAsync() ? reader.GetInt64(0) : null;
        while (await reader.NextResultAsync())
        {
        }
        return number;
    }

    private static DbBatchCommand Command(DbBatchCommand command, FormattableString statement)
    {
        object?[] values = statement.GetArguments(), names = [.. values.Select((_, i) => $"${i + 1}")];
        command.CommandText = string.Format(System.Globalization.CultureInfo.InvariantCulture, statement.Format, names);
        foreach (object? value in values)
        {
            var parameter = command.CreateParameter();
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
        return command;
    }
}

/// <summary>A list of statements was not written: what it was decided from has changed.</summary>
public sealed class OvertakenException(Exception? inner) : Exception("What was decided from has changed; nothing was written.", inner);
