using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// Follows the service's log of a conversation: processes the commits that were missed, and opens messages.
/// </summary>
internal sealed class LogFollowing(MlsClientOptions options, ServiceConnection service, Rejoining rejoining)
{
    private const int PageLength = 100;

    /// <summary>Takes all entries since the last one that was taken.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="mayRejoin">Whether a device rejoins when it sees an epoch that the log does not lead to.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.NoState"/>, <see cref="ClientErrors.InvalidAnswer"/>,
    /// <see cref="ClientErrors.Desynchronised"/> where the device may not rejoin, or the service's refusal.
    /// </exception>
    public async Task<SyncResult> SyncAsync(
        LocalConversation conversation,
        bool mayRejoin,
        CancellationToken cancellation
    )
    {
        RejoinResult? rejoin = null;
        _ = conversation.GroupAsMember;
        // Where the service stops answering, what was taken until then is told with the next result.
        var untold = conversation.Untold;
        while (!untold.Removed)
        {
            var entries = await FetchAsync(conversation, cancellation).ConfigureAwait(false);
            if (await TakeAsync(conversation, entries, cancellation).ConfigureAwait(false))
            {
                if (entries.Count == 0)
                    break;
                continue;
            }
            if (!mayRejoin || rejoin is not null)
                throw new MlsClientException(
                    ClientErrors.Desynchronised,
                    "The service's log does not lead on from the device's epoch."
                );
            rejoin = await rejoining.RejoinAsync(conversation, cancellation).ConfigureAwait(false);
            if (!rejoin.Joined)
                break;
        }
        return Tell(conversation, rejoin);
    }

    /// <summary>
    /// Takes all entries on the way to something else. Messages that this opens come to
    /// <see cref="MlsClientOptions.OnMessage"/> alone, and what waits for the next <see cref="SyncResult"/> goes on
    /// waiting.
    /// </summary>
    public async Task CatchUpAsync(LocalConversation conversation, bool mayRejoin, CancellationToken cancellation)
    {
        var waiting = conversation.Untold;
        conversation.Untold = new();
        try
        {
            await SyncAsync(conversation, mayRejoin, cancellation).ConfigureAwait(false);
        }
        finally
        {
            conversation.Untold = waiting;
        }
    }

    /// <summary>Learns from the log what became of a commit whose answer got lost, if there is one.</summary>
    public async Task SettlePendingAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (conversation.GroupAsMember.Pending is not null)
            await CatchUpAsync(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
    }

    /// <summary>Takes an entry of the log that an event brought, if it is the next one.</summary>
    /// <returns>What the entry brought; null where it is not the next one, or does not lead on.</returns>
    public async Task<SyncResult?> TakeNextAsync(
        LocalConversation conversation,
        MessageView entry,
        CancellationToken cancellation
    )
    {
        if (!conversation.IsMember || entry.Seq != conversation.LastSeq + 1)
            return null;
        return await TakeAsync(conversation, [entry], cancellation).ConfigureAwait(false)
            ? Tell(conversation, null)
            : null;
    }

    /// <summary>Whether there is nothing to take of an entry: the device has taken it, or is no member.</summary>
    public static bool HasTaken(LocalConversation conversation, long seq) =>
        !conversation.IsMember || seq <= conversation.LastSeq;

    private async Task<IReadOnlyList<MessageView>> FetchAsync(
        LocalConversation conversation,
        CancellationToken cancellation
    )
    {
        var page = await service
            .CallAsync(
                Lexicons.GetMessages,
                new GetMessagesParameters
                {
                    ConvoId = conversation.Id,
                    SinceSeq = $"{conversation.LastSeq}",
                    Limit = PageLength,
                },
                cancellation
            )
            .ConfigureAwait(false);
        RequireAscending(conversation.LastSeq, page.Messages);
        return page.Messages;
    }

    /// <summary>Refuses a log that goes back: it would be read for ever.</summary>
    private static void RequireAscending(long seq, IReadOnlyList<MessageView> entries)
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

    private static SyncResult Tell(LocalConversation conversation, RejoinResult? rejoin)
    {
        var told = conversation.Untold;
        conversation.Untold = new();
        return new(
            conversation.Id,
            conversation.Group!.CurrentEpoch,
            told.Messages,
            told.Commits,
            told.Unreadable,
            told.Removed,
            rejoin
        );
    }

    /// <summary>Takes entries in their order, gives their messages to the application, and saves the state.</summary>
    /// <returns>
    /// False where an entry does not lead on from the device's epoch; the entries before it are taken.
    /// </returns>
    private async Task<bool> TakeAsync(
        LocalConversation conversation,
        IReadOnlyList<MessageView> entries,
        CancellationToken cancellation
    )
    {
        bool followed = true;
        var taken = new LogYield();
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
        await GiveToApplicationAsync(conversation, taken.Messages, cancellation).ConfigureAwait(false);
        if (conversation.LastSeq != before)
            await conversation.SaveAsync(cancellation).ConfigureAwait(false);
        conversation.Untold.Add(taken);
        return followed;
    }

    /// <summary>
    /// Calls <see cref="MlsClientOptions.OnMessage"/>. Where the application throws, the conversation goes back to the
    /// state that was saved last, so that the application is given the messages again.
    /// </summary>
    private async Task GiveToApplicationAsync(
        LocalConversation conversation,
        IEnumerable<IncomingMessage> messages,
        CancellationToken cancellation
    )
    {
        if (options.OnMessage is not { } give)
            return;
        try
        {
            foreach (var message in messages)
                await give(message, cancellation).ConfigureAwait(false);
        }
        catch
        {
            conversation.Unload();
            throw;
        }
    }

    /// <returns>False where the entry does not lead on from the device's epoch.</returns>
    private static bool TakeOne(LocalConversation conversation, MessageView entry, LogYield taken)
    {
        ulong epoch = (ulong)entry.Epoch,
            current = conversation.Group!.CurrentEpoch;
        if (entry.Kind == "commit")
            // A commit is listed with the epoch that it creates: one that the device has reached already is passed
            // over.
            return epoch <= current || (epoch == current + 1 && TakeCommit(conversation, entry, taken));
        if (epoch > current)
            return false;
        TakeOther(conversation, entry, taken);
        return true;
    }

    private static bool TakeCommit(LocalConversation conversation, MessageView entry, LogYield taken)
    {
        var ending = conversation.Group!.PublicGroup;
        if (TryReceive(conversation.Group, entry) is not { } received)
            return false;
        conversation.Remember(ending);
        taken.Commits++;
        taken.Removed = received is ReceivedCommit { RemovedMe: true };
        return true;
    }

    /// <summary>Takes a message or a proposal.</summary>
    private static void TakeOther(LocalConversation conversation, MessageView entry, LogYield taken)
    {
        switch (TryReceive(conversation.Group!, entry))
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
    }

    /// <returns>Null where the entry is broken, or cannot be opened.</returns>
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
