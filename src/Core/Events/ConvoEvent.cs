using MlsConsole.Core.Outbox;

namespace MlsConsole.Core.Events;

/// <summary>An event on its way to subscribers.</summary>
/// <param name="Seq">Its place in the stream.</param>
/// <param name="Kind">Which of the following are there depends on it.</param>
/// <param name="At">When it happened.</param>
/// <param name="ConvoId">The conversation; null for a device that was enrolled.</param>
/// <param name="Epoch">The epoch that a commit creates, that a message was sent in, that a Welcome leads to, that was acknowledged, or that is the current one.</param>
/// <param name="Did">The account that it is about.</param>
/// <param name="DeviceId">The device that it is about.</param>
/// <param name="Detail">Membership: the change. Welcome and RejoinRequested: their ids. EpochAcknowledged: <c>agreed</c> or <c>disagreed</c>. DeviceApprovalSet: <c>required</c> or <c>notRequired</c>.</param>
/// <param name="Log">Commit, Proposal and Message: the entry of the conversation's log; null if it has been pruned, or was not asked for.</param>
public sealed record ConvoEvent(
    long Seq,
    EventKind Kind,
    DateTimeOffset At,
    string? ConvoId,
    ulong? Epoch,
    string? Did,
    string? DeviceId,
    string? Detail,
    LoggedMessage? Log
);

/// <param name="Seq">Place in the conversation's log.</param>
/// <param name="Epoch">The epoch that a commit creates, or that a message was sent in.</param>
/// <param name="External">For a commit: whether the committer joined by it.</param>
public sealed record LoggedMessage(long Seq, ulong Epoch, byte[] Message, bool External, DateTimeOffset CreatedAt);

/// <param name="Event">An event.</param>
/// <param name="Members">The accounts that may have it at the moment.</param>
public sealed record AddressedEvent(ConvoEvent Event, IReadOnlySet<string> Members);

/// <summary>Some events in order.</summary>
/// <param name="Last">Where the next page starts: everything up to here has been looked at, whether or not it is among the events.</param>
public sealed record EventPage(IReadOnlyList<ConvoEvent> Events, long Last);

/// <summary>How far the stream reaches.</summary>
/// <param name="Oldest">The first event that is kept; Head + 1 if none is.</param>
/// <param name="Head">The last event that has a place; 0 before the first.</param>
public sealed record EventRange(long Oldest, long Head);
