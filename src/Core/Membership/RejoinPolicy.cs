namespace MlsConsole.Core;

/// <summary>Why somebody may, or may not, have the GroupInfo and join by external commit. The names are audit reasons and metric labels: never renamed.</summary>
internal enum RejoinReason
{
    /// <summary>In the roster, with an enrolled device.</summary>
    Member,
    /// <summary>Another account removed them.</summary>
    Removed,
    /// <summary>Not in the roster, or no such conversation.</summary>
    NotMember,
    /// <summary>In the roster, but no device is enrolled.</summary>
    NoDevice,
}

/// <summary>Who may rejoin: values in, decision out.</summary>
internal static class RejoinPolicy
{
    /// <param name="state">The account's state in the roster; null if it is not there or the conversation does not exist.</param>
    /// <param name="hasDevice">Whether the account has an enrolled device.</param>
    public static RejoinReason Decide(RosterState? state, bool hasDevice) => (state, hasDevice) switch
    {
        (null, _) => RejoinReason.NotMember,
        (RosterState.Removed, _) => RejoinReason.Removed,
        (RosterState.Member, false) => RejoinReason.NoDevice,
        (RosterState.Member, true) => RejoinReason.Member,
        _ => throw new InvalidOperationException($"Unknown roster state {state}."),
    };
}
