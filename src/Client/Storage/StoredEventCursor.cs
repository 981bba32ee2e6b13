using System.Globalization;
using System.Text;

namespace MlsConsole.Clients;

/// <summary>
/// The place in the account's stream of events from which the stream is resumed: entry <c>events/cursor</c>, whose
/// value is the cursor in ASCII.
/// </summary>
/// <param name="Cursor">The number of the last event that was taken, as a decimal string.</param>
internal sealed record StoredEventCursor(string Cursor)
{
    private const string Name = "events/cursor";

    /// <summary>The cursor behind an event.</summary>
    public static StoredEventCursor After(long seq) => new(seq.ToString(CultureInfo.InvariantCulture));

    /// <returns>Null where there is no place to resume from.</returns>
    public static async ValueTask<StoredEventCursor?> ReadAsync(MlsStore store, CancellationToken cancellation) =>
        await store.ReadAsync(Name, cancellation).ConfigureAwait(false) is { } value
            ? new(Encoding.ASCII.GetString(value))
            : null;

    /// <summary>The entry that saves the cursor.</summary>
    public StoreEntry ToEntry() => new(Name, Encoding.ASCII.GetBytes(Cursor));

    /// <summary>The entry that deletes the cursor.</summary>
    public static StoreEntry Deletion { get; } = new(Name, null);
}
