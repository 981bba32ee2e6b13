using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;
using MlsConsole.Core.Log;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Groups;

/// <summary>
/// The public state of the groups. Groups that were used lately are in memory, up to a number of bytes and for a
/// limited time; every other group is loaded from its last snapshot and the commits since then.
/// </summary>
internal sealed class PublicGroups(Database database, CoreSettings settings, TimeProvider clock) : IDisposable
{
    // What a group takes in memory beside its encoded nodes, in bytes. The numbers were measured: objects and hashes of
    // the group, and objects, hashes and keys of each member with its share of the parent nodes.
    private const long BytesOfGroup = 512,
        BytesOfMember = 768;

    private readonly MemoryCache _live = new(
        new MemoryCacheOptions { SizeLimit = settings.GroupCacheBytes, TrackStatistics = true }
    );

    /// <summary>The estimated size of the groups in memory, in bytes.</summary>
    public long LiveBytes => _live.GetCurrentStatistics()!.CurrentEstimatedSize!.Value;

    /// <summary>The estimated size of a group in memory, in bytes.</summary>
    public static long BytesOf(PublicGroup group) =>
        BytesOfGroup + BytesOfMember * group.MemberCount + group.EncodedNodesLength;

    /// <summary>The group of a conversation at the epoch of the given row.</summary>
    /// <exception cref="InvalidDataException">
    /// What is stored of the group does not pass the checks of RFC 9420, or does not agree with the stored GroupInfo.
    /// </exception>
    public async Task<PublicGroup> GetAsync(Conversation conversation, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (
            _live.TryGetValue(conversation.Id, out Live? live)
            && live!.Group.Epoch == (ulong)conversation.Epoch
            && live.Until > now
        )
            return live.Group;
        var group = await LoadAsync(conversation, cancellation);
        Set(conversation.Id, new(group, now + settings.GroupInfoCacheLifetime), now);
        return group;
    }

    /// <summary>
    /// Keeps the group of an epoch that has just been committed, for the rest of the time for which the group of the
    /// epoch before would have been kept. So, however many commits there are, the group in memory is loaded anew once
    /// in a while, and thereby compared with what is stored.
    /// </summary>
    public void Keep(string convoId, PublicGroup group)
    {
        var now = clock.GetUtcNow();
        _live.TryGetValue(convoId, out Live? live);
        // A request that took longer must not put an older epoch over a newer one. An old epoch in memory would only
        // cost a load, and never give a wrong answer, because the epoch is compared before a group is used.
        if (live?.Group.Epoch > group.Epoch)
            return;
        if (live?.Until <= now)
            _live.Remove(convoId);
        else
            Set(convoId, new(group, live?.Until ?? now + settings.GroupInfoCacheLifetime), now);
    }

    private void Set(string convoId, Live live, DateTimeOffset now)
    {
        long bytes = BytesOf(live.Group);
        if (bytes > settings.GroupCacheBytes)
            _live.Remove(convoId);
        while (bytes <= settings.GroupCacheBytes)
        {
            _live.Set(
                convoId,
                live,
                new MemoryCacheEntryOptions { Size = bytes, AbsoluteExpirationRelativeToNow = live.Until - now }
            );
            if (_live.TryGetValue(convoId, out _) || _live.Count is not (> 0 and var count))
                return;
            // The cache did not take the group, because it has too little room left. The cache makes room by itself
            // only when it is almost full, so a group that is larger than the room left would never be kept. Compacting
            // drops the groups that were used longest ago.
            _live.Compact(Math.Max(0.05, 1.5 / count));
        }
    }

    public void Dispose() => _live.Dispose();

    private sealed record Live(PublicGroup Group, DateTimeOffset Until);

    private async Task<PublicGroup> LoadAsync(Conversation conversation, CancellationToken cancellation)
    {
        string id = conversation.Id;
        long epoch = conversation.Epoch;
        await using var context = database.Read();
        var snapshot = await context
            .Set<Snapshot>()
            .Where(row => row.ConvoId == id && row.Epoch <= epoch)
            .OrderByDescending(row => row.Epoch)
            .FirstAsync(cancellation);
        var commits = await context
            .Set<LogEntry>()
            .Where(row =>
                row.ConvoId == id && row.Kind == LogKind.Commit && row.Epoch > snapshot.Epoch && row.Epoch <= epoch
            )
            .OrderBy(row => row.Epoch)
            .Select(row => row.Message)
            .ToListAsync(cancellation);
        byte[]? groupInfo = await StoredGroupInfo.FindAsync(context, id, epoch, cancellation);
        try
        {
            var group = PublicGroup.Restore(snapshot.State);
            var messages = commits.Select(commit => MlsMessage.Decode(commit).PublicMessage!).ToList();
            var proposals = await ProposalLog.FindAsync(
                context,
                id,
                [.. messages.Select(message => message.Content)],
                cancellation
            );
            foreach (var message in messages)
                group = group
                    .Stage(
                        group.Authenticate(message),
                        ProposalLog.AuthenticatedOf(message.Content, proposals, group),
                        now: null
                    )
                    .Follow();
            // If the epoch has ended meanwhile, its GroupInfo is not stored any more. Then the group is not compared
            // with it; whatever a caller makes of the group of an old epoch is refused.
            if (groupInfo is not null)
                group.VerifyGroupInfo(UnverifiedGroupInfo.Decode(groupInfo), null);
            return group;
        }
        catch (MlsException broken)
        {
            throw new InvalidDataException(
                $"The stored state of conversation {id} at epoch {epoch} does not hold.",
                broken
            );
        }
    }
}
