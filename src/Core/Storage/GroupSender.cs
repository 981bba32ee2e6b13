using System.Globalization;
using System.Runtime.ExceptionServices;
using Npgsql;

namespace MlsConsole.Core.Storage;

/// <summary>PostgreSQL's single statements, each of which decides for itself: those that come while others are under way go together. So one round trip and one synchronisation of the disk are for many.</summary>
internal sealed class GroupSender
{
    private readonly Func<IReadOnlyList<FormattableString>, Task<IReadOnlyList<long?>>> _send;
    private readonly Grouping<Sending> _statements;

    /// <param name="send">Sends statements in one transaction and returns the number of each.</param>
    public GroupSender(Func<IReadOnlyList<FormattableString>, Task<IReadOnlyList<long?>>> send) =>
        (_send, _statements) = (send, new(SendGroupAsync));

    /// <returns>The number that the statement returned; null if none.</returns>
    public async Task<long?> WriteAsync(FormattableString statement)
    {
        var own = new Sending(statement);
        await _statements.RunAsync(own);
        own.Failure?.Throw();
        return own.Number;
    }

    private async Task SendGroupAsync(IReadOnlyList<Sending> group)
    {
        // All hosts touch rows in one order, so that no two wait for each other.
        List<Sending> ordered = [.. group.OrderBy(one => one.Order, StringComparer.Ordinal)];
        try
        {
            var numbers = await _send([.. ordered.Select(one => one.Statement)]);
            for (int i = 0; i < ordered.Count; i++)
                ordered[i].Number = numbers[i];
        }
        catch (PostgresException) when (group.Count > 1)
        {
            // What is wrong with one of them is not the fault of the others.
            foreach (var one in ordered)
                await SendGroupAsync([one]);
        }
        catch (Exception broken)
        {
            foreach (var one in group)
                one.Failure = ExceptionDispatchInfo.Capture(broken);
        }
    }

    private sealed class Sending(FormattableString statement)
    {
        public FormattableString Statement => statement;
        public string Order { get; } =
            string.Join(
                '\n',
                [
                    statement.Format,
                    .. statement
                        .GetArguments()
                        .Select(value =>
                            value is byte[] bytes
                                ? Convert.ToHexString(bytes)
                                : Convert.ToString(value, CultureInfo.InvariantCulture)
                        ),
                ]
            );
        public long? Number { get; set; }
        public ExceptionDispatchInfo? Failure { get; set; }
    }
}
