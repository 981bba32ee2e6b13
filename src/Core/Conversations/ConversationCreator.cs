using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Devices;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <param name="RequiresApproval">Whether a device that comes in by itself needs the approval of another one of its account.</param>
public sealed record CreateConvoInput(
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    string? Metadata,
    string? IdempotencyKey,
    bool RequiresApproval = false
);

/// <summary>Makes conversations.</summary>
public sealed class ConversationCreator
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal ConversationCreator(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>Starts a conversation from the GroupInfo of a group of one leaf, the caller's.</summary>
    public Task<ConvoView> CreateConvoAsync(Caller caller, CreateConvoInput input, CancellationToken cancellation)
    {
        var call = Call.Procedure(
            caller,
            MethodNames.CreateConvo,
            null,
            input.IdempotencyKey,
            input.GroupInfo,
            input.RatchetTree,
            input.Metadata,
            input.RequiresApproval
        );
        return _calls.RunAsync<ConvoView>(
            call,
            async () =>
            {
                var (groupInfo, group) = Verify(input);
                await using var context = _database.Read();
                var (index, leaf) = group.Members.First();
                var owners = await LeafOwners.FindAsync(context, [leaf], cancellation);
                var device = owners.DeviceOf(leaf);
                if (device is null || device.Did != caller.Did.Value)
                    throw Refusal.InvalidGroupInfo(DeliveryRules.LeafNotEnrolled.Id).AsException();

                long? signatureKey = await SignatureKeys.ListedAsync(context, group, cancellation);

                string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
                return new TransactionChange<ConvoView>(write =>
                    StoreAsync(write, caller, input, new(id, groupInfo, group, index, device, signatureKey))
                )
                {
                    Subject = id,
                    Written = view => _groups.Keep(view.ConvoId, group),
                };
            },
            cancellation
        );
    }

    /// <summary>Writes a new conversation, verified, with the creator's leaf in it.</summary>
    private async Task<CallResult<ConvoView>> StoreAsync(
        MlsDbContext write,
        Caller caller,
        CreateConvoInput input,
        NewConversation created
    )
    {
        await write.RequireNotBannedAsync(caller, CancellationToken.None);
        var groupId = created.Group.GroupId.ToArray();
        if (await write.Set<Conversation>().AnyAsync(row => row.GroupId == groupId))
            throw Refusal.GroupExists.AsException();
        var now = _clock.GetUtcNow();
        long epoch = checked((long)created.Group.Epoch);
        write.Add(
            new Conversation
            {
                Id = created.Id,
                GroupId = groupId,
                CipherSuite = created.Group.CipherSuite,
                Epoch = epoch,
                NextSeq = 1,
                GroupInfo = new()
                {
                    ConvoId = created.Id,
                    Epoch = epoch,
                    Message = MlsMessage.Of(created.GroupInfo).Encode(),
                    UpdatedAt = now,
                },
                Metadata = input.Metadata,
                RequiresApproval = input.RequiresApproval,
                SignatureKeyId = created.SignatureKey,
                CreatedAt = now,
            }
        );
        write.Add(
            new Snapshot
            {
                ConvoId = created.Id,
                Epoch = epoch,
                State = created.Group.Snapshot(),
            }
        );
        write.Add(
            new RosterEntry
            {
                ConvoId = created.Id,
                Did = created.Device.Did,
                State = RosterState.Member,
                IsAdmin = true,
                JoinedAt = now,
            }
        );
        write.AddEvent(OutboxEvent.Membership(created.Id, created.Device.Did, MembershipChange.Joined, now));
        write.Add(
            new Leaf
            {
                ConvoId = created.Id,
                LeafIndex = created.Index.Value,
                DeviceRow = created.Device.Id,
            }
        );
        return new CallResult<ConvoView>(
            new(
                created.Id,
                Convert.ToHexStringLower(groupId),
                created.Group.Epoch,
                created.Group.CipherSuite,
                [new(created.Device.Did, created.Device.DeviceId, created.Index.Value, true)],
                input.Metadata,
                now,
                input.RequiresApproval
            ),
            null,
            created.Group.Epoch
        );
    }

    private static (UnverifiedGroupInfo GroupInfo, PublicGroup Group) Verify(CreateConvoInput input)
    {
        try
        {
            var groupInfo = HandshakeMessages.DecodeGroupInfo(input.GroupInfo);
            if (!CipherSuite.IsSupported(groupInfo.GroupContext.CipherSuite))
                throw Refusal.UnsupportedCipherSuite.AsException();
            var group = PublicGroup.FromGroupInfo(groupInfo, input.RatchetTree);
            if (group.MemberCount != 1)
                throw new MlsException(DeliveryRules.OneLeaf);
            group.RequireExternalPub(groupInfo);
            return (groupInfo, group);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidGroupInfo(broken.Rule.Id).AsException();
        }
    }

    /// <param name="Id">The conversation's id.</param>
    /// <param name="GroupInfo">Of the group's first epoch here.</param>
    /// <param name="Group">The group's public state.</param>
    /// <param name="Index">The creator's leaf.</param>
    /// <param name="Device">The device in that leaf.</param>
    /// <param name="SignatureKey">The key of the service that the group lists in external_senders; null for none.</param>
    private sealed record NewConversation(
        string Id,
        UnverifiedGroupInfo GroupInfo,
        PublicGroup Group,
        LeafIndex Index,
        Device Device,
        long? SignatureKey
    );
}
