using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Membership;

/// <summary>Why somebody may, or may not, have the GroupInfo and join by external commit. The names are audit reasons and metric labels: never renamed.</summary>
internal enum RejoinReason
{
    /// <summary>A member one of whose devices has a leaf: it may have lost its state.</summary>
    MemberWithLeaf,

    /// <summary>A member none of whose devices has a leaf.</summary>
    MemberWithoutLeaf,

    /// <summary>Left by their own will, not longer ago than the grace period.</summary>
    Left,

    /// <summary>Left by their own will, longer ago.</summary>
    MembershipExpired,

    /// <summary>Another account removed them.</summary>
    Removed,

    /// <summary>Banned from the conversation or from the service.</summary>
    Banned,

    /// <summary>Never in the roster, or no such conversation.</summary>
    NotMember,

    /// <summary>Would be let in, but no device is enrolled.</summary>
    NoDevice,

    /// <summary>May come in, but not with this device before another one of the account has approved it: the conversation requires that.</summary>
    DeviceNotApproved,
}

/// <summary>How an account stands to a conversation, as far as the policy asks.</summary>
/// <param name="State">In the roster; null if it is not there or the conversation does not exist.</param>
/// <param name="EndedAt">When it left or was removed.</param>
/// <param name="HasLeaf">Whether one of its devices has a leaf.</param>
/// <param name="HasDevice">Whether it has an enrolled device.</param>
/// <param name="IsBanned">From the conversation or from the service.</param>
/// <param name="LacksApproval">Whether the conversation requires an approval of the device that comes in, and there is none.</param>
internal sealed record Standing(
    RosterState? State,
    DateTimeOffset? EndedAt,
    bool HasLeaf,
    bool HasDevice,
    bool IsBanned,
    bool LacksApproval = false
);

/// <summary>Who may rejoin (delivery-service §5): values in, decision out.</summary>
internal static class RejoinPolicy
{
    /// <param name="standing">The account's.</param>
    /// <param name="now">The time.</param>
    /// <param name="grace">How long after they left they may come back.</param>
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

    /// <summary>Whether the reason is one for a yes.</summary>
    public static bool Allows(RejoinReason reason) => reason == RejoinReason.Left || IsMember(reason);

    /// <summary>Whether the account is a member at the moment, and so may read and commit.</summary>
    public static bool IsMember(RejoinReason reason) =>
        reason is RejoinReason.MemberWithLeaf or RejoinReason.MemberWithoutLeaf;
}
