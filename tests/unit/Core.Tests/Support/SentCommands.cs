using System.Data.Common;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>A command as a call sent it to the database.</summary>
public sealed record SentCommand(string Text, IReadOnlyList<(string Name, object? Value)> Parameters);

/// <summary>Records the database commands of one asynchronous flow, whatever other tests do at the time.</summary>
public static class SentCommands
{
    private static readonly AsyncLocal<List<SentCommand>?> s_current = new();
    private static readonly AsyncLocal<Between?> s_between = new();

    /// <summary>
    /// Before the first command: a context that nobody listens to says nothing for a second, also to those who come
    /// meanwhile.
    /// </summary>
    [ModuleInitializer]
    internal static void Listen() => DiagnosticListener.AllListeners.Subscribe(new Listeners());

    public static async Task<IReadOnlyList<SentCommand>> OfAsync(Func<Task> call)
    {
        var sent = new List<SentCommand>();
        s_current.Value = sent;
        await call();
        s_current.Value = null;
        return sent;
    }

    /// <summary>
    /// Runs a call and, before its first command with these words, another one to its end: what can happen between two
    /// things that a call reads.
    /// </summary>
    public static async Task<T> WithAnotherBeforeAsync<T>(string words, Func<Task> another, Func<Task<T>> call)
    {
        var between = s_between.Value = new(words, another);
        var result = await call();
        Assert.True(between.HasRun, $"No command of the call has {words}.");
        return result;
    }

    private sealed class Between(string words, Func<Task> another)
    {
        public bool HasRun { get; private set; }

        public void Run(DbCommand next)
        {
            if (HasRun || !Regex.IsMatch(next.CommandText, $@"\b{words}\b"))
                return;
            HasRun = true;
            Task.Run(another).GetAwaiter().GetResult();
        }
    }

    private sealed class Listeners : IObserver<DiagnosticListener>
    {
        public void OnNext(DiagnosticListener value)
        {
            if (value.Name is DbLoggerCategory.Name or Statements.Source)
                value.Subscribe(new Commands()!);
        }

        public void OnCompleted() { }

        public void OnError(Exception error) { }
    }

    private sealed class Commands : IObserver<KeyValuePair<string, object?>>
    {
        public void OnNext(KeyValuePair<string, object?> value)
        {
            var next =
                value.Key == RelationalEventId.CommandExecuting.Name
                    ? (value.Value as CommandEventData)?.Command
                    : null;
            if (next is not null)
                s_between.Value?.Run(next);
            if (s_current.Value is not { } sent)
                return;
            if (next is not null)
                sent.Add(Of(next.CommandText, next.Parameters));
            else if (value is { Key: Statements.Sending, Value: DbCommand statement })
                sent.Add(Of(statement.CommandText, statement.Parameters));
            else if (value.Value is DbBatch batch)
                sent.AddRange(batch.BatchCommands.Select(one => Of(one.CommandText, one.Parameters)));
        }

        private static SentCommand Of(string text, DbParameterCollection parameters) =>
            new(
                text,
                [.. parameters.Cast<DbParameter>().Select(parameter => (parameter.ParameterName, parameter.Value))]
            );

        public void OnCompleted() { }

        public void OnError(Exception error) { }
    }
}
