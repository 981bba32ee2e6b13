using System.Net.WebSockets;
using MlsConsole.Core;
using MlsConsole.Core.Events;
using MlsConsole.Core.Outbox;

namespace MlsConsole.Host.Live;

/// <summary>
/// One open subscription. It sends the events that its account may have, from its cursor on, until one side closes.
/// </summary>
/// <remarks>
/// A subscription reads at its own pace and nothing is queued for it, so a slow one costs no memory. A subscription
/// that falls too far behind is dropped.
/// </remarks>
/// <param name="range">
/// The range of the stream, read before the account's ticket was read: an event after it that ends the account's
/// subscriptions ends this one too.
/// </param>
internal sealed class Subscriber(
    WebSocket socket,
    string did,
    EventStream stream,
    EventReader reader,
    EventRange range,
    int maxLag
)
{
    /// <summary>The time within which the client must take a frame; after it the connection is given up.</summary>
    private static readonly TimeSpan s_sendLimit = TimeSpan.FromSeconds(30);

    /// <summary>Sends until the connection ends.</summary>
    /// <param name="from">The last event that the client has; null for what happens from now on.</param>
    /// <param name="opened">Called when the cursor has been checked.</param>
    /// <param name="cancellation">The end of the connection.</param>
    /// <exception cref="StreamRefusal">
    /// The cursor is ahead of the stream, the client cannot keep up, or the account is banned.
    /// </exception>
    public async Task RunAsync(long? from, Action opened, CancellationToken cancellation)
    {
        long cursor = from ?? range.Head;
        if (cursor > range.Head)
            throw new StreamRefusal(StreamRefusal.FutureCursor, "The cursor is ahead of the last event.");
        opened();
        if (cursor + 1 < range.Oldest)
        {
            await SendAsync(
                EventFrames.Info(
                    "OutdatedCursor",
                    "Events after the cursor are no longer kept; "
                        + "getMessages and getCommits have what conversations keep."
                ),
                cancellation
            );
            cursor = range.Oldest - 1;
        }
        // A subscription that resumes may be any number of events behind. Once it has caught up, it may not fall back
        // as far.
        bool caughtUp = false;
        while (true)
        {
            Task changed = stream.Changed;
            if (cursor >= stream.Head)
            {
                caughtUp = true;
                await changed.WaitAsync(cancellation);
            }
            else
            {
                long before = stream.Head - cursor;
                cursor =
                    stream.After(cursor) is { } recent && stream.IsFresh(recent[0])
                        ? await SendRecentAsync(recent, cursor, cancellation)
                        : await SendPageAsync(cursor, cancellation);
                // Many events may come at once. A client is too slow only if it takes them more slowly than they come.
                long behind = stream.Head - cursor;
                if (caughtUp && behind > maxLag && behind >= before)
                    throw new StreamRefusal(StreamRefusal.ConsumerTooSlow, "The connection could not keep up.");
            }
        }
    }

    private async Task<long> SendRecentAsync(
        IReadOnlyList<StreamedEvent> recent,
        long cursor,
        CancellationToken cancellation
    )
    {
        foreach (var one in recent)
        {
            // The roster's answer is too old by now. The next page is read with a new answer.
            if (!stream.IsFresh(one))
                return cursor;
            RequireOpen(one.Seq, one.Kind, one.Members.Contains(did));
            if (one.Frame is not null && one.Members.Contains(did))
                await SendAsync(one.Frame, cancellation);
            cursor = one.Seq;
        }
        return cursor;
    }

    private async Task<long> SendPageAsync(long cursor, CancellationToken cancellation)
    {
        var page = await reader.ReadForAsync(did, cursor, cancellation);
        foreach (var one in page.Events)
        {
            RequireOpen(one.Seq, one.Kind, isFor: true);
            if (EventFrames.Of(one) is { } frame)
                await SendAsync(frame, cancellation);
        }
        return page.Last;
    }

    private void RequireOpen(long seq, EventKind kind, bool isFor)
    {
        if (isFor && kind == EventKind.SubscriptionsEnded && seq > range.Head)
            throw new StreamRefusal(
                nameof(Refusal.Unauthorized),
                "The account is banned from the service or from a conversation."
            );
    }

    private async Task SendAsync(byte[] frame, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_sendLimit);
        await socket.SendAsync(frame, WebSocketMessageType.Binary, endOfMessage: true, limit.Token);
    }
}

/// <summary>Ends a subscription with an error frame.</summary>
internal sealed class StreamRefusal(string error, string message) : Exception(message)
{
    /// <summary>The error names of subscribeConvoEvents for streams.</summary>
    public const string FutureCursor = "FutureCursor",
        ConsumerTooSlow = "ConsumerTooSlow";

    public string Error { get; } = error;
}
