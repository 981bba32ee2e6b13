namespace MlsConsole.Clients;

/// <summary>How a device came (back) into a conversation.</summary>
public enum RejoinWay
{
    /// <summary>A Welcome was waiting.</summary>
    Welcome,

    /// <summary>By an external commit of the device itself.</summary>
    ExternalCommit,

    /// <summary>By a member who was asked to add the device again.</summary>
    Legacy,
}

/// <summary>What came of a rejoin.</summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Way">The way that was taken.</param>
/// <param name="Joined">
/// Whether the device is in the group. False only on the legacy way, where a Welcome may come later, and for a device
/// that awaits approval.
/// </param>
/// <param name="Epoch">The epoch that the device is in; 0 where it has not joined.</param>
/// <param name="Attempts">External commits that were tried.</param>
/// <param name="Elapsed">How long the rejoin took.</param>
/// <param name="Waited">
/// The part of <paramref name="Elapsed"/> in which the device waited between external commits.
/// </param>
/// <param name="AwaitsApproval">
/// Whether another device of the account has to approve this device first, by its
/// <see cref="ConversationManager.SignatureKeyAsync"/> (<see cref="ConversationManager.ApproveDeviceAsync"/>).
/// </param>
public sealed record RejoinResult(
    string ConversationId,
    RejoinWay Way,
    bool Joined,
    ulong Epoch,
    int Attempts,
    TimeSpan Elapsed,
    TimeSpan Waited,
    bool AwaitsApproval = false
);

/// <summary>What came of one conversation whose state was lost.</summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Rejoin">The rejoin, if it succeeded.</param>
/// <param name="Failure">Why the rejoin did not succeed, where it did not.</param>
public sealed record Recovery(string ConversationId, RejoinResult? Rejoin, MlsClientException? Failure);

/// <summary>An application message.</summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Seq">The message's place in the conversation's log.</param>
/// <param name="Epoch">The epoch that the message was sent in.</param>
/// <param name="Sender">
/// The sender's credential identity, <c>did#deviceId</c> in UTF-8; null for a late message of an epoch that ended
/// before this process began.
/// </param>
/// <param name="Data">The content.</param>
/// <param name="SentAt">When the service received the message.</param>
public sealed record IncomingMessage(
    string ConversationId,
    long Seq,
    ulong Epoch,
    ReadOnlyMemory<byte>? Sender,
    byte[] Data,
    DateTimeOffset SentAt
);

/// <summary>What a synchronisation brought.</summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Epoch">The epoch that the device is in.</param>
/// <param name="Messages">Messages of other devices, in the service's order.</param>
/// <param name="Commits">How many commits were followed.</param>
/// <param name="Unreadable">
/// How many messages cannot be opened: for the most part those of epochs before the device joined.
/// </param>
/// <param name="Removed">Whether the device is no longer a member.</param>
/// <param name="Rejoin">The rejoin, where the device had fallen out of the group.</param>
public sealed record SyncResult(
    string ConversationId,
    ulong Epoch,
    IReadOnlyList<IncomingMessage> Messages,
    int Commits,
    int Unreadable,
    bool Removed,
    RejoinResult? Rejoin
);

/// <summary>A commit or a message that the service has recorded in a conversation's log.</summary>
/// <param name="Epoch">The epoch that the commit created, or that the message was sent in.</param>
/// <param name="Seq">The place in the conversation's log.</param>
public sealed record Recorded(ulong Epoch, long Seq);

/// <summary>A conversation as the device has it.</summary>
/// <param name="Epoch">The epoch that the device is in.</param>
/// <param name="Members">The members' credential identities, in the order of their leaves.</param>
/// <param name="EpochAuthenticator">
/// A value to compare with that of other members (RFC 9420 §8.7). It is never published.
/// </param>
/// <param name="Seq">The place of the last entry of the service's log that the device has taken.</param>
public sealed record ConversationView(
    ulong Epoch,
    IReadOnlyList<ReadOnlyMemory<byte>> Members,
    byte[] EpochAuthenticator,
    long Seq
);
