using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Outbox;

/// <summary>How an account's standing in a conversation changed. The names in lower case are the wire's.</summary>
internal enum MembershipChange
{
    Joined,
    Left,
    Removed,
    Banned,
    Unbanned,
    Promoted,
    Demoted,
}

/// <summary>Whom an event is for. The numbers are stored: never changed.</summary>
internal enum EventAudience
{
    /// <summary>The members of the conversation.</summary>
    Members = 1,

    /// <summary>The account that the event is about, as a member of the conversation if it is of one.</summary>
    Account = 2,

    /// <summary>The members of every conversation of the account that the event is about.</summary>
    Contacts = 3,
}

/// <summary>An event that waits to be told, written in the transaction of what it tells. Commits, proposals and messages are named by their place in the log, not copied.</summary>
internal sealed class OutboxEvent
{
    public long Id { get; init; }

    /// <summary>Its place in the stream, without gaps, in the order of commits; null until the relay has given it one.</summary>
    public long? Seq { get; init; }
    public EventKind Kind { get; init; }
    public EventAudience Audience { get; init; }
    public string? ConvoId { get; init; }

    /// <summary>The entry of the conversation's log that it tells.</summary>
    public long? LogSeq { get; init; }
    public long? Epoch { get; init; }

    /// <summary>The account that it is about.</summary>
    public string? Did { get; init; }
    public string? DeviceId { get; init; }

    /// <summary>What is left: an id, a change, a yes or no.</summary>
    public string? Detail { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>A commit, a proposal or a message came into the log.</summary>
    public static OutboxEvent Of(LogEntry entry) =>
        new()
        {
            Kind = entry.Kind switch
            {
                LogKind.Commit => EventKind.Commit,
                LogKind.Proposal => EventKind.Proposal,
                _ => EventKind.Message,
            },
            Audience = EventAudience.Members,
            ConvoId = entry.ConvoId,
            LogSeq = entry.Seq,
            Epoch = entry.Epoch,
            CreatedAt = entry.CreatedAt,
        };

    /// <summary>A Welcome waits for a device.</summary>
    public static OutboxEvent Welcome(WelcomeRecipient recipient, Device device) =>
        New(
            EventKind.Welcome,
            EventAudience.Account,
            recipient.ConvoId,
            device.Did,
            device.DeviceId,
            recipient.Epoch,
            recipient.Id,
            recipient.CreatedAt
        );

    /// <summary>An account's standing in a conversation changed.</summary>
    public static OutboxEvent Membership(string convoId, string did, MembershipChange change, DateTimeOffset now) =>
        New(
            EventKind.Membership,
            EventAudience.Members,
            convoId,
            did,
            null,
            null,
            change.ToString().ToLowerInvariant(),
            now
        );

    /// <summary>Somebody asks the members to publish the GroupInfo of the current epoch again.</summary>
    public static OutboxEvent GroupInfoRefreshRequested(string convoId, long epoch, DateTimeOffset now) =>
        New(EventKind.GroupInfoRefreshRequested, EventAudience.Members, convoId, null, null, epoch, null, now);

    /// <summary>The leaves of an account that is gone are still in the tree: a member should remove them.</summary>
    public static OutboxEvent RemovalRequested(string convoId, string did, long epoch, DateTimeOffset now) =>
        New(EventKind.RemovalRequested, EventAudience.Members, convoId, did, null, epoch, null, now);

    /// <summary>The account was banned: what it has open is closed, on whichever host.</summary>
    public static OutboxEvent SubscriptionsEnded(string did, DateTimeOffset now) =>
        New(EventKind.SubscriptionsEnded, EventAudience.Account, null, did, null, null, null, now);

    /// <summary>A device asks to be added again.</summary>
    public static OutboxEvent RejoinRequested(
        string convoId,
        string did,
        string deviceId,
        string requestId,
        DateTimeOffset now
    ) => New(EventKind.RejoinRequested, EventAudience.Members, convoId, did, deviceId, null, requestId, now);

    /// <summary>An account enrolled a device or a key for it: told in every conversation of the account.</summary>
    public static OutboxEvent NewDevice(string did, string deviceId, DateTimeOffset now) =>
        New(EventKind.NewDevice, EventAudience.Contacts, null, did, deviceId, null, null, now);

    /// <summary>A device came into a conversation in which it was not, or not with that key.</summary>
    public static OutboxEvent NewDevice(string convoId, string did, string deviceId, DateTimeOffset now) =>
        New(EventKind.NewDevice, EventAudience.Members, convoId, did, deviceId, null, null, now);

    /// <summary>A device was approved by another one of its account.</summary>
    public static OutboxEvent DeviceApproved(string convoId, string did, string deviceId, DateTimeOffset now) =>
        New(EventKind.DeviceApproved, EventAudience.Members, convoId, did, deviceId, null, null, now);

    /// <summary>An admin changed whether the conversation requires approval of new devices.</summary>
    public static OutboxEvent DeviceApprovalSet(string convoId, string did, bool required, DateTimeOffset now) =>
        New(
            EventKind.DeviceApprovalSet,
            EventAudience.Members,
            convoId,
            did,
            null,
            null,
            required ? "required" : "notRequired",
            now
        );

    /// <summary>A device acknowledged an epoch.</summary>
    public static OutboxEvent EpochAcknowledged(
        string convoId,
        string did,
        string deviceId,
        long epoch,
        bool agreed,
        DateTimeOffset now
    ) =>
        New(
            EventKind.EpochAcknowledged,
            EventAudience.Members,
            convoId,
            did,
            deviceId,
            epoch,
            agreed ? "agreed" : "disagreed",
            now
        );

    private static OutboxEvent New(
        EventKind kind,
        EventAudience audience,
        string? convoId,
        string? did,
        string? deviceId,
        long? epoch,
        string? detail,
        DateTimeOffset now
    ) =>
        new()
        {
            Kind = kind,
            Audience = audience,
            ConvoId = convoId,
            Did = did,
            DeviceId = deviceId,
            Epoch = epoch,
            Detail = detail,
            CreatedAt = now,
        };

    internal sealed class Table : IEntityTypeConfiguration<OutboxEvent>
    {
        public void Configure(EntityTypeBuilder<OutboxEvent> builder)
        {
            builder.ToTable("outbox");
            builder.HasKey(row => row.Id);
            // The only index: every commit writes here. It has the rows that wait for a place too, those without one.
            builder.HasIndex(row => row.Seq).IsUnique();
        }
    }
}
