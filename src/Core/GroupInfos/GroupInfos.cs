using MlsConsole.Mls;

namespace MlsConsole.Core;

public sealed record GetGroupInfoInput(string ConvoId, bool IncludeTree);

/// <param name="GroupInfo">MLSMessage, as the last committer signed it.</param>
/// <param name="RatchetTree">Content of the ratchet_tree extension; null if it was not asked for.</param>
/// <param name="Epoch">The only epoch that it is good for.</param>
/// <param name="ExpiresAt">A hint how long to keep it.</param>
public sealed record GroupInfoResult(byte[] GroupInfo, byte[]? RatchetTree, ulong Epoch, DateTimeOffset ExpiresAt);

/// <summary>Hands out the GroupInfo of the current epoch to those who may join by external commit.</summary>
public sealed class GroupInfos
{
    private readonly Attempts _attempts;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly ExternalCommitsFlag _flag;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal GroupInfos(Attempts attempts, Database database, PublicGroups groups, ExternalCommitsFlag flag, CoreSettings settings, TimeProvider clock) =>
        (_attempts, _database, _groups, _flag, _settings, _clock) = (attempts, database, groups, flag, settings, clock);

    /// <summary>The GroupInfo and, unless the caller has no use for it, the ratchet tree.</summary>
    public async Task<GroupInfoResult> GetGroupInfo(Caller caller, GetGroupInfoInput input, CancellationToken cancellation)
    {
        var attempt = new Attempt(caller, "getGroupInfo", input.ConvoId, null, []);
        if (!await _flag.IsOnFor(caller.Did))
        {
            await _attempts.AuditRefusalAsync(attempt, Refusal.ExternalCommitsDisabled);
            throw Refusal.ExternalCommitsDisabled.AsException();
        }
        await using var context = _database.Read();
        var access = await Conversations.RequireMemberAsync(_attempts, context, caller, "getGroupInfo", input.ConvoId, cancellation);
        // The GroupInfo is of this row's epoch; the tree must be too, so it comes from the group of the same epoch.
        PublicGroup group = await _groups.GetAsync(access.Conversation, cancellation);
        return new(access.Conversation.GroupInfo, input.IncludeTree ? group.EncodeRatchetTree() : null, group.Epoch, _clock.GetUtcNow() + _settings.GroupInfoCacheLifetime);
    }
}
