using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>What the service knows of an account in a conversation, read at one time.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Entry">The account's entry in its roster.</param>
/// <param name="Devices">The account's devices with their keys, without deleted ones.</param>
/// <param name="Leaves">Whose leaves of the conversation are the account's: all its devices, and deleted ones that have a leaf still.</param>
/// <param name="Standing">What was decided from.</param>
/// <param name="Limits">Of who may join; of a member as such nothing is counted.</param>
internal sealed record Access(
    Conversation Conversation,
    RosterEntry Entry,
    IReadOnlyList<Device> Devices,
    LeafOwners Leaves,
    Standing Standing,
    JoinLimits Limits
)
{
    // One question, so that all of it is of one time. There is a row for each key of each device.
    private static readonly CompiledQuery<
        Func<MlsDbContext, string, string, bool, DateTimeOffset, int, int, IAsyncEnumerable<Row>>
    > s_rows = new(() =>
        EF.CompileAsyncQuery(
            (
                MlsDbContext context,
                string convoId,
                string did,
                bool joins,
                DateTimeOffset since,
                int joinsBefore,
                int refusedBefore
            ) =>
                from conversation in context.Set<Conversation>().AsNoTracking()
                where conversation.Id == convoId
                join entry in context.Set<RosterEntry>().Where(entry => entry.Did == did)
                    on conversation.Id equals entry.ConvoId
                    into entries
                from entry in entries.DefaultIfEmpty()
                from device in context
                    .Set<Device>()
                    .Where(device =>
                        device.Did == did
                        && (
                            device.DeletedAt == null
                            || context.Set<Leaf>().Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == device.Id)
                        )
                    )
                    .DefaultIfEmpty()
                from key in context.Set<DeviceKey>().Where(key => key.DeviceRow == device.Id).DefaultIfEmpty()
                select new Row(
                    conversation,
                    entry,
                    context
                        .Set<Ban>()
                        .Any(ban => ban.Did == did && new[] { convoId, Ban.FromService }.Contains(ban.ConvoId)),
                    device,
                    context.Set<Leaf>().Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == device.Id),
                    key,
                    joins
                        ? context
                            .Set<LogEntry>()
                            .Where(row =>
                                row.ConvoId == convoId
                                && row.JoinedBy != null
                                && row.JoinedBy == device.Id
                                && row.CreatedAt > since
                            )
                            .OrderByDescending(row => row.CreatedAt)
                            .Skip(joinsBefore)
                            .Select(row => (DateTimeOffset?)row.CreatedAt)
                            .FirstOrDefault()
                        : null,
                    // In the words of the filter: SQLite takes an index of some rows only for a condition that it recognises.
                    joins
                        ? context
                            .Set<AuditEntry>()
                            .Where(entry =>
                                entry.Actor == did
                                && entry.Subject == convoId
                                && entry.At > since
                                && entry.Action == "processExternalCommit"
                                && !new[] { "accepted", "Unauthorized", "ExternalCommitsDisabled" }.Contains(
                                    entry.Outcome
                                )
                            )
                            .OrderByDescending(entry => entry.At)
                            .Skip(refusedBefore)
                            .Select(entry => (DateTimeOffset?)entry.At)
                            .FirstOrDefault()
                        : null
                )
        )
    );

    /// <summary>Reads the conversation for a member; everybody else gets the one Unauthorized.</summary>
    public static Task<Access> RequireMemberAsync(
        MlsDbContext context,
        Caller caller,
        string convoId,
        CancellationToken cancellation
    ) =>
        // For somebody who is no member it makes no difference how long ago they left.
        RequireAsync(
            context,
            caller,
            convoId,
            null,
            default,
            standing => RejoinPolicy.Decide(standing, default, TimeSpan.MaxValue),
            RejoinPolicy.IsMember,
            cancellation
        );

    /// <summary>Reads the conversation for somebody who may join; everybody else gets the one Unauthorized.</summary>
    public static Task<Access> RequireJoinerAsync(
        MlsDbContext context,
        Caller caller,
        string convoId,
        DateTimeOffset now,
        CoreSettings settings,
        CancellationToken cancellation
    ) =>
        RequireAsync(
            context,
            caller,
            convoId,
            settings,
            now,
            standing => RejoinPolicy.Decide(standing, now, settings.RejoinGracePeriod),
            RejoinPolicy.Allows,
            cancellation
        );

    /// <remarks>The same question is asked whatever the answer is, so that time tells nothing either.</remarks>
    private static async Task<Access> RequireAsync(
        MlsDbContext context,
        Caller caller,
        string convoId,
        CoreSettings? limits,
        DateTimeOffset now,
        Func<Standing, RejoinReason> decide,
        Func<RejoinReason, bool> allows,
        CancellationToken cancellation
    )
    {
        var since = limits is null ? default : now - JoinLimits.Window;
        var rows = await s_rows
            .For(context)(
                context,
                convoId,
                caller.Did.Value,
                limits is not null,
                since,
                limits?.RejoinLimitPerHour - 1 ?? 0,
                limits?.RejoinRefusedLimitPerHour - 1 ?? 0
            )
            .ToListAsync(cancellation);
        var row = rows.FirstOrDefault();
        var devices = new Dictionary<long, Row>();
        foreach (var one in rows)
            if (one.Device is not null)
            {
                devices.TryAdd(one.Device.Id, one);
                if (one.Key is not null)
                    devices[one.Device.Id].Device!.Keys.Add(one.Key);
            }
        List<Row> enrolled = [.. devices.Values.Where(one => one.Device!.DeletedAt is null)];
        var standing = new Standing(
            row?.Entry?.State,
            row?.Entry?.EndedAt,
            enrolled.Exists(one => one.HasLeaf),
            enrolled.Count > 0,
            row?.IsBanned == true
        );
        var reason = decide(standing);
        if (!allows(reason))
            throw Refusal.Unauthorized(reason.ToString()).AsException();
        return new(
            row!.Conversation,
            row.Entry!,
            [.. enrolled.Select(one => one.Device!)],
            new(devices.Values.Select(one => one.Device!)),
            standing,
            new(since, row.RefusedAt, devices.ToDictionary(one => one.Key, one => one.Value.JoinedAt))
        );
    }

    /// <summary>The caller's device of that name, if it has a leaf in the conversation.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public async Task<Device> RequireLeafAsync(MlsDbContext context, string deviceId, CancellationToken cancellation)
    {
        string id = Conversation.Id;
        var device =
            Devices.SingleOrDefault(device => device.DeviceId == deviceId)
            ?? throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
        return await context
            .Set<Leaf>()
            .AnyAsync(leaf => leaf.ConvoId == id && leaf.DeviceRow == device.Id, cancellation)
            ? device
            : throw Refusal.Unauthorized(RefusalReasons.NoLeaf).AsException();
    }

    private sealed record Row(
        Conversation Conversation,
        RosterEntry? Entry,
        bool IsBanned,
        Device? Device,
        bool HasLeaf,
        DeviceKey? Key,
        DateTimeOffset? JoinedAt,
        DateTimeOffset? RefusedAt
    );
}
