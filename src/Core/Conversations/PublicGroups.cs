using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>The public state of groups: live ones in memory, bounded by bytes; cold ones from the last snapshot and the commits after it.</summary>
internal sealed class PublicGroups(Database database, CoreSettings settings) : IDisposable
{
    private readonly MemoryCache _live = new(new MemoryCacheOptions { SizeLimit = settings.GroupCacheBytes });

    /// <summary>The group of a conversation at the epoch of its row.</summary>
    /// <exception cref="InvalidDataException">What is stored does not hold.</exception>
    public async Task<PublicGroup> GetAsync(Conversation conversation, CancellationToken cancellation)
    {
        if (_live.TryGetValue(conversation.Id, out PublicGroup? live) && live!.Epoch == (ulong)conversation.Epoch) return live;
        var group = await LoadAsync(conversation, cancellation);
        Keep(conversation.Id, group);
        return group;
    }

    /// <summary>Keeps a group whose epoch has been committed.</summary>
    public void Keep(string convoId, PublicGroup group)
    {
        // A slower request must not put an older epoch over a newer one; a stale entry would only cost a load, never a wrong answer.
        if (_live.TryGetValue(convoId, out PublicGroup? live) && live!.Epoch > group.Epoch) return;
        _live.Set(convoId, group, new MemoryCacheEntryOptions { Size = 1024 + 1024L * group.MemberCount, SlidingExpiration = settings.GroupInfoCacheLifetime });
    }

    public void Dispose() => _live.Dispose();

    private async Task<PublicGroup> LoadAsync(Conversation conversation, CancellationToken cancellation)
    {
        string id = conversation.Id;
        long epoch = conversation.Epoch;
        await using var context = database.Read();
        var snapshot = await context.Set<Snapshot>().Where(row => row.ConvoId == id && row.Epoch <= epoch).OrderByDescending(row => row.Epoch).FirstAsync(cancellation);
        var commits = await context.Set<LogEntry>().Where(row => row.ConvoId == id && row.Kind == LogKind.Commit && row.Epoch > snapshot.Epoch && row.Epoch <= epoch)
            .OrderBy(row => row.Epoch).Select(row => row.Message).ToListAsync(cancellation);
        try
        {
            var group = PublicGroup.Restore(snapshot.State);
            var messages = commits.Select(commit => MlsMessage.Decode(commit).PublicMessage!).ToList();
            var proposals = await ProposalLog.FindAsync(context, id, [.. messages.Select(message => message.Content)], cancellation);
            foreach (var message in messages)
                group = group.Stage(group.Authenticate(message), ProposalLog.AuthenticatedOf(message.Content, proposals, group), now: null).Follow();
            group.VerifyGroupInfo(UnverifiedGroupInfo.Decode(conversation.GroupInfo), null);
            return group;
        }
        catch (MlsException broken)
        {
            throw new InvalidDataException($"The stored state of conversation {id} at epoch {epoch} does not hold.", broken);
        }
    }
}
