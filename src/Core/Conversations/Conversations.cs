using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <param name="RequiresApproval">Whether a device that comes in by itself needs the approval of another one of its account.</param>
public sealed record CreateConvoInput(
    ReadOnlyMemory<byte> GroupInfo,
    ReadOnlyMemory<byte>? RatchetTree,
    string? Metadata,
    string? IdempotencyKey,
    bool RequiresApproval = false
);

/// <param name="Did">The account.</param>
/// <param name="DeviceId">Its device.</param>
/// <param name="LeafIndex">Where it sits.</param>
/// <param name="IsAdmin">Whether the account is an admin.</param>
/// <param name="RemovalPending">Whether the account is gone and the leaf waits for a member who removes it.</param>
public sealed record Member(string Did, string DeviceId, uint LeafIndex, bool IsAdmin, bool RemovalPending = false);

/// <param name="GroupId">Lower-case hex.</param>
public sealed record ConvoView(
    string ConvoId,
    string GroupId,
    ulong Epoch,
    int CipherSuite,
    IReadOnlyList<Member> Members,
    string? Metadata,
    DateTimeOffset CreatedAt,
    bool RequiresApproval
);

public sealed record GetCommitsInput(string ConvoId, ulong FromEpoch, ulong? ToEpoch);

/// <param name="Epoch">The epoch that the commit creates.</param>
/// <param name="Proposals">Those that it names by reference, in its order.</param>
public sealed record CommitView(
    ulong Epoch,
    long Seq,
    byte[] Commit,
    IReadOnlyList<byte[]> Proposals,
    bool External,
    DateTimeOffset CreatedAt
);

/// <summary>Makes conversations and reads their commits.</summary>
public sealed partial class Conversations
{
    /// <summary>Most commits of one answer; for more, ask from the last one's epoch.</summary>
    public const int MaxCommits = 200;

    private readonly Attempts _attempts;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal Conversations(
        Attempts attempts,
        Database database,
        PublicGroups groups,
        CoreSettings settings,
        TimeProvider clock
    ) => (_attempts, _database, _groups, _settings, _clock) = (attempts, database, groups, settings, clock);

    /// <summary>Starts a conversation from the GroupInfo of a group of one leaf, the caller's.</summary>
    public Task<ConvoView> CreateConvo(Caller caller, CreateConvoInput input, CancellationToken cancellation)
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
                var device = owners.Of(leaf);
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
            var groupInfo = Handshakes.DecodeGroupInfo(input.GroupInfo);
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

    /// <summary>The commits after the epoch that the caller is at.</summary>
    public async Task<IReadOnlyList<CommitView>> GetCommits(
        Caller caller,
        GetCommitsInput input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        await _attempts.AuditedAsync(
            new(caller, "getCommits", input.ConvoId, null, []),
            () => Access.RequireJoinerAsync(context, caller, input.ConvoId, _clock.GetUtcNow(), _settings, cancellation)
        );
        // Epochs on the wire are below 2^53, those beyond the last one have no commits.
        long from = (long)Math.Min(input.FromEpoch, long.MaxValue),
            to = (long)Math.Min(input.ToEpoch ?? long.MaxValue, long.MaxValue);
        var rows = await context
            .Set<LogEntry>()
            .Where(row =>
                row.ConvoId == input.ConvoId && row.Kind == LogKind.Commit && row.Epoch > from && row.Epoch <= to
            )
            .OrderBy(row => row.Epoch)
            .Take(MaxCommits)
            .ToListAsync(cancellation);
        var commits = rows.Select(row => MlsMessage.Decode(row.Message).PublicMessage!.Content).ToList();
        var proposals = await ProposalLog.FindAsync(context, input.ConvoId, commits, cancellation);
        return
        [
            .. rows.Zip(
                commits,
                (row, commit) =>
                    new CommitView(
                        (ulong)row.Epoch,
                        row.Seq,
                        row.Message,
                        ProposalLog.Of(commit, proposals),
                        row.External,
                        row.CreatedAt
                    )
            ),
        ];
    }

    /// <summary>For queries: the access of a member, or a refusal that the audit log has.</summary>
    internal static Task<Access> RequireMemberAsync(
        Attempts attempts,
        MlsDbContext context,
        Caller caller,
        string method,
        string convoId,
        CancellationToken cancellation
    ) =>
        attempts.AuditedAsync(
            new(caller, method, convoId, null, []),
            () => Access.RequireMemberAsync(context, caller, convoId, cancellation)
        );
}
