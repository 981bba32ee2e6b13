using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>An event in one of the account's conversations, after this device has taken it.</summary>
/// <param name="Event">
/// The event as the service sent it; an <c>info</c> where the stream began anew and the conversation was synchronised
/// for that.
/// </param>
/// <param name="Sync">
/// What the event brought: messages, commits that were followed; null where the event brought nothing.
/// </param>
/// <param name="Failure">Why the device could not follow, where it could not.</param>
public sealed record ConversationEvent(SubscribeConvoEventsEvent Event, SyncResult? Sync, MlsClientException? Failure);

/// <summary>
/// The account's stream of events: a WebSocket that is opened again whenever it breaks, from the last event that was
/// taken.
/// </summary>
public sealed class ConversationEvents
{
    private const int MaxFrame = 64 << 20;
    private static readonly TimeSpan s_shortestBackoff = TimeSpan.FromMilliseconds(200),
        s_longestBackoff = TimeSpan.FromSeconds(30),
        s_longestSilence = TimeSpan.FromSeconds(15);
    private readonly MlsClientOptions _options;
    private readonly ServiceConnection _service;
    private readonly ConversationManager _conversations;

    internal ConversationEvents(
        MlsClientOptions options,
        ServiceConnection service,
        ConversationManager conversations
    ) => (_options, _service, _conversations) = (options, service, conversations);

    /// <summary>
    /// Follows the account's conversations: takes messages, follows commits, accepts Welcomes, and yields each event
    /// once that is done.
    /// </summary>
    /// <param name="cancellation">Ends the stream. Nothing else ends it but a refusal of the account itself.</param>
    /// <exception cref="MlsClientException">The service refuses the account.</exception>
    public async IAsyncEnumerable<ConversationEvent> FollowAsync(
        [EnumeratorCancellation] CancellationToken cancellation = default
    )
    {
        await foreach (var one in ReadAsync(cancellation).ConfigureAwait(false))
        {
            foreach (var (sync, failure) in await UntilAnsweredAsync(one, cancellation).ConfigureAwait(false))
                yield return new(one, sync, failure);
        }
    }

    /// <summary>
    /// Takes an event, and tries again while the service does not answer. Until the event is taken, the stream's place
    /// stays where it is.
    /// </summary>
    private async Task<IReadOnlyList<(SyncResult? Sync, MlsClientException? Failure)>> UntilAnsweredAsync(
        SubscribeConvoEventsEvent one,
        CancellationToken cancellation
    )
    {
        for (int failures = 0; ; failures++)
        {
            try
            {
                // Where the stream begins anew, what happened before its first event is found in the logs alone.
                return one is SubscribeConvoEventsInfo
                    ? await _conversations.SyncAllAsync(cancellation).ConfigureAwait(false)
                    : [(await TakeAsync(one, cancellation).ConfigureAwait(false), null)];
            }
            catch (MlsClientException failure) when (failure.Error == ClientErrors.Unreachable || failure.Status >= 500)
            {
                await Task.Delay(Backoff(failures), _options.Clock, cancellation).ConfigureAwait(false);
            }
            catch (MlsClientException failure)
            {
                return [(null, failure)];
            }
        }
    }

    private static TimeSpan Backoff(int failures)
    {
        var wait = s_shortestBackoff * Math.Pow(2, Math.Min(failures, 8)) * (0.5 + Random.Shared.NextDouble());
        return wait < s_longestBackoff ? wait : s_longestBackoff;
    }

