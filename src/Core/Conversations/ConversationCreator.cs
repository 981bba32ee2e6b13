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

/// <summary>The group from which a conversation starts.</summary>
/// <param name="GroupInfo">
/// The GroupInfo of a group with one leaf, which is the caller's, as an MLSMessage or bare (RFC 9420 §12.4.3).
/// </param>
/// <param name="RatchetTree">
/// The content of the group's ratchet_tree extension; null if the tree is in the GroupInfo.
/// </param>
/// <param name="Metadata">What is stored with the conversation for its members; null for nothing.</param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
/// <param name="RequiresApproval">
/// Whether a device that comes in by itself needs the approval of another device of its account (delivery-service
/// §5.3).
/// </param>
public sealed record CreateConvoRequest(
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    string? Metadata,
    string? IdempotencyKey,
    bool RequiresApproval = false
);

/// <summary>Creates conversations.</summary>
public sealed class ConversationCreator
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal ConversationCreator(CallRunner calls, Database database, PublicGroups groups, TimeProvider clock) =>
        (_calls, _database, _groups, _clock) = (calls, database, groups, clock);

    /// <summary>
    /// Creates a conversation from the GroupInfo of a group whose only leaf is the caller's. The caller becomes its
    /// admin.
    /// </summary>
    /// <exception cref="RefusedException">
    /// InvalidGroupInfo: the GroupInfo or the tree breaks a rule, or the leaf is not the caller's.
    /// UnsupportedCipherSuite: the service does not support the group's cipher suite. GroupExists: another
    /// conversation has the group id. Unauthorized: the caller is banned from the service.
    /// </exception>
    public Task<ConversationDetails> CreateConvoAsync(
        Caller caller,
        CreateConvoRequest input,
        CancellationToken cancellation
    )
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
        return _calls.RunAsync<ConversationDetails>(
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
                return new TransactionChange<ConversationDetails>(write =>
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

    /// <summary>Writes the conversation, with its creator as member and admin, and tells of the new member.</summary>
    private async Task<CallResult<ConversationDetails>> StoreAsync(
        MlsDbContext write,
        Caller caller,
        CreateConvoRequest input,
        NewConversation created
    )
    {
        await write.RequireNotBannedAsync(caller, CancellationToken.None);
        var groupId = created.Group.GroupId.ToArray();
        if (await write.Set<Conversation>().AnyAsync(row => row.GroupId == groupId))
            throw Refusal.GroupExists.AsException();
        var now = _clock.GetUtcNow();
        AddGroup(write, input, created, groupId, now);
        AddCreator(write, created, now);
        var view = new ConversationDetails(
            created.Id,
            Convert.ToHexStringLower(groupId),
            created.Group.Epoch,
            created.Group.CipherSuite,
            [new(created.Device.Did, created.Device.DeviceId, created.Index.Value, IsAdmin: true)],
            input.Metadata,
            now,
            input.RequiresApproval
        );
        return new CallResult<ConversationDetails>(view, EpochBefore: null, EpochAfter: created.Group.Epoch);
    }

    /// <summary>
    /// Adds the conversation's row with the GroupInfo, and the first snapshot, from which the group is loaded.
    /// </summary>
    private static void AddGroup(
        MlsDbContext write,
        CreateConvoRequest input,
        NewConversation created,
        byte[] groupId,
        DateTimeOffset now
    )
    {
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
    }

    /// <summary>Adds the creator to the roster, with the event of the new member, and the creator's leaf.</summary>
    private static void AddCreator(MlsDbContext write, NewConversation created, DateTimeOffset now)
    {
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
    }

    /// <summary>
    /// Verifies GroupInfo and tree as somebody who joins does (RFC 9420 §12.4.3.1), and what a new conversation needs
    /// beside that: a supported cipher suite, exactly one leaf, and an external_pub.
    /// </summary>
    private static (UnverifiedGroupInfo GroupInfo, PublicGroup Group) Verify(CreateConvoRequest input)
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

    /// <summary>A conversation that has been verified and is about to be stored.</summary>
    /// <param name="Id">The id of the conversation.</param>
    /// <param name="GroupInfo">The GroupInfo of the epoch in which the conversation begins.</param>
    /// <param name="Group">The group's public state in that epoch.</param>
    /// <param name="Index">The index of the creator's leaf.</param>
    /// <param name="Device">The creator's device, which has that leaf.</param>
    /// <param name="SignatureKey">
    /// The row of the service's signature key that the group lists in external_senders; null if the group lists none.
    /// </param>
    private sealed record NewConversation(
        string Id,
        UnverifiedGroupInfo GroupInfo,
        PublicGroup Group,
        LeafIndex Index,
        Device Device,
        long? SignatureKey
    );
}
