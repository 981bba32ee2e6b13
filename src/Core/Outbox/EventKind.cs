namespace MlsConsole.Core.Outbox;

/// <summary>What an event tells. The numbers are stored in the database and never change.</summary>
public enum EventKind
{
    Commit = 1,
    Proposal = 2,
    Message = 3,
    Welcome = 4,
    Membership = 5,
    GroupInfoRefreshRequested = 6,
    RejoinRequested = 7,
    NewDevice = 8,
    EpochAcknowledged = 9,
    RemovalRequested = 10,

    /// <summary>For the hosts alone, no subscriber gets it: the open subscriptions of the account end.</summary>
    SubscriptionsEnded = 11,
    DeviceApproved = 12,
    DeviceApprovalSet = 13,
}
