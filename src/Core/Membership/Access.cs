using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>What the service knows of an account that has access to a conversation, read at one time.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Entry">The account's entry in the roster of the conversation.</param>
/// <param name="Devices">The account's devices with their keys, without deleted devices.</param>
/// <param name="Leaves">
/// Finds which leaves of the conversation belong to the account: the leaves of its devices, and of deleted devices that
/// still have a leaf in the conversation.
/// </param>
/// <param name="Standing">How the account stands to the conversation; the access was granted from this.</param>
/// <param name="Limits">
/// The external commits of the last hour that are counted for an account that may join. In the access of a member
/// nothing is counted, so no limit is reached.
/// </param>
internal sealed record Access(
    Conversation Conversation,
    RosterEntry Entry,
    IReadOnlyList<Device> Devices,
    LeafOwners Leaves,
    Standing Standing,
    JoinLimits Limits
)
{
    // One query reads everything, so that all values are of the same moment: between two queries an epoch could begin
    // or the account could be banned. The query returns a row for each key of each device.
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
                    // These conditions repeat JoinLimits.RefusedFilter with constants. SQLite uses the index with that
                    // filter only for a query in which it recognises the filter's condition.
                    joins
                        ? context
                            .Set<AuditEntry>()
                            .Where(entry =>
                                entry.Actor == did
                                && entry.Subject == convoId
                                && entry.At > since
                                && entry.Action == MethodNames.ProcessExternalCommit
                                && !new[]
                                {
                                    RequestOutcomes.Accepted,
                                    ErrorNames.Unauthorized,
                                    ErrorNames.ExternalCommitsDisabled,
                                }.Contains(entry.Outcome)
                            )
                            .OrderByDescending(entry => entry.At)
                            .Skip(refusedBefore)
                            .Select(entry => (DateTimeOffset?)entry.At)
                            .FirstOrDefault()
                        : null
                )
        )
    );

    /// <summary>Reads the access of a member to a conversation.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the account is no member, is banned or has no device, or there is no such conversation.
    /// </exception>
    public static Task<Access> RequireMemberAsync(
        MlsDbContext context,
        Caller caller,
        string convoId,
        CancellationToken cancellation
    ) =>
        // An account that has left is refused however long ago that was, so the policy gets no time and an endless
        // grace period.
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

    /// <summary>Reads the access of an account that may join a conversation by an external commit.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the policy does not let the account in (<see cref="RejoinPolicy"/>), or there is no such
    /// conversation.
    /// </exception>
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

    /// <remarks>
    /// The same query is run whatever the answer will be, so the time that it takes does not tell an outsider whether
    /// the conversation exists.
    /// </remarks>
    /// <param name="context">The database.</param>
    /// <param name="caller">Whose account wants access.</param>
    /// <param name="convoId">The conversation.</param>
    /// <param name="limits">The settings with the limits of joins; null if joins need not be counted.</param>
    /// <param name="now">The current time; without limits it is not used.</param>
    /// <param name="decide">Decides from the standing of the account.</param>
    /// <param name="allows">Whether a decision grants access.</param>
    /// <param name="cancellation">Ends the query.</param>
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
        // The values about the account are the same in every row.
        var account = rows.FirstOrDefault();
        var rowsOfDevices = OneRowOfEachDevice(rows);
        List<Row> enrolled = [.. rowsOfDevices.Values.Where(row => row.Device!.DeletedAt is null)];
        var standing = new Standing(
            account?.Entry?.State,
            account?.Entry?.EndedAt,
            enrolled.Exists(row => row.HasLeaf),
            enrolled.Count > 0,
            account?.IsBanned == true
        );
        var reason = decide(standing);
        if (!allows(reason))
            throw Refusal.Unauthorized(reason.ToString()).AsException();
        return new(
            account!.Conversation,
            account.Entry!,
            [.. enrolled.Select(row => row.Device!)],
            new(rowsOfDevices.Values.Select(row => row.Device!)),
            standing,
            new(since, account.RefusedAt, rowsOfDevices.ToDictionary(pair => pair.Key, pair => pair.Value.JoinedAt))
        );
    }

    /// <summary>
    /// The first row of each device, by the row of the device in the database, with all keys in that device.
    /// </summary>
    private static Dictionary<long, Row> OneRowOfEachDevice(List<Row> rows)
    {
        var rowsOfDevices = new Dictionary<long, Row>();
        foreach (var row in rows)
            if (row.Device is not null)
            {
                rowsOfDevices.TryAdd(row.Device.Id, row);
                if (row.Key is not null)
                    rowsOfDevices[row.Device.Id].Device!.Keys.Add(row.Key);
            }
        return rowsOfDevices;
    }

    /// <summary>The account's device with the given id, which has to have a leaf in the conversation.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the account has no such device, or the device has no leaf in the conversation.
    /// </exception>
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

    /// <summary>One row of the query: what is known of the account, and one device with one of its keys.</summary>
    /// <param name="Conversation">The conversation.</param>
    /// <param name="Entry">The account's entry in the roster; null if the account was never in it.</param>
    /// <param name="IsBanned">Whether the account is banned from the conversation or from the service.</param>
    /// <param name="Device">A device of the account; null if the account has none.</param>
    /// <param name="HasLeaf">Whether the device has a leaf in the conversation.</param>
    /// <param name="Key">A key of the device; null if the device has none.</param>
    /// <param name="JoinedAt">The value of the device in <see cref="JoinLimits.JoinedAt"/>.</param>
    /// <param name="RefusedAt">The account's <see cref="JoinLimits.RefusedAt"/>.</param>
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
