namespace MlsConsole.Core;

/// <summary>
/// Why something was refused, where no rule id says it: reasons in the audit log and values of metric labels. The list
/// is closed, and no name in it is ever changed.
/// </summary>
public static class RefusalReasons
{
    /// <summary>The account has no such device, or none at all.</summary>
    public const string NoDevice = "NoDevice";

    /// <summary>The device has no leaf in the conversation.</summary>
    public const string NoLeaf = "NoLeaf";

    /// <summary>The account is banned from the conversation or from the service.</summary>
    public const string Banned = "Banned";

    /// <summary>The account has left the conversation.</summary>
    public const string Left = "Left";

    /// <summary>The account left the conversation longer ago than the grace period.</summary>
    public const string MembershipExpired = "MembershipExpired";

    /// <summary>Another account removed this one from the conversation.</summary>
    public const string Removed = "Removed";

    /// <summary>The account was never in the roster of the conversation, or there is no such conversation.</summary>
    public const string NotMember = "NotMember";

    /// <summary>The conversation requires that another device of the account approves this one first.</summary>
    public const string DeviceNotApproved = "DeviceNotApproved";

    /// <summary>The commit or proposal is for an epoch that is over.</summary>
    public const string Stale = "stale";

    /// <summary>The commit or proposal is for an epoch that has not begun.</summary>
    public const string Ahead = "ahead";

    /// <summary>The device joined the conversation by external commit too often in the last hour.</summary>
    public const string AcceptedExternalCommits = "accepted-external-commits";

    /// <summary>External commits of the account were refused too often in the last hour.</summary>
    public const string RefusedExternalCommits = "refused-external-commits";

    /// <summary>The device let too many of its turns to join go by unused.</summary>
    public const string UnusedTurns = "unused-turns";
}
