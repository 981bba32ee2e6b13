namespace MlsConsole.Clients;

/// <summary>Names of the service's errors that the client reacts to; their meaning stands in the lexicons.</summary>
internal static class ServiceErrors
{
    public const string DeviceNotApproved = "DeviceNotApproved";
    public const string EpochMismatch = "EpochMismatch";
    public const string ExternalCommitsDisabled = "ExternalCommitsDisabled";
    public const string GhostLeaf = "GhostLeaf";
    public const string GroupInfoUnavailable = "GroupInfoUnavailable";
    public const string InvalidCommit = "InvalidCommit";
    public const string InvalidGroupInfo = "InvalidGroupInfo";
    public const string LastMember = "LastMember";
    public const string LeavePending = "LeavePending";
    public const string NotAdmin = "NotAdmin";
    public const string RateLimitExceeded = "RateLimitExceeded";
    public const string TooManyMembers = "TooManyMembers";
    public const string TurnPending = "TurnPending";
    public const string Unauthorized = "Unauthorized";
}
