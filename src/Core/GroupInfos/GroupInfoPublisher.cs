using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Forks;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.GroupInfos;

/// <summary>A GroupInfo that a member publishes in the place of the stored one.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="GroupInfo">
/// The GroupInfo of the current epoch, as an MLSMessage or bare (RFC 9420 §12.4.3).
/// </param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record UpdateGroupInfoRequest(string ConvoId, ReadOnlyMemory<byte> GroupInfo, string? IdempotencyKey);

/// <summary>The answer to a GroupInfo that was stored.</summary>
/// <param name="Epoch">The epoch of the GroupInfo, which is the current one.</param>
/// <param name="UpdatedAt">When the GroupInfo was stored.</param>
public sealed record UpdateGroupInfoResult(ulong Epoch, DateTimeOffset UpdatedAt);

/// <summary>The answer to the wish for a fresh GroupInfo.</summary>
/// <param name="Requested">
/// Whether the members were asked; false if they were asked less than
/// <see cref="GroupInfoPublisher.RefreshInterval"/> ago.
/// </param>
/// <param name="ActiveMembers">
/// The number of other accounts that have a leaf in the conversation, so that they can publish a GroupInfo.
/// </param>
public sealed record GroupInfoRefreshResult(bool Requested, int ActiveMembers);

/// <summary>
/// Takes GroupInfos that members publish within an epoch, and asks the members to publish one (delivery-service §3).
/// </summary>
public sealed class GroupInfoPublisher
{
    /// <summary>
    /// The audit reason and metric label of a GroupInfo that is refused because it is a sign of a suspected fork.
    /// </summary>
    public static string SuspectedFork => DeliveryRules.ExternalPubChanged.Id;

    /// <summary>
    /// The shortest time between two moments at which the members of a conversation are asked for a GroupInfo, whoever
    /// wants it.
    /// </summary>
    public static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(1);

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly SuspectedForks _forks;
    private readonly TimeProvider _clock;

    internal GroupInfoPublisher(
        CallRunner calls,
        Database database,
        PublicGroups groups,
        SuspectedForks forks,
        TimeProvider clock
    ) => (_calls, _database, _groups, _forks, _clock) = (calls, database, groups, forks, clock);

