using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>
/// The call by which the device leaves a conversation, kept from before the first try until the service has answered:
/// entry <c>leaving/CONVERSATION</c>, whose value is the call's input as JSON.
/// </summary>
/// <param name="Input">
/// The input. With its idempotency key the service answers a repeated call as it did the first.
/// </param>
internal sealed record StoredLeave(LeaveConvoInput Input)
{
    /// <returns>Null where no leave of the conversation is under way.</returns>
    public static async ValueTask<StoredLeave?> ReadAsync(
        MlsStore store,
        string conversationId,
        CancellationToken cancellation
    ) =>
        await store.ReadAsync(NameOf(conversationId), cancellation).ConfigureAwait(false) is { } value
            ? new(Lexicons.LeaveConvo.ReadInput(value))
            : null;

    /// <summary>The entry that saves the call.</summary>
    public StoreEntry ToEntry() => new(NameOf(Input.ConvoId), Lexicons.LeaveConvo.WriteInput(Input));

    /// <summary>The entry that deletes the call.</summary>
    public static StoreEntry Deletion(string conversationId) => new(NameOf(conversationId), null);

    /// <summary>Deletes the call where there is one: the next leave is then a call of its own.</summary>
    public static async Task DeleteAsync(MlsStore store, string conversationId, CancellationToken cancellation)
    {
        if (await store.ReadAsync(NameOf(conversationId), cancellation).ConfigureAwait(false) is not null)
            await store.WriteAsync(cancellation, Deletion(conversationId)).ConfigureAwait(false);
    }

    private static string NameOf(string conversationId) => $"leaving/{conversationId}";
}
