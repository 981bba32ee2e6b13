using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Outbox;

/// <summary>
/// How an account's standing in a conversation changed. The lexicon uses the same names in lower case.
/// </summary>
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

/// <summary>Whom an event is for. The numbers are stored in the database and never change.</summary>
internal enum EventAudience
{
    /// <summary>The members of the conversation.</summary>
    Members = 1,

    /// <summary>
    /// The account that the event is about. If the event is of a conversation, the account gets it only while it is a
    /// member of that conversation.
    /// </summary>
    Account = 2,

    /// <summary>The members of every conversation of the account that the event is about.</summary>
    Contacts = 3,
}

/// <summary>
/// A row of the table <c>outbox</c>: an event, written in the transaction of what the event tells. A commit, proposal
/// or message is not copied into the event, but named by its place in the conversation's log.
/// </summary>
internal sealed class OutboxEvent
{
    public long Id { get; init; }

    /// <summary>
    /// The event's place in the stream of events. Places have no gaps and are given after the commit of the event's
    /// transaction, by <c>EventRelay</c>; until then the place is null.
    /// </summary>
    public long? Seq { get; init; }
    public EventKind Kind { get; init; }
    public EventAudience Audience { get; init; }
    public string? ConvoId { get; init; }

    /// <summary>
    /// The sequence number of the entry of the conversation's log that the event tells; null for an event that tells no
    /// entry.
    /// </summary>
    public long? LogSeq { get; init; }
    public long? Epoch { get; init; }

    /// <summary>The account that the event is about; null where <see cref="Kind"/> needs none.</summary>
    public string? Did { get; init; }
    public string? DeviceId { get; init; }

    /// <summary>
    /// What else the event tells, by its kind: the id of a Welcome or of a rejoin request, a change of membership,
    /// <c>agreed</c> or <c>disagreed</c>, <c>required</c> or <c>notRequired</c>.
    /// </summary>
    public string? Detail { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>A commit, a proposal or a message was appended to the log.</summary>
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

    /// <summary>
    /// An account is gone, but its leaves are still in the tree: the members are asked to remove the leaves.
    /// </summary>
    public static OutboxEvent RemovalRequested(string convoId, string did, long epoch, DateTimeOffset now) =>
        New(EventKind.RemovalRequested, EventAudience.Members, convoId, did, null, epoch, null, now);

    /// <summary>The account was banned: each host closes the event streams that the account has open there.</summary>
    public static OutboxEvent SubscriptionsEnded(string did, DateTimeOffset now) =>
        New(EventKind.SubscriptionsEnded, EventAudience.Account, null, did, null, null, null, now);

    /// <summary>A device asks the members to add it again.</summary>
    public static OutboxEvent RejoinRequested(
        string convoId,
        string did,
        string deviceId,
        string requestId,
        DateTimeOffset now
    ) => New(EventKind.RejoinRequested, EventAudience.Members, convoId, did, deviceId, null, requestId, now);

    /// <summary>
    /// An account enrolled a device, or a key for a device: the members of all conversations of the account are told.
    /// </summary>
    public static OutboxEvent NewDevice(string did, string deviceId, DateTimeOffset now) =>
        New(EventKind.NewDevice, EventAudience.Contacts, null, did, deviceId, null, null, now);

    /// <summary>
    /// A device came into a conversation in which it had no leaf, or had a leaf with another signature key.
    /// </summary>
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
            // This is the only index besides the primary key, because every commit writes into this table. The rows
            // without a place, which wait for the relay, are found by this index too.
            builder.HasIndex(row => row.Seq).IsUnique();
        }
    }
}
