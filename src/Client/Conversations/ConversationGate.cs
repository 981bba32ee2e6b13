using System.Collections.Concurrent;

namespace MlsConsole.Clients;

/// <summary>
/// The only way to a <see cref="LocalConversation"/>: one caller at a time is inside, and finds the conversation as the
/// store has it or as the caller before left it.
/// </summary>
/// <remarks>
/// The parts of the <see cref="ConversationManager"/> keep to one rule. A method that takes the id of a conversation
/// may enter the gate. A method that takes a <see cref="LocalConversation"/> is called inside the gate, and must not
/// enter the gate of that conversation again: it would wait for itself.
/// </remarks>
internal sealed class ConversationGate(MlsStore store, DeviceKeys keys) : IDisposable
{
    private readonly ConcurrentDictionary<string, LocalConversation> _conversations = new(StringComparer.Ordinal);

    /// <summary>Runs an action on a conversation while nobody else is inside.</summary>
    public async Task<T> EnterAsync<T>(
        string conversationId,
        Func<LocalConversation, Task<T>> action,
        CancellationToken cancellation
    )
    {
        var conversation = _conversations.GetOrAdd(conversationId, id => new(id, store, keys));
        await conversation.Semaphore.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await conversation.LoadAsync(cancellation).ConfigureAwait(false);
            return await action(conversation).ConfigureAwait(false);
        }
        finally
        {
            conversation.Semaphore.Release();
        }
    }

    /// <summary>Runs an action that has no result.</summary>
    public Task EnterAsync(
        string conversationId,
        Func<LocalConversation, Task> action,
        CancellationToken cancellation
    ) =>
        EnterAsync(
            conversationId,
            async conversation =>
            {
                await action(conversation).ConfigureAwait(false);
                return true;
            },
            cancellation
        );

    /// <summary>Forgets the secrets of all conversations.</summary>
    public void Dispose()
    {
        foreach (var conversation in _conversations.Values)
            conversation.Dispose();
    }
}
