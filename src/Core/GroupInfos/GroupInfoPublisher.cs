using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Forks;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Idempotency;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.GroupInfos;

public sealed record UpdateGroupInfoInput(string ConvoId, ReadOnlyMemory<byte> GroupInfo, string? IdempotencyKey);

/// <param name="Epoch">The epoch that it is of, the current one.</param>
public sealed record UpdateGroupInfoResult(ulong Epoch, DateTimeOffset UpdatedAt);

/// <param name="Requested">Whether the members were asked; false if they were asked a moment ago.</param>
/// <param name="ActiveMembers">Other accounts that have a leaf, so that they can answer.</param>
public sealed record GroupInfoRefreshResult(bool Requested, int ActiveMembers);

/// <summary>Takes a GroupInfo that a member publishes anew, and asks members for one.</summary>
public sealed class GroupInfoPublisher
{
    /// <summary>The audit reason and metric label of a GroupInfo that shows a suspected fork.</summary>
    public static string SuspectedFork => DeliveryRules.ExternalPubChanged.Id;

    /// <summary>The members of a conversation are asked for a GroupInfo so often and no more, whoever wants it.</summary>
    public static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(1);

    private readonly Attempts _attempts;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly SuspectedForks _forks;
    private readonly TimeProvider _clock;

    internal GroupInfoPublisher(
        Attempts attempts,
        Database database,
        PublicGroups groups,
        SuspectedForks forks,
        TimeProvider clock
    ) => (_attempts, _database, _groups, _forks, _clock) = (attempts, database, groups, forks, clock);

    /// <summary>Puts another GroupInfo of the current epoch, signed by a leaf of the caller, in the place of the stored one.</summary>
    /// <exception cref="RefusedException">Unauthorized, EpochMismatch or InvalidGroupInfo. Another external_pub than the stored one is a suspected fork.</exception>
    public Task<UpdateGroupInfoResult> UpdateGroupInfoAsync(
        Caller caller,
        UpdateGroupInfoInput input,
        CancellationToken cancellation
    )
    {
        var attempt = new Attempt(
            caller,
            "updateGroupInfo",
            input.ConvoId,
            input.IdempotencyKey,
            Attempt.HashOf(Encoding.UTF8.GetBytes(input.ConvoId), input.GroupInfo)
        );
        return _attempts.RunAsync(
            attempt,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var group = await _groups.GetAsync(access.Conversation, cancellation);
                var groupInfo = Verify(input.GroupInfo, group);
                var signer = group.Leaf(groupInfo.Signer)!;
                if ((await LeafOwners.FindAsync(context, [signer], cancellation)).Of(signer)?.Did != caller.Did.Value)
                    throw Refusal.InvalidGroupInfo(DeliveryRules.GroupInfoSigner.Id).AsException();
                // It is derived from the epoch's secrets (§8): members who have another one are in another group. Where the epoch is over, the write below finds that.
                if (
                    await StoredGroupInfo.FindAsync(context, input.ConvoId, access.Conversation.Epoch, cancellation)
                        is { } stored
                    && !ExternalPub(groupInfo).SequenceEqual(ExternalPub(UnverifiedGroupInfo.Decode(stored)))
                )
                {
                    await _forks.RecordExternalPubAsync(
                        access.Conversation.Id,
                        access.Conversation.Epoch,
                        cancellation
                    );
                    throw Refusal.InvalidGroupInfo(DeliveryRules.ExternalPubChanged.Id).AsException();
                }
                var bytes = MlsMessage.Of(groupInfo).Encode();
                return await _attempts.CommitAsync(
                    attempt,
                    async write =>
                    {
                        var now = _clock.GetUtcNow();
                        string id = access.Conversation.Id;
                        long epoch = access.Conversation.Epoch;
                        int updated = await write.Database.ExecuteSqlAsync(
                            $"UPDATE conversations SET group_info = {bytes}, group_info_updated_at = {now.ToUnixTimeMilliseconds()} WHERE id = {id} AND epoch = {epoch}"
                        );
                        if (updated == 0)
                            throw Refusal
                                .EpochMismatch(
                                    (ulong)
                                        await write
                                            .Set<Conversation>()
                                            .Where(row => row.Id == id)
                                            .Select(row => row.Epoch)
                                            .SingleAsync(),
                                    (ulong)epoch
                                )
                                .AsException();
                        return new Done<UpdateGroupInfoResult>(new((ulong)epoch, now));
                    },
                    cancellation
                );
            },
            cancellation
        );
    }

    /// <summary>Asks the members for a fresh GroupInfo, at most once in a while.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public Task<GroupInfoRefreshResult> RequestRefreshAsync(
        Caller caller,
        string convoId,
        string? idempotencyKey,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var attempt = new Attempt(
            caller,
            "groupInfoRefresh",
            convoId,
            idempotencyKey,
            Attempt.HashOf(Encoding.UTF8.GetBytes(convoId))
        );
        return _attempts.RunAsync(
            attempt,
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
                return await _attempts.CommitAsync(
                    attempt,
                    async write =>
                    {
                        var now = _clock.GetUtcNow();
                        long at = now.ToUnixTimeMilliseconds(),
                            before = (now - RefreshInterval).ToUnixTimeMilliseconds();
                        int asked = await write.Database.ExecuteSqlAsync(
                            $"""
                            INSERT INTO group_info_refreshes (convo_id, requested_at) VALUES ({convoId}, {at})
                            ON CONFLICT (convo_id) DO UPDATE SET requested_at = excluded.requested_at WHERE group_info_refreshes.requested_at <= {before}
                            """
                        );
                        if (asked == 1)
                            write.AddEvent(
                                OutboxEvent.GroupInfoRefreshRequested(convoId, access.Conversation.Epoch, now)
                            );
                        return new Done<GroupInfoRefreshResult>(new(asked == 1, active));
                    },
                    cancellation
                );
            },
            cancellation
        );
    }

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
