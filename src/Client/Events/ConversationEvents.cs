using System.Globalization;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>What happened in one of the account's conversations, after this device has taken it.</summary>
/// <param name="Event">The event as the service sent it; an <c>info</c> where the stream began anew and the conversation was synchronised for that.</param>
/// <param name="Sync">What it brought: messages, commits that were followed; null where it brought nothing.</param>
/// <param name="Failure">Why the device could not follow.</param>
public sealed record ConversationEvent(SubscribeConvoEventsEvent Event, SyncResult? Sync, MlsClientException? Failure);

/// <summary>The stream of events of the account: a WebSocket that is opened again whenever it breaks, from the last event that was taken.</summary>
public sealed class ConversationEvents
{
    private const int MaxFrame = 64 << 20;
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(200),
        s_longest = TimeSpan.FromSeconds(30),
        s_silence = TimeSpan.FromSeconds(15);
    private readonly MlsClientOptions _options;
    private readonly ServiceConnection _service;
    private readonly ConversationManager _conversations;

    internal ConversationEvents(
        MlsClientOptions options,
        ServiceConnection service,
        ConversationManager conversations
    ) => (_options, _service, _conversations) = (options, service, conversations);

    /// <summary>Follows the account's conversations: takes messages, follows commits, accepts Welcomes, and yields each event once that is done.</summary>
    /// <param name="cancellation">Ends it; nothing else does, but a refusal of the account itself.</param>
    /// <exception cref="MlsClientException">The service refuses the account.</exception>
    public async IAsyncEnumerable<ConversationEvent> FollowAsync(
        [EnumeratorCancellation] CancellationToken cancellation = default
    )
    {
        await foreach (var one in ReadAsync(cancellation).ConfigureAwait(false))
        {
            foreach (var (sync, failure) in await UntilAnswered(one, cancellation).ConfigureAwait(false))
                yield return new(one, sync, failure);
        }
    }

    /// <summary>Takes an event. While the service does not answer it is not taken, and the place stays where it is.</summary>
    private async Task<IReadOnlyList<(SyncResult? Sync, MlsClientException? Failure)>> UntilAnswered(
        SubscribeConvoEventsEvent one,
        CancellationToken cancellation
    )
    {
        for (int failures = 0; ; failures++)
        {
            try
            {
                // Where the stream begins anew, what happened before its first event is in the logs alone.
                return one is SubscribeConvoEventsInfo
                    ? await _conversations.SyncAllAsync(cancellation).ConfigureAwait(false)
                    : [(await Take(one, cancellation).ConfigureAwait(false), null)];
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
        var wait = s_shortest * Math.Pow(2, Math.Min(failures, 8)) * (0.5 + Random.Shared.NextDouble());
        return wait < s_longest ? wait : s_longest;
    }

    /// <summary>The events as the service sends them. The place is kept once the next one is asked for.</summary>
    /// <remarks>An <c>info</c> named <c>Opened</c> is the client's own: there is no place to resume from, so the stream begins with what happens next.</remarks>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="MlsClientException">The service refuses the account.</exception>
    public async IAsyncEnumerable<SubscribeConvoEventsEvent> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellation = default
    )
    {
        int failures = 0;
        while (true)
        {
            string? cursor = await _options.Store.ReadAsync("events/cursor", cancellation).ConfigureAwait(false)
                is { } saved
                ? Encoding.ASCII.GetString(saved)
                : null;
            using var socket = await Open(cursor, cancellation).ConfigureAwait(false);
            if (socket is not null && cursor is null)
                yield return new SubscribeConvoEventsInfo { Name = "Opened" };
            while (socket is not null && await Receive(socket, cancellation).ConfigureAwait(false) is { } message)
            {
                failures = 0;
                if (message.Event is not { } one)
                    continue;
                yield return one;
                if (SeqOf(one) is { } seq)
                    await _options
                        .Store.WriteAsync(
                            cancellation,
                            new KeyValuePair<string, byte[]?>(
                                "events/cursor",
                                Encoding.ASCII.GetBytes(seq.ToString(CultureInfo.InvariantCulture))
                            )
                        )
                        .ConfigureAwait(false);
            }
            await Task.Delay(Backoff(failures++), _options.Clock, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<SyncResult?> Take(SubscribeConvoEventsEvent one, CancellationToken cancellation)
    {
        switch (one)
        {
            case SubscribeConvoEventsMessage message:
                return await Take(message.ConvoId, message.Message, cancellation).ConfigureAwait(false);
            case SubscribeConvoEventsProposal proposal:
                return await Take(proposal.ConvoId, proposal.Message, cancellation).ConfigureAwait(false);
            case SubscribeConvoEventsCommit { Commit: var commit } made:
                return await Take(
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
                await LetOthersFirst(cancellation).ConfigureAwait(false);
                await _conversations.AnswerRejoinRequestsAsync(asked.ConvoId, cancellation).ConfigureAwait(false);
                return null;
            case SubscribeConvoEventsDeviceApproved approved
                when (approved.Did, approved.DeviceId) == (_options.Did, _options.DeviceId):
                return await _conversations.JoinApprovedAsync(approved.ConvoId, cancellation).ConfigureAwait(false);
            case SubscribeConvoEventsRemovalRequested asked:
                await LetOthersFirst(cancellation).ConfigureAwait(false);
                await _conversations.RemoveGoneAsync(asked.ConvoId, cancellation).ConfigureAwait(false);
                return null;
            default:
                return null;
        }
    }

    /// <summary>All members hear of it at once, and one answer is enough: each waits a random while, after which it may be done.</summary>
    private Task LetOthersFirst(CancellationToken cancellation) =>
        Task.Delay(ConversationManager.Jitter(6), _options.Clock, cancellation);

    private async Task<SyncResult?> Take(string conversationId, MessageView entry, CancellationToken cancellation)
    {
        if (await _conversations.HasTakenAsync(conversationId, entry.Seq, cancellation).ConfigureAwait(false))
            return null;
        // The next entry of the log needs no question; a gap is filled from the log.
        return await _conversations.TakeAsync(conversationId, entry, cancellation).ConfigureAwait(false)
            ?? await _conversations.SyncAsync(conversationId, cancellation).ConfigureAwait(false);
    }

    /// <returns>Null where it could not be opened now.</returns>
    private async Task<ClientWebSocket?> Open(string? cursor, CancellationToken cancellation)
    {
        var socket = new ClientWebSocket();
        // On a connection that has frozen nothing ever arrives: a ping that nobody answers ends it.
        (socket.Options.KeepAliveInterval, socket.Options.KeepAliveTimeout) = (s_silence, s_silence);
        try
        {
            var ticket = await _service.Call(Lexicons.GetSubscriptionTicket, new(), cancellation).ConfigureAwait(false);
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

    private sealed record Message(SubscribeConvoEventsEvent? Event);

    /// <returns>Null at the end of the connection; a message without an event for a kind that this version does not know.</returns>
    private async Task<Message?> Receive(ClientWebSocket socket, CancellationToken cancellation)
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
            // The service's log is another than the one that the place was in.
            await _options
                .Store.WriteAsync(cancellation, new KeyValuePair<string, byte[]?>("events/cursor", null))
                .ConfigureAwait(false);
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
