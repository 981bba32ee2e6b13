using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Conversations;

/// <summary>A conversation that an account may be in, to be compared with the groups that a device has.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="ShouldBeInGroup">
/// Whether the account may be in the group, so that a device without a leaf should join.
/// </param>
/// <param name="DeviceInGroup">
/// Whether the device that was asked for has a leaf; if none was named, whether any device of the account has one.
/// </param>
/// <param name="Epoch">The conversation's current epoch.</param>
/// <param name="LastActivity">When the last commit, proposal or message came; null if none is kept.</param>
public sealed record ConversationExpectation(
    string ConvoId,
    bool ShouldBeInGroup,
    bool DeviceInGroup,
    ulong Epoch,
    DateTimeOffset? LastActivity
);

public sealed partial class ConversationReader
{
    /// <summary>
    /// The number of conversations that <see cref="GetExpectedConversationsAsync"/> answers with at most.
    /// </summary>
    public const int MaxExpected = 10_000;

    /// <summary>
    /// The conversations that a device should be in, each with whether the device has a leaf there and with the current
    /// epoch. The device compares them with the groups that it has.
    /// </summary>
    /// <param name="caller">The account that the device belongs to.</param>
    /// <param name="deviceId">The id of the device; null to ask for all devices of the account together.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="RefusedException">Unauthorized: the account has no device with that id.</exception>
    public async Task<IReadOnlyList<ConversationExpectation>> GetExpectedConversationsAsync(
        Caller caller,
        string? deviceId,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        await using var context = _database.Read();
        var devices = await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetExpectedConversations, deviceId),
            () => DevicesAsync(context, did, deviceId, cancellation)
        );
        var rows = await RosterRowsAsync(context, did, devices, cancellation);
        // An account that is no member of a conversation is told nothing of it, not even that it exists.
        return
        [
            .. rows.Where(row => IsMember(row, hasDevice: devices.Count > 0))
                .Take(MaxExpected)
                .Select(row => new ConversationExpectation(
                    row.ConvoId,
                    ShouldBeInGroup: true,
                    row.HasLeaf,
                    (ulong)row.Epoch,
                    row.LastActivity
                )),
        ];
    }

    /// <summary>All conversations that have the account in their roster, in the order of their ids.</summary>
    private static Task<List<RosterRow>> RosterRowsAsync(
        MlsDbContext context,
        string did,
        List<long> devices,
        CancellationToken cancellation
    ) =>
        context
            .Set<RosterEntry>()
            .Where(entry => entry.Did == did)
            .OrderBy(entry => entry.ConvoId)
            .Join(
                context.Set<Conversation>(),
                entry => entry.ConvoId,
                convo => convo.Id,
                (entry, convo) =>
                    new RosterRow(
                        convo.Id,
                        entry.State,
                        entry.EndedAt,
                        convo.Epoch,
                        context
                            .Set<Ban>()
                            .Any(ban => ban.Did == did && (ban.ConvoId == convo.Id || ban.ConvoId == Ban.FromService)),
                        context.Set<Leaf>().Any(leaf => leaf.ConvoId == convo.Id && devices.Contains(leaf.DeviceRow)),
                        context
                            .Set<LogEntry>()
                            .Where(row => row.ConvoId == convo.Id)
                            .OrderByDescending(row => row.Seq)
                            .Select(row => (DateTimeOffset?)row.CreatedAt)
                            .FirstOrDefault()
                    )
            )
            .ToListAsync(cancellation);

    /// <remarks>
    /// How long ago an account left makes no difference here, because it is no member in either case.
    /// </remarks>
    private static bool IsMember(RosterRow row, bool hasDevice) =>
        RejoinPolicy.IsMember(
            RejoinPolicy.Decide(
                new(row.State, row.EndedAt, row.HasLeaf, hasDevice, row.IsBanned),
                default,
                TimeSpan.MaxValue
            )
        );

    /// <summary>
    /// The rows of the account's device with the given id; without an id, of all devices of the account.
    /// </summary>
    /// <exception cref="RefusedException">Unauthorized: the account has no device with that id.</exception>
    private static async Task<List<long>> DevicesAsync(
        MlsDbContext context,
        string did,
        string? deviceId,
        CancellationToken cancellation
    )
    {
        var devices = await context
            .Set<Device>()
            .Where(device =>
                device.Did == did && device.DeletedAt == null && (deviceId == null || device.DeviceId == deviceId)
            )
            .Select(device => device.Id)
            .ToListAsync(cancellation);
        return deviceId is null || devices.Count > 0
            ? devices
            : throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
    }

    /// <summary>What the database has of an account in a conversation.</summary>
    private sealed record RosterRow(
        string ConvoId,
        RosterState State,
        DateTimeOffset? EndedAt,
        long Epoch,
        bool IsBanned,
        bool HasLeaf,
        DateTimeOffset? LastActivity
    );
}