    /// <summary>
    /// The events as the service sends them. The place behind an event is saved once the next event is asked for.
    /// </summary>
    /// <remarks>
    /// An <c>info</c> named <c>Opened</c> is the client's own event. It says that there was no place to resume from, so
    /// that the stream begins with what happens next.
    /// </remarks>
    /// <param name="cancellation">Ends the stream.</param>
    /// <exception cref="MlsClientException">The service refuses the account.</exception>
    public async IAsyncEnumerable<SubscribeConvoEventsEvent> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellation = default
    )
    {
        int failures = 0;
        while (true)
        {
            var saved = await StoredEventCursor.ReadAsync(_options.Store, cancellation).ConfigureAwait(false);
            string? cursor = saved?.Cursor;
            using var socket = await OpenAsync(cursor, cancellation).ConfigureAwait(false);
            if (socket is not null && cursor is null)
                yield return new SubscribeConvoEventsInfo { Name = "Opened" };
            while (socket is not null && await ReceiveAsync(socket, cancellation).ConfigureAwait(false) is { } frame)
            {
                failures = 0;
                if (frame.Event is not { } one)
                    continue;
                yield return one;
                if (SeqOf(one) is { } seq)
                    await _options
                        .Store.WriteAsync(cancellation, StoredEventCursor.After(seq).ToEntry())
                        .ConfigureAwait(false);
            }
            await Task.Delay(Backoff(failures++), _options.Clock, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<SyncResult?> TakeAsync(SubscribeConvoEventsEvent one, CancellationToken cancellation)
    {
        switch (one)
        {
            case SubscribeConvoEventsMessage message:
                return await TakeAsync(message.ConvoId, message.Message, cancellation).ConfigureAwait(false);
            case SubscribeConvoEventsProposal proposal:
                return await TakeAsync(proposal.ConvoId, proposal.Message, cancellation).ConfigureAwait(false);
            case SubscribeConvoEventsCommit { Commit: var commit } made:
                return await TakeAsync(
                        made.ConvoId,
                        new()
                        {
                            Seq = commit.Seq,
                            Epoch = commit.Epoch,
                            Kind = "commit",
                            Message = commit.Commit,
                            CreatedAt = commit.CreatedAt,
                        },
                        cancellation
                    )
                    .ConfigureAwait(false);
            case SubscribeConvoEventsWelcome welcome
                when welcome.Did == _options.Did && welcome.DeviceId == _options.DeviceId:
                await _conversations.AcceptWelcomesAsync(cancellation).ConfigureAwait(false);
                return null;
            case SubscribeConvoEventsRejoinRequested asked
                when (asked.Did, asked.DeviceId) != (_options.Did, _options.DeviceId):
                await LetOthersFirstAsync(cancellation).ConfigureAwait(false);
                await _conversations.AnswerRejoinRequestsAsync(asked.ConvoId, cancellation).ConfigureAwait(false);
                return null;
            case SubscribeConvoEventsDeviceApproved approved
                when (approved.Did, approved.DeviceId) == (_options.Did, _options.DeviceId):
                return await _conversations.JoinApprovedAsync(approved.ConvoId, cancellation).ConfigureAwait(false);
            case SubscribeConvoEventsRemovalRequested asked:
                await LetOthersFirstAsync(cancellation).ConfigureAwait(false);
                await _conversations.RemovePendingAsync(asked.ConvoId, cancellation).ConfigureAwait(false);
                return null;
            default:
                return null;
        }
    }

    /// <summary>
    /// Waits a random while. All members hear of a request at once, and the answer of one member is enough: after the
    /// wait the request may be answered.
    /// </summary>
    private Task LetOthersFirstAsync(CancellationToken cancellation) =>
        Task.Delay(Jitter.Of(6), _options.Clock, cancellation);

    private async Task<SyncResult?> TakeAsync(string conversationId, MessageView entry, CancellationToken cancellation)
    {
        if (await _conversations.HasTakenAsync(conversationId, entry.Seq, cancellation).ConfigureAwait(false))
            return null;
        // The next entry of the log is taken as the event brought it. A gap before the entry is filled from the log.
        return await _conversations.TakeNextAsync(conversationId, entry, cancellation).ConfigureAwait(false)
            ?? await _conversations.SyncAsync(conversationId, cancellation).ConfigureAwait(false);
    }

    /// <returns>Null where the stream could not be opened now.</returns>
    private async Task<ClientWebSocket?> OpenAsync(string? cursor, CancellationToken cancellation)
    {
        var socket = new ClientWebSocket();
        // Nothing ever arrives on a connection that has frozen. A ping without an answer ends such a connection.
        (socket.Options.KeepAliveInterval, socket.Options.KeepAliveTimeout) = (s_longestSilence, s_longestSilence);
        try
        {
            var ticket = await _service
                .CallAsync(Lexicons.GetSubscriptionTicket, new(), cancellation)
                .ConfigureAwait(false);
            string query = string.Join(
                '&',
                Lexicons
                    .SubscribeConvoEvents.WriteParameters(new() { Ticket = ticket.Ticket, Cursor = cursor })
                    .Select(static one => $"{one.Key}={Uri.EscapeDataString(one.Value)}")
            );
            await socket
                .ConnectAsync(new Uri($"{ticket.Endpoint}?{query}"), _service.Http, cancellation)
                .ConfigureAwait(false);
            return socket;
        }
        catch (Exception exception)
            when (exception is WebSocketException or HttpRequestException or MlsClientException { Status: 0 or >= 429 }
                || (exception is OperationCanceledException && !cancellation.IsCancellationRequested)
            )
        {
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <param name="Event">Null for an event of a kind that this version does not know.</param>
    private sealed record ReceivedFrame(SubscribeConvoEventsEvent? Event);

    /// <returns>Null at the end of the connection.</returns>
    private async Task<ReceivedFrame?> ReceiveAsync(ClientWebSocket socket, CancellationToken cancellation)
    {
        var frame = new MemoryStream();
        var buffer = new byte[16384];
        try
        {
            while (true)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(), cancellation).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close || frame.Length + part.Count > MaxFrame)
                    return null;
                frame.Write(buffer.AsSpan(0, part.Count));
                if (part.EndOfMessage)
                    return new(Lexicons.SubscribeConvoEvents.ReadFrame(frame.ToArray()));
            }
        }
        catch (EventStreamException refused) when (refused.Error == "FutureCursor")
        {
            // The service has sent no event of that number yet: the saved place is one in another log of events.
            await _options.Store.WriteAsync(cancellation, StoredEventCursor.Deletion).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception)
            when (exception is WebSocketException or EventStreamException or LexiconException
                || (exception is OperationCanceledException && !cancellation.IsCancellationRequested)
            )
        {
            return null;
        }
    }

    private static long? SeqOf(SubscribeConvoEventsEvent one) =>
        one switch
        {
            SubscribeConvoEventsCommit it => it.Seq,
            SubscribeConvoEventsProposal it => it.Seq,
            SubscribeConvoEventsMessage it => it.Seq,
            SubscribeConvoEventsWelcome it => it.Seq,
            SubscribeConvoEventsMembership it => it.Seq,
            SubscribeConvoEventsGroupInfoRefreshRequested it => it.Seq,
            SubscribeConvoEventsRejoinRequested it => it.Seq,
            SubscribeConvoEventsRemovalRequested it => it.Seq,
            SubscribeConvoEventsNewDevice it => it.Seq,
            SubscribeConvoEventsDeviceApproved it => it.Seq,
            SubscribeConvoEventsDeviceApprovalSet it => it.Seq,
            SubscribeConvoEventsEpochAcknowledged it => it.Seq,
            _ => null,
        };
}
