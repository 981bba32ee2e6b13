namespace MlsConsole.Clients;

/// <summary>How a device came (back) into a conversation.</summary>
public enum RejoinWay
{
    /// <summary>A Welcome was waiting.</summary>
    Welcome,

    /// <summary>By an external commit of its own.</summary>
    ExternalCommit,

    /// <summary>By a member who was asked to add it again.</summary>
    Legacy,
}

/// <summary>What came of a rejoin.</summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Way">The way that was taken.</param>
/// <param name="Joined">Always true, but for the legacy way, in which a Welcome may come later, and for a device that awaits approval.</param>
/// <param name="Epoch">The epoch that the device is in.</param>
/// <param name="Attempts">External commits that were tried.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Waited">The part of it in which the device waited for its turn.</param>
/// <param name="AwaitsApproval">Whether another device of the account has to approve this one first (<see cref="ConversationManager.ApproveDeviceAsync"/>), with its <see cref="ConversationManager.SignatureKeyAsync"/>.</param>
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
/// <param name="Failure">Why it did not.</param>
public sealed record Recovery(string ConversationId, RejoinResult? Rejoin, MlsClientException? Failure);

/// <summary>An application message.</summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Seq">Its place in the conversation's log.</param>
/// <param name="Epoch">The epoch that it was sent in.</param>
/// <param name="Sender">The sender's credential identity, <c>did#deviceId</c> in UTF-8; null for a late message of an epoch that ended before this process began.</param>
/// <param name="Data">What was sent.</param>
/// <param name="SentAt">When the service received it.</param>
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
/// <param name="Messages">Messages of others, in the service's order.</param>
/// <param name="Commits">Commits that were followed.</param>
/// <param name="Unreadable">Messages that cannot be opened: of epochs before the device joined, for the most part.</param>
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

/// <summary>What the service recorded.</summary>
/// <param name="Epoch">The epoch that a commit created, or that a message was sent in.</param>
/// <param name="Seq">Its place in the conversation's log.</param>
public sealed record Recorded(ulong Epoch, long Seq);

/// <summary>A conversation as the device has it.</summary>
/// <param name="Epoch">The epoch that it is in.</param>
/// <param name="Members">Credential identities by leaf.</param>
/// <param name="EpochAuthenticator">To be compared with other members' (RFC 9420 §8.7), never published.</param>
/// <param name="Seq">The last entry of the service's log that was taken.</param>
public sealed record ConversationView(
    ulong Epoch,
    IReadOnlyList<ReadOnlyMemory<byte>> Members,
    byte[] EpochAuthenticator,
    long Seq
);
