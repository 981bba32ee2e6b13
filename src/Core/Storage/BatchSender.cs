using System.Globalization;
using System.Runtime.ExceptionServices;
using Npgsql;

namespace MlsConsole.Core.Storage;

/// <summary>
/// The single statements for PostgreSQL, each of which is a whole write and decides by its own conditions. Statements
/// that come while others are under way are sent together in the next transaction. So there is one round trip, and one
/// synchronisation of the disk, for many statements.
/// </summary>
internal sealed class BatchSender
{
    private readonly Func<IReadOnlyList<FormattableString>, Task<IReadOnlyList<long?>>> _send;
    private readonly BatchRunner<Sending> _statements;

    /// <param name="send">Sends statements in one transaction and returns the number of each.</param>
    public BatchSender(Func<IReadOnlyList<FormattableString>, Task<IReadOnlyList<long?>>> send) =>
        (_send, _statements) = (send, new(SendBatchAsync));

    /// <summary>Sends the statement, alone or with others, and returns when its transaction is committed.</summary>
    /// <returns>The number that the statement returned; null if it returned none.</returns>
    public async Task<long?> WriteAsync(FormattableString statement)
    {
        var own = new Sending(statement);
        await _statements.RunAsync(own);
        own.Failure?.Throw();
        return own.Number;
    }

    private async Task SendBatchAsync(IReadOnlyList<Sending> batch)
    {
        // Every host orders statements in the same way, so every host locks rows in the same order, and no two batches
        // wait for each other in turn (a deadlock).
        List<Sending> ordered = [.. batch.OrderBy(one => one.Order, StringComparer.Ordinal)];
        try
        {
            var numbers = await _send([.. ordered.Select(one => one.Statement)]);
            for (int i = 0; i < ordered.Count; i++)
                ordered[i].Number = numbers[i];
        }
        catch (PostgresException) when (batch.Count > 1)
        {
            // One statement that the database refuses undoes the batch. So each statement is sent again by itself, and
            // only the one at fault fails.
            foreach (var one in ordered)
                await SendBatchAsync([one]);
        }
        catch (Exception broken)
        {
            foreach (var one in batch)
                one.Failure = ExceptionDispatchInfo.Capture(broken);
        }
    }

    private sealed class Sending(FormattableString statement)
    {
        public FormattableString Statement => statement;

        /// <summary>
        /// By which the statements of a batch are ordered: the text of the statement, then its values.
        /// </summary>
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
