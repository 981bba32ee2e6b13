using MlsConsole.Core.Outbox;

namespace MlsConsole.Core.Events;

/// <summary>An event as subscribers get it.</summary>
/// <param name="Seq">The event's place in the stream, from 1.</param>
/// <param name="Kind">What the event tells. The kind decides which of the following values are there.</param>
/// <param name="At">When what the event tells happened.</param>
/// <param name="ConvoId">
/// The conversation's id; null for a device that was enrolled, and where subscriptions end.
/// </param>
/// <param name="Epoch">
/// The epoch that a commit creates, that a message or proposal was sent in, that a Welcome leads to, or that was
/// acknowledged; for GroupInfoRefreshRequested and RemovalRequested the current epoch. Null for other kinds.
/// </param>
/// <param name="Did">The DID of the account that the event is about; null where the kind needs none.</param>
/// <param name="DeviceId">The id of the device that the event is about; null where the kind needs none.</param>
/// <param name="Detail">
/// Of Membership the change in lower case; of Welcome and RejoinRequested their ids; of EpochAcknowledged <c>agreed</c>
/// or <c>disagreed</c>; of DeviceApprovalSet <c>required</c> or <c>notRequired</c>. Null for other kinds.
/// </param>
/// <param name="Log">
/// Of Commit, Proposal and Message: the entry of the conversation's log. Null for other kinds, if the entry has been
/// pruned, and if log entries were not asked for.
/// </param>
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

/// <summary>An entry of a conversation's log.</summary>
/// <param name="Seq">The entry's sequence number in the conversation's log.</param>
/// <param name="Epoch">The epoch that a commit creates, or in which a proposal or message was sent.</param>
/// <param name="Message">The commit, proposal or message as an MLSMessage.</param>
/// <param name="External">Whether the entry is an external commit, by which the committer joined.</param>
/// <param name="CreatedAt">When the entry was appended to the log.</param>
public sealed record LoggedMessage(long Seq, ulong Epoch, byte[] Message, bool External, DateTimeOffset CreatedAt);

/// <summary>An event, with the accounts that may have it.</summary>
/// <param name="Event">The event.</param>
/// <param name="Members">The DIDs of the accounts that may have the event at the moment.</param>
public sealed record AddressedEvent(ConvoEvent Event, IReadOnlySet<string> Members);

/// <summary>A page of events, in the order of the stream.</summary>
/// <param name="Last">
/// The place after which the next page starts. The stream has been read up to this place, also where the events there
/// are not for the account.
/// </param>
public sealed record EventPage(IReadOnlyList<ConvoEvent> Events, long Last);

/// <summary>The part of the stream of events that is stored.</summary>
/// <param name="Oldest">The place of the first event that is kept; <paramref name="Head"/> + 1 if none is.</param>
/// <param name="Head">The place of the last event that has a place; 0 before the first.</param>
public sealed record EventRange(long Oldest, long Head);
