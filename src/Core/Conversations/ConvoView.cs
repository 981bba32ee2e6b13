namespace MlsConsole.Core.Conversations;

/// <param name="Did">The account.</param>
/// <param name="DeviceId">Its device.</param>
/// <param name="LeafIndex">Where it sits.</param>
/// <param name="IsAdmin">Whether the account is an admin.</param>
/// <param name="RemovalPending">Whether the account is gone and the leaf waits for a member who removes it.</param>
public sealed record Member(string Did, string DeviceId, uint LeafIndex, bool IsAdmin, bool RemovalPending = false);

/// <param name="GroupId">Lower-case hex.</param>
public sealed record ConvoView(
    string ConvoId,
    string GroupId,
    ulong Epoch,
    int CipherSuite,
    IReadOnlyList<Member> Members,
    string? Metadata,
    DateTimeOffset CreatedAt,
    bool RequiresApproval
);
