using System.Diagnostics;
using System.Threading.Channels;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients.Native;

/// <summary>An event as <c>mls_next_event</c> hands it out: <c>mls_event</c> of mls_client.h.</summary>
internal sealed record NativeEvent(EventKind Kind)
{
    public string? Name { get; init; }
    public string? ConversationId { get; init; }
    public long Seq { get; init; }
    public string? Did { get; init; }
    public string? Detail { get; init; }
    public IncomingMessage? Message { get; init; }
    public MlsClientException? Failure { get; init; }
}

/// <summary>The kind of an event: <c>MLS_EVENT_...</c> of mls_client.h.</summary>
internal enum EventKind
{
    Message = 1,
    Changed = 2,
    Removed = 3,
    Rejoined = 4,
    Failed = 5,
}

/// <summary>
/// The messages that wait for the caller, and the stream of events, of which the next event is asked for only when the
/// caller asks.
/// </summary>
internal sealed class EventQueue : IAsyncDisposable
{
    private readonly Channel<NativeEvent> _waiting = Channel.CreateUnbounded<NativeEvent>();
    private readonly SemaphoreSlim _gate = new(1);
    private IAsyncEnumerator<ConversationEvent>? _stream;
    private Task<bool>? _next;

    /// <summary>Adds a message that some call brought.</summary>
    public void Add(IncomingMessage message) =>
        _waiting.Writer.TryWrite(
            new(EventKind.Message)
            {
                Name = "message",
                ConversationId = message.ConversationId,
                Message = message,
            }
        );

    /// <summary>Waits for the next message or event.</summary>
    /// <param name="client">The client whose events are followed.</param>
    /// <param name="timeout">How long to wait; without end where negative.</param>
    /// <param name="cancellation">Ends the waiting and the stream.</param>
    /// <returns>Null where nothing happened in time.</returns>
    public async Task<NativeEvent?> NextAsync(MlsClient client, TimeSpan timeout, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        bool endless = timeout < TimeSpan.Zero;
        if (!await _gate.WaitAsync(endless ? Timeout.InfiniteTimeSpan : timeout, cancellation).ConfigureAwait(false))
            return null;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            if (!endless)
                late.CancelAfter(TimeSpan.FromTicks(Math.Max(0, (timeout - Stopwatch.GetElapsedTime(started)).Ticks)));
            while (true)
            {
                if (_waiting.Reader.TryRead(out var one))
                    return one;
                _stream ??= client.Events.FollowAsync(cancellation).GetAsyncEnumerator(cancellation);
                _next ??= _stream.MoveNextAsync().AsTask();
                var message = _waiting.Reader.WaitToReadAsync(late.Token).AsTask();
                if (await Task.WhenAny(_next, message).ConfigureAwait(false) == _next)
                    await TakeAsync().ConfigureAwait(false);
                else
                    await message.ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && late.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Takes what the stream has brought.</summary>
    private async Task TakeAsync()
    {
        var next = _next!;
        _next = null;
        try
        {
            if (!await next.ConfigureAwait(false))
                throw new UnreachableException("The stream of events ended.");
        }
        catch
        {
            // The next call opens the stream anew, at the same place.
            await CloseStreamAsync().ConfigureAwait(false);
            throw;
        }
        foreach (var one in Of(_stream!.Current))
            _waiting.Writer.TryWrite(one);
    }

    /// <summary>
    /// What the caller is told of an event of the stream. The messages that the event brought are in the queue already,
    /// or were given to <c>on_message</c>.
    /// </summary>
    internal static IEnumerable<NativeEvent> Of(ConversationEvent happened)
    {
        var (name, conversationId, seq, did, detail) = Describe(happened.Event);
        var told = new NativeEvent(EventKind.Changed)
        {
            Name = name,
            ConversationId = happened.Sync?.ConversationId ?? conversationId,
            Seq = seq,
            Did = did,
            Detail = detail,
        };
        if (happened.Failure is { } failure)
            yield return told with
            {
                Kind = EventKind.Failed,
                Failure = failure,
            };
        else if (happened.Event is not SubscribeConvoEventsMessage)
            yield return told;
        if (happened.Sync is { Rejoin.Joined: true })
            yield return told with
            {
                Kind = EventKind.Rejoined,
            };
        if (happened.Sync is { Removed: true })
            yield return told with
            {
                Kind = EventKind.Removed,
            };
    }

    private static (string Name, string? ConversationId, long Seq, string? Did, string? Detail) Describe(
        SubscribeConvoEventsEvent one
    ) =>
        one switch
        {
            SubscribeConvoEventsCommit it => ("commit", it.ConvoId, it.Seq, null, null),
            SubscribeConvoEventsProposal it => ("proposal", it.ConvoId, it.Seq, null, null),
            SubscribeConvoEventsMessage it => ("message", it.ConvoId, it.Seq, null, null),
            SubscribeConvoEventsWelcome it => ("welcome", it.ConvoId, it.Seq, it.Did, it.DeviceId),
            SubscribeConvoEventsMembership it => ("membership", it.ConvoId, it.Seq, it.Did, it.Change),
            SubscribeConvoEventsGroupInfoRefreshRequested it => (
                "groupInfoRefreshRequested",
                it.ConvoId,
                it.Seq,
                null,
                null
            ),
            SubscribeConvoEventsRemovalRequested it => ("removalRequested", it.ConvoId, it.Seq, it.Did, null),
            SubscribeConvoEventsRejoinRequested it => ("rejoinRequested", it.ConvoId, it.Seq, it.Did, null),
            SubscribeConvoEventsNewDevice it => ("newDevice", it.ConvoId, it.Seq, it.Did, it.DeviceId),
            SubscribeConvoEventsDeviceApproved it => ("deviceApproved", it.ConvoId, it.Seq, it.Did, it.DeviceId),
            SubscribeConvoEventsDeviceApprovalSet it => (
                "deviceApprovalSet",
                it.ConvoId,
                it.Seq,
                it.Did,
                it.Required ? "required" : "notRequired"
            ),
            SubscribeConvoEventsEpochAcknowledged it => ("epochAcknowledged", it.ConvoId, it.Seq, null, null),
            SubscribeConvoEventsInfo it => ("info", null, 0, null, it.Name),
            _ => ("other", null, 0, null, null),
        };

    private async ValueTask CloseStreamAsync()
    {
        if (_stream is { } stream)
        {
            _stream = null;
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends the stream, whose cancellation token has been cancelled before.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_next is { } next)
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseStreamAsync().ConfigureAwait(false);
        _gate.Dispose();
    }
}
