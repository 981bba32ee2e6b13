using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Membership;

/// <summary>
/// Why an account may, or may not, have the GroupInfo and join by an external commit. The names are reasons in the
/// audit log and labels of metrics, so they are never renamed.
/// </summary>
internal enum RejoinReason
{
    /// <summary>A member, one of whose devices has a leaf. The device may have lost its state.</summary>
    MemberWithLeaf,

    /// <summary>A member none of whose devices has a leaf.</summary>
    MemberWithoutLeaf,

    /// <summary>The account left by its own will, not longer ago than the grace period.</summary>
    Left,

    /// <summary>The account left by its own will, longer ago than the grace period.</summary>
    MembershipExpired,

    /// <summary>Another account removed this account.</summary>
    Removed,

    /// <summary>The account is banned from the conversation or from the service.</summary>
    Banned,

    /// <summary>The account was never in the roster, or there is no such conversation.</summary>
    NotMember,

    /// <summary>The account would be let in, but has no enrolled device.</summary>
    NoDevice,

    /// <summary>
    /// The account may come in, but not with this device before another device of the account has approved it: the
    /// conversation requires approvals.
    /// </summary>
    DeviceNotApproved,
}

/// <summary>How an account stands to a conversation, as far as the policy asks.</summary>
/// <param name="State">
/// The account's state in the roster; null if it is not in the roster or the conversation does not exist.
/// </param>
/// <param name="EndedAt">When the account left or was removed; null if neither.</param>
/// <param name="HasLeaf">Whether an enrolled device of the account has a leaf.</param>
/// <param name="HasDevice">Whether the account has an enrolled device.</param>
/// <param name="IsBanned">Whether the account is banned from the conversation or from the service.</param>
/// <param name="LacksApproval">
/// Whether the conversation requires an approval of the device that comes in, and the device has none.
/// </param>
internal sealed record Standing(
    RosterState? State,
    DateTimeOffset? EndedAt,
    bool HasLeaf,
    bool HasDevice,
    bool IsBanned,
    bool LacksApproval = false
);

/// <summary>Who may rejoin (delivery-service §5.1), as a pure function: values in, decision out.</summary>
internal static class RejoinPolicy
{
    /// <param name="standing">How the account stands to the conversation.</param>
    /// <param name="now">The current time.</param>
    /// <param name="grace">How long after it left an account may come back by itself.</param>
    public static RejoinReason Decide(Standing standing, DateTimeOffset now, TimeSpan grace) =>
        standing switch
        {
            { IsBanned: true } => RejoinReason.Banned,
            { State: null } => RejoinReason.NotMember,
            { State: RosterState.Removed } => RejoinReason.Removed,
            { State: RosterState.Left, EndedAt: var left } when now - left > grace => RejoinReason.MembershipExpired,
            { HasDevice: false } => RejoinReason.NoDevice,
            { LacksApproval: true } => RejoinReason.DeviceNotApproved,
            { State: RosterState.Left } => RejoinReason.Left,
            { State: RosterState.Member, HasLeaf: true } => RejoinReason.MemberWithLeaf,
            { State: RosterState.Member } => RejoinReason.MemberWithoutLeaf,
            _ => throw new InvalidOperationException($"Unknown roster state {standing.State}."),
        };

    /// <summary>Whether the account may join for this reason.</summary>
    public static bool Allows(RejoinReason reason) => reason == RejoinReason.Left || IsMember(reason);

    /// <summary>Whether the account is a member at the moment, and so may read and commit.</summary>
    public static bool IsMember(RejoinReason reason) =>
        reason is RejoinReason.MemberWithLeaf or RejoinReason.MemberWithoutLeaf;
}
