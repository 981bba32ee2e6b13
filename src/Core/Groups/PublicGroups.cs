using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;
using MlsConsole.Core.Log;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Groups;

/// <summary>The public state of groups: live ones in memory, bounded by bytes and for a time; cold ones from the last snapshot and the commits after it.</summary>
internal sealed class PublicGroups(Database database, CoreSettings settings, TimeProvider clock) : IDisposable
{
    // What a group has beside its encoded nodes, measured: objects, hashes, and keys of each member and its share of parents.
    private const long BytesOfGroup = 512,
        BytesOfMember = 768;

    private readonly MemoryCache _live = new(
        new MemoryCacheOptions { SizeLimit = settings.GroupCacheBytes, TrackStatistics = true }
    );

    /// <summary>What the live groups take.</summary>
    public long LiveBytes => _live.GetCurrentStatistics()!.CurrentEstimatedSize!.Value;

    /// <summary>What a group takes in memory.</summary>
    public static long BytesOf(PublicGroup group) =>
        BytesOfGroup + BytesOfMember * group.MemberCount + group.EncodedNodesLength;

    /// <summary>The group of a conversation at the epoch of its row.</summary>
    /// <exception cref="InvalidDataException">What is stored does not hold.</exception>
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

    /// <summary>Keeps a group whose epoch has been committed, as long as the one that it came from: however many commits there are, what is in memory is compared with what is stored once in a while.</summary>
    public void Keep(string convoId, PublicGroup group)
    {
        var now = clock.GetUtcNow();
        _live.TryGetValue(convoId, out Live? live);
        // A slower request must not put an older epoch over a newer one; a stale entry would only cost a load, never a wrong answer.
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
            // It makes room by itself only when nearly nothing is left: what is too large for the rest would never be kept. Those go that were used longest ago.
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
            // An epoch that has ended meanwhile has none; whatever is made of its group is refused.
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
