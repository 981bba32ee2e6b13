using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Devices;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Idempotency;
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
    private readonly Attempts _attempts;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly TimeProvider _clock;

    internal ConversationCreator(Attempts attempts, Database database, PublicGroups groups, TimeProvider clock) =>
        (_attempts, _database, _groups, _clock) = (attempts, database, groups, clock);

    /// <summary>Starts a conversation from the GroupInfo of a group of one leaf, the caller's.</summary>
    public Task<ConvoView> CreateConvoAsync(Caller caller, CreateConvoInput input, CancellationToken cancellation)
    {
        var attempt = new Attempt(
            caller,
            "createConvo",
            null,
            input.IdempotencyKey,
            Attempt.HashOf(
                input.GroupInfo,
                input.RatchetTree ?? default,
                Encoding.UTF8.GetBytes(input.Metadata ?? ""),
                BitConverter.GetBytes(input.RequiresApproval)
            )
        );
        return _attempts.RunAsync(
            attempt,
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
                var view = await _attempts.CommitAsync(
                    attempt with
                    {
                        Subject = id,
                    },
                    async write =>
                    {
                        await write.RequireNotBannedAsync(caller, CancellationToken.None);
                        var groupId = group.GroupId.ToArray();
                        if (await write.Set<Conversation>().AnyAsync(row => row.GroupId == groupId))
                            throw Refusal.GroupExists.AsException();
                        var now = _clock.GetUtcNow();
                        long epoch = checked((long)group.Epoch);
                        write.Add(
                            new Conversation
                            {
                                Id = id,
                                GroupId = groupId,
                                CipherSuite = group.CipherSuite,
                                Epoch = epoch,
                                NextSeq = 1,
                                GroupInfo = new()
                                {
                                    ConvoId = id,
                                    Epoch = epoch,
                                    Message = MlsMessage.Of(groupInfo).Encode(),
                                    UpdatedAt = now,
                                },
                                Metadata = input.Metadata,
                                RequiresApproval = input.RequiresApproval,
                                SignatureKeyId = signatureKey,
                                CreatedAt = now,
                            }
                        );
                        write.Add(
                            new Snapshot
                            {
                                ConvoId = id,
                                Epoch = epoch,
                                State = group.Snapshot(),
                            }
                        );
                        write.Add(
                            new RosterEntry
                            {
                                ConvoId = id,
                                Did = device.Did,
                                State = RosterState.Member,
                                IsAdmin = true,
                                JoinedAt = now,
                            }
                        );
                        write.AddEvent(OutboxEvent.Membership(id, device.Did, MembershipChange.Joined, now));
                        write.Add(
                            new Leaf
                            {
                                ConvoId = id,
                                LeafIndex = index.Value,
                                DeviceRow = device.Id,
                            }
                        );
                        return new Done<ConvoView>(
                            new(
                                id,
                                Convert.ToHexStringLower(groupId),
                                group.Epoch,
                                group.CipherSuite,
                                [new(device.Did, device.DeviceId, index.Value, true)],
                                input.Metadata,
                                now,
                                input.RequiresApproval
                            ),
                            null,
                            group.Epoch
                        );
                    },
                    cancellation
                );
                _groups.Keep(view.ConvoId, group);
                return view;
            },
            cancellation
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
}
