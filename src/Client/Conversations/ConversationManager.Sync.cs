using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

public sealed partial class ConversationManager
{
    /// <summary>Takes all that happened since the last time: follows the commits that were missed, opens messages.</summary>
    /// <remarks>Only where an epoch is seen that the log does not lead to has the device fallen out of the group, and it rejoins.</remarks>
    /// <exception cref="MlsClientException"><see cref="ClientErrors.NoState"/>, or the service's refusal.</exception>
    public Task<SyncResult> SyncAsync(string conversationId, CancellationToken cancellation = default) =>
        With(conversationId, conversation => Sync(conversation, mayRejoin: true, cancellation), cancellation);

    /// <summary>Accepts the Welcomes that wait and synchronises every conversation that the device is in.</summary>
    internal async Task<IReadOnlyList<(SyncResult? Sync, MlsClientException? Failure)>> SyncAllAsync(
        CancellationToken cancellation
    )
    {
        var results = new List<(SyncResult?, MlsClientException?)>();
        await AcceptWelcomesAsync(cancellation).ConfigureAwait(false);
        foreach (var (name, _) in await Store.ListAsync("group/", cancellation).ConfigureAwait(false))
        {
            string id = name["group/".Length..];
            if (await ViewAsync(id, cancellation).ConfigureAwait(false) is null)
                continue;
            try
            {
                results.Add((await SyncAsync(id, cancellation).ConfigureAwait(false), null));
            }
            catch (MlsClientException failure) when (failure.Status is > 0 and < 500)
            {
                results.Add((null, failure));
            }
        }
        return results;
    }

