namespace MlsConsole.Core.Conversations;

/// <summary>A leaf of a conversation's group, with the device that it belongs to.</summary>
/// <param name="Did">The DID of the account.</param>
/// <param name="DeviceId">The id of the account's device.</param>
/// <param name="LeafIndex">The index of the device's leaf in the ratchet tree (RFC 9420 §4.1).</param>
/// <param name="IsAdmin">Whether the account is an admin of the conversation.</param>
/// <param name="RemovalPending">
/// Whether the account has left or was banned, so that the leaf waits for its removal (delivery-service §10.1).
/// </param>
public sealed record Member(string Did, string DeviceId, uint LeafIndex, bool IsAdmin, bool RemovalPending = false);

/// <summary>A conversation as members see it.</summary>
/// <param name="ConvoId">The id of the conversation, which the service made.</param>
/// <param name="GroupId">The group id in lower-case hex.</param>
/// <param name="Epoch">The epoch in which the members were read.</param>
/// <param name="CipherSuite">The number of the group's cipher suite (RFC 9420 §17.1).</param>
/// <param name="Members">The leaves of the group, in the order of their indices.</param>
/// <param name="Metadata">What the creator stored with the conversation; null for nothing.</param>
/// <param name="CreatedAt">When the conversation was created.</param>
/// <param name="RequiresApproval">
/// Whether a device that comes in by itself needs the approval of another device of its account (delivery-service
/// §5.3).
/// </param>
public sealed record ConversationDetails(
    string ConvoId,
    string GroupId,
    ulong Epoch,
    int CipherSuite,
    IReadOnlyList<Member> Members,
    string? Metadata,
    DateTimeOffset CreatedAt,
    bool RequiresApproval
);
