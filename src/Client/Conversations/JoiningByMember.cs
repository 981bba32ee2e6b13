using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>
/// The way back that needs a member who is online (the legacy way): the device asks with a key package, a member
/// commits the Remove and the Add of the device, and a Welcome follows.
/// </summary>
internal sealed class JoiningByMember(
    MlsClientOptions options,
    ServiceConnection service,
    DeviceKeys keys,
    ConversationLookup lookup,
    JoiningByWelcome welcomes
)
{
    /// <summary>
    /// Asks the members to add the device. Where a request waits already, the device asks with the key package of that
    /// request, which the service takes as the same request.
    /// </summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="reason">The error for which external commits did not lead in.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public async Task AskAsync(LocalConversation conversation, string reason, CancellationToken cancellation)
    {
        var store = options.Store;
        if (
            await StoredRejoinRequest.ReadAsync(store, conversation.Id, cancellation).ConfigureAwait(false) is
            { } before
        )
        {
            if (await SendAsync(before, reason, cancellation).ConfigureAwait(false))
                return;
            // The request has expired, or was answered by a Welcome that could not be opened.
            await store.WriteAsync(cancellation, StoredRejoinRequest.Deletion(conversation.Id)).ConfigureAwait(false);
        }
        ushort suite = await lookup.CipherSuiteAsync(conversation, cancellation).ConfigureAwait(false);
        string package = await keys.NewAsync(suite, cancellation).ConfigureAwait(false);
        var request = new StoredRejoinRequest(conversation.Id, options.Clock.GetUtcNow(), package);
        await SendAsync(request, reason, cancellation).ConfigureAwait(false);
        await store.WriteAsync(cancellation, request.ToEntry()).ConfigureAwait(false);
    }

    /// <summary>
    /// Waits up to <see cref="MlsClientOptions.MemberWait"/> for the Welcome of a member who is online.
    /// </summary>
    /// <returns>Whether the device is in; if not, a Welcome may still come later.</returns>
    public async Task<bool> WaitAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        long asked = options.Clock.GetTimestamp();
        for (int polls = 1; ; polls++)
        {
            if (await welcomes.AcceptAsync(conversation, cancellation).ConfigureAwait(false))
                return true;
            if (options.Clock.GetElapsedTime(asked) >= options.MemberWait)
                return false;
            // The device polls ever more rarely: a member may need a while to come online. It polls at all because
            // nobody may be following the stream of events.
            await Task.Delay(TimeSpan.FromMilliseconds(100 << Math.Min(polls, 4)), options.Clock, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <returns>Whether the request now waits for a member.</returns>
    private async Task<bool> SendAsync(StoredRejoinRequest request, string reason, CancellationToken cancellation) =>
        (
            await service
                .CallAsync(
                    Lexicons.Rejoin,
                    new()
                    {
                        ConvoId = request.ConversationId,
                        KeyPackage = request.KeyPackage,
                        Reason = reason,
                    },
                    cancellation
                )
                .ConfigureAwait(false)
        ).Pending;
}