    private async Task<SyncResult> Sync(Conversation conversation, bool mayRejoin, CancellationToken cancellation)
    {
        RejoinResult? rejoin = null;
        _ = conversation.Live;
        // Where the service stops answering, what was taken until then comes with the next result.
        var taken = conversation.Taken;
        while (!taken.Removed)
        {
            var page = await _service
                .Call(
                    Lexicons.GetMessages,
                    new GetMessagesParameters
                    {
                        ConvoId = conversation.Id,
                        SinceSeq = $"{conversation.LastSeq}",
                        Limit = 100,
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            RequireOnward(conversation.LastSeq, page.Messages);
            bool followed = await Take(conversation, page.Messages, cancellation).ConfigureAwait(false);
            if (followed && page.Messages.Count == 0)
                break;
            if (followed)
                continue;
            if (!mayRejoin || rejoin is not null)
                throw new MlsClientException(
                    ClientErrors.Desynchronised,
                    "The service's log does not lead on from the device's epoch."
                );
            rejoin = await Rejoin(conversation, cancellation).ConfigureAwait(false);
            if (!rejoin.Joined)
                break;
        }
        return Synced(conversation, rejoin);
    }

    /// <summary>Synchronises on the way to something else: what it opens comes to <see cref="MlsClientOptions.OnMessage"/> alone, and what waits for the next result goes on waiting.</summary>
    private async Task CatchUp(Conversation conversation, bool mayRejoin, CancellationToken cancellation)
    {
        var waiting = conversation.Taken;
        conversation.Taken = new();
        try
        {
            await Sync(conversation, mayRejoin, cancellation).ConfigureAwait(false);
        }
        finally
        {
            conversation.Taken = waiting;
        }
    }

    /// <summary>A log that goes back would be read for ever.</summary>
    private static void RequireOnward(long seq, IReadOnlyList<MessageView> entries)
    {
        foreach (var entry in entries)
            seq =
                entry.Seq > seq
                    ? entry.Seq
                    : throw new MlsClientException(
                        ClientErrors.InvalidAnswer,
                        $"The service's log goes back from {seq} to {entry.Seq}."
                    );
    }

    /// <summary>Takes an entry of the log that came by another way, if it is the next one.</summary>
    /// <returns>What it brought; null if it is not the next.</returns>
    internal Task<SyncResult?> TakeAsync(string conversationId, MessageView entry, CancellationToken cancellation) =>
        With(
            conversationId,
            async conversation =>
            {
                if (conversation.Group is not { HasEnded: false } || entry.Seq != conversation.LastSeq + 1)
                    return null;
                return await Take(conversation, [entry], cancellation).ConfigureAwait(false)
                    ? Synced(conversation, null)
                    : null;
            },
            cancellation
        );

    private static SyncResult Synced(Conversation conversation, RejoinResult? rejoin)
    {
        var taken = conversation.Taken;
        conversation.Taken = new();
        return new(
            conversation.Id,
            conversation.Group!.CurrentEpoch,
            taken.Messages,
            taken.Commits,
            taken.Unreadable,
            taken.Removed,
            rejoin
        );
    }

    /// <summary>Whether the device has taken the entry already.</summary>
    internal Task<bool> HasTakenAsync(string conversationId, long seq, CancellationToken cancellation) =>
        With(
            conversationId,
            conversation =>
                Task.FromResult(
                    conversation.Group is null || conversation.Group.HasEnded || seq <= conversation.LastSeq
                ),
            cancellation
        );

    /// <summary>Takes entries of the log in their order and saves the state.</summary>
    /// <returns>False where they do not lead on from the device's epoch; what came before is taken.</returns>
    private async Task<bool> Take(
        Conversation conversation,
        IReadOnlyList<MessageView> entries,
        CancellationToken cancellation
    )
    {
        bool followed = true;
        var taken = new Taken();
        long before = conversation.LastSeq;
        foreach (var entry in entries)
        {
            if (!TakeOne(conversation, entry, taken))
            {
                followed = false;
                break;
            }
            conversation.LastSeq = entry.Seq;
            if (taken.Removed)
                break;
        }
        await Tell(conversation, taken.Messages, cancellation).ConfigureAwait(false);
        if (conversation.LastSeq != before)
            await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
        conversation.Taken.Add(taken);
        return followed;
    }

    /// <summary>Tells the application. What it did not take is told again: the conversation is loaded anew, as it was before.</summary>
    private async Task Tell(
        Conversation conversation,
        IEnumerable<IncomingMessage> messages,
        CancellationToken cancellation
    )
    {
        if (_options.OnMessage is not { } tell)
            return;
        try
        {
            foreach (var message in messages)
                await tell(message, cancellation).ConfigureAwait(false);
        }
        catch
        {
            conversation.Unload();
            throw;
        }
    }

    private static bool TakeOne(Conversation conversation, MessageView entry, Taken taken)
    {
        var group = conversation.Group!;
        ulong epoch = (ulong)entry.Epoch,
            current = group.CurrentEpoch;
        if (entry.Kind == "commit")
        {
            if (epoch <= current)
                return true;
            if (epoch != current + 1)
                return false;
            var ending = group.PublicGroup;
            if (TryReceive(group, entry) is not { } received)
                return false;
            conversation.Remember(ending);
            taken.Commits++;
            taken.Removed = received is ReceivedCommit { RemovedMe: true };
            return true;
        }
        if (epoch > current)
            return false;
        switch (TryReceive(group, entry))
        {
            case ReceivedMessage message:
                taken.Messages.Add(
                    new(
                        conversation.Id,
                        entry.Seq,
                        message.Epoch,
                        conversation.IdentityOf(message.Epoch, message.Sender),
                        message.Data,
                        entry.CreatedAt
                    )
                );
                break;
            case null when entry.Kind == "message":
                taken.Unreadable++;
                break;
        }
        return true;
    }

    private static Received? TryReceive(Group group, MessageView entry)
    {
        try
        {
            return group.Receive(Convert.FromBase64String(entry.Message), entry.CreatedAt);
        }
        catch (Exception exception) when (exception is MlsException or FormatException)
        {
            return null;
        }
    }
}