    /// <summary>
    /// Stores a GroupInfo of the current epoch, signed by a leaf of the caller, in the place of the stored one.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller is no member. EpochMismatch: the GroupInfo is of another epoch. InvalidGroupInfo: the
    /// GroupInfo breaks a rule, or has another external_pub than the stored one, which is recorded as a suspected fork.
    /// </exception>
    public Task<UpdateGroupInfoResult> UpdateGroupInfoAsync(
        Caller caller,
        UpdateGroupInfoRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.UpdateGroupInfo,
            input.ConvoId,
            input.IdempotencyKey,
            input.ConvoId,
            input.GroupInfo
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var group = await _groups.GetAsync(access.Conversation, cancellation);
                var groupInfo = Verify(input.GroupInfo, group);
                await RequireSignedByAsync(context, caller, group, groupInfo, cancellation);
                await RequireSameExternalPubAsync(context, access.Conversation, groupInfo, cancellation);
                byte[] message = MlsMessage.Of(groupInfo).Encode();
                return Changes.InTransaction(write => StoreAsync(write, access.Conversation, message));
            },
            cancellation
        );
    }

    /// <summary>Refuses a GroupInfo that is not signed by a leaf of the caller.</summary>
    private static async Task RequireSignedByAsync(
        MlsDbContext context,
        Caller caller,
        PublicGroup group,
        UnverifiedGroupInfo groupInfo,
        CancellationToken cancellation
    )
    {
        var signer = group.Leaf(groupInfo.Signer)!;
        var owners = await LeafOwners.FindAsync(context, [signer], cancellation);
        if (owners.DeviceOf(signer)?.Did != caller.Did.Value)
            throw Refusal.InvalidGroupInfo(DeliveryRules.GroupInfoSigner.Id).AsException();
    }

    /// <summary>
    /// Refuses a GroupInfo with another external_pub than the stored one, and records it as a suspected fork. The key
    /// is derived from the epoch's secrets (RFC 9420 §8), so a member who has another key is in another group.
    /// </summary>
    /// <remarks>
    /// If the epoch has ended meanwhile, no GroupInfo is found for it and nothing is compared here; then
    /// <see cref="StoreAsync"/> finds that the epoch is over.
    /// </remarks>
    private async Task RequireSameExternalPubAsync(
        MlsDbContext context,
        Conversation conversation,
        UnverifiedGroupInfo groupInfo,
        CancellationToken cancellation
    )
    {
        byte[]? stored = await StoredGroupInfo.FindAsync(context, conversation.Id, conversation.Epoch, cancellation);
        if (stored is null || ExternalPub(groupInfo).SequenceEqual(ExternalPub(UnverifiedGroupInfo.Decode(stored))))
            return;
        await _forks.RecordExternalPubAsync(conversation.Id, conversation.Epoch, cancellation);
        throw Refusal.InvalidGroupInfo(DeliveryRules.ExternalPubChanged.Id).AsException();
    }

    /// <summary>Stores the GroupInfo, if the conversation is still in the epoch in which it was read.</summary>
    private async Task<CallResult<UpdateGroupInfoResult>> StoreAsync(
        MlsDbContext write,
        Conversation conversation,
        byte[] message
    )
    {
        var now = _clock.GetUtcNow();
        string id = conversation.Id;
        long epoch = conversation.Epoch,
            at = now.ToUnixTimeMilliseconds();
        int updated = await write.Database.ExecuteSqlAsync(
            $"""
            UPDATE conversations SET group_info = {message}, group_info_updated_at = {at}
            WHERE id = {id} AND epoch = {epoch}
            """
        );
        if (updated == 0)
        {
            long current = await write
                .Set<Conversation>()
                .Where(row => row.Id == id)
                .Select(row => row.Epoch)
                .SingleAsync();
            throw Refusal.EpochMismatch((ulong)current, (ulong)epoch).AsException();
        }
        return new CallResult<UpdateGroupInfoResult>(new((ulong)epoch, now));
    }

    /// <summary>
    /// Asks the members for a fresh GroupInfo, unless they were asked less than <see cref="RefreshInterval"/> ago.
    /// </summary>
    /// <exception cref="RefusedException">Unauthorized: the caller is no member of the conversation.</exception>
    public Task<GroupInfoRefreshResult> RequestRefreshAsync(
        Caller caller,
        string convoId,
        string? idempotencyKey,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var call = Call.Procedure(caller, MethodNames.GroupInfoRefresh, convoId, idempotencyKey, convoId);
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, convoId, cancellation);
                int active = await context
                    .Set<Leaf>()
                    .Where(leaf => leaf.ConvoId == convoId)
                    .Join(context.Set<Device>(), leaf => leaf.DeviceRow, device => device.Id, (_, device) => device.Did)
                    .Where(other => other != did)
                    .Distinct()
                    .CountAsync(cancellation);
                return Changes.InTransaction(async write =>
                {
                    var now = _clock.GetUtcNow();
                    long at = now.ToUnixTimeMilliseconds(),
                        before = (now - RefreshInterval).ToUnixTimeMilliseconds();
                    int asked = await write.Database.ExecuteSqlAsync(
                        $"""
                        INSERT INTO group_info_refreshes (convo_id, requested_at) VALUES ({convoId}, {at})
                        ON CONFLICT (convo_id) DO UPDATE SET requested_at = excluded.requested_at
                        WHERE group_info_refreshes.requested_at <= {before}
                        """
                    );
                    if (asked == 1)
                        write.AddEvent(OutboxEvent.GroupInfoRefreshRequested(convoId, access.Conversation.Epoch, now));
                    return new CallResult<GroupInfoRefreshResult>(new(asked == 1, active));
                });
            },
            cancellation
        );
    }

    /// <summary>Verifies a GroupInfo against the group of the current epoch.</summary>
    private static UnverifiedGroupInfo Verify(ReadOnlyMemory<byte> bytes, PublicGroup group)
    {
        try
        {
            var groupInfo = HandshakeMessages.DecodeGroupInfo(bytes);
            if (
                groupInfo.GroupContext.GroupId.Span.SequenceEqual(group.GroupId.Span)
                && groupInfo.GroupContext.Epoch != group.Epoch
            )
                throw Refusal.EpochMismatch(group.Epoch, groupInfo.GroupContext.Epoch).AsException();
            group.VerifyGroupInfo(groupInfo, null);
            return groupInfo;
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidGroupInfo(broken.Rule.Id).AsException();
        }
    }

    private static ReadOnlySpan<byte> ExternalPub(UnverifiedGroupInfo groupInfo) =>
        groupInfo.Extensions.Find(ExtensionType.ExternalPub)!.Value.Span;

    /// <summary>When the members of a conversation were last asked for a GroupInfo.</summary>
    internal sealed class Refresh
    {
        public required string ConvoId { get; init; }
        public DateTimeOffset RequestedAt { get; init; }

        internal sealed class Table : IEntityTypeConfiguration<Refresh>
        {
            public void Configure(EntityTypeBuilder<Refresh> builder)
            {
                builder.ToTable("group_info_refreshes");
                builder.HasKey(row => row.ConvoId);
                builder
                    .HasOne<Conversation>()
                    .WithMany()
                    .HasForeignKey(row => row.ConvoId)
                    .HasConstraintName("fk_group_info_refreshes_conversations_convo_id");
            }
        }
    }
}
