using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Approvals;

/// <summary>
/// The rule that a device which comes in by itself may need the approval of another device of its account
/// (delivery-service §5.3), for the features that let devices in.
/// </summary>
internal static class ApprovalRequirement
{
    /// <summary>
    /// Refuses a device that may not come in by itself with the given signature key. Where the conversation requires
    /// approvals, the key has to be that of the leaf which the device has, or one that was approved for the device.
    /// </summary>
    /// <param name="context">The database.</param>
    /// <param name="access">The access of the device's account to the conversation.</param>
    /// <param name="device">The device that wants to come in.</param>
    /// <param name="signatureKey">The signature public key that the device's new leaf will have.</param>
    /// <param name="leaf">The leaf that the device has; null if it has none.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <returns>The row of the device that gave the approval; null where no approval was needed.</returns>
    /// <exception cref="RefusedException">DeviceNotApproved</exception>
    public static async Task<long?> RequireAsync(
        MlsDbContext context,
        Access access,
        Device device,
        ReadOnlyMemory<byte> signatureKey,
        LeafNode? leaf,
        CancellationToken cancellation
    )
    {
        if (!access.Conversation.RequiresApproval || leaf?.SignatureKey.Span.SequenceEqual(signatureKey.Span) == true)
            return null;
        byte[] key = signatureKey.ToArray();
        long? by = await OpenApprovals(context, access.Conversation.Id)
            .Where(approval => approval.DeviceRow == device.Id && approval.SignatureKey == key)
            .Select(approval => (long?)approval.ApprovedBy)
            .FirstOrDefaultAsync(cancellation);
        Require(access, lacksApproval: by is null);
        return by;
    }

    /// <summary>
    /// Refuses a device that could not come in with any key: it has neither a leaf nor an open approval. It is asked
    /// before the device has said with which key it comes; <see cref="RequireAsync"/> decides later. Where no device is
    /// named, one device of the account that could come in is enough.
    /// </summary>
    /// <exception cref="RefusedException">DeviceNotApproved</exception>
    public static async Task RequireAnyAsync(
        MlsDbContext context,
        Access access,
        string? deviceId,
        CancellationToken cancellation
    )
    {
        if (!access.Conversation.RequiresApproval)
            return;
        string id = access.Conversation.Id;
        var rows = access
            .Devices.Where(device => deviceId is null || device.DeviceId == deviceId)
            .Select(device => device.Id)
            .ToList();
        bool may = await context
            .Set<Device>()
            .AnyAsync(
                device =>
                    rows.Contains(device.Id)
                    && (
                        context.Set<Leaf>().Any(leaf => leaf.ConvoId == id && leaf.DeviceRow == device.Id)
                        || OpenApprovals(context, id).Any(approval => approval.DeviceRow == device.Id)
                    ),
                cancellation
            );
        Require(access, lacksApproval: !may && rows.Count > 0);
    }

    /// <remarks>
    /// Only the approval is decided here. The grace period was checked when <paramref name="access"/> was read, so the
    /// policy gets no time and an endless grace period.
    /// </remarks>
    private static void Require(Access access, bool lacksApproval)
    {
        if (
            !RejoinPolicy.Allows(
                RejoinPolicy.Decide(access.Standing with { LacksApproval = lacksApproval }, default, TimeSpan.MaxValue)
            )
        )
            throw Refusal.DeviceNotApproved.AsException();
    }

    /// <summary>
    /// Adds to the list of an epoch that the open approvals of a device end, because the device has a new leaf now.
    /// </summary>
    public static void Use(Statements statements, string convoId, Device device, DateTimeOffset now) =>
        statements.Add(
            $"""
            UPDATE device_approvals SET ended_at = {now.ToUnixTimeMilliseconds()}
            WHERE convo_id = {convoId} AND device_row = {device.Id} AND ended_at IS NULL
            """
        );

    /// <summary>
    /// The approvals of a conversation that have not ended and were given by devices that have a leaf.
    /// </summary>
    private static IQueryable<DeviceApproval> OpenApprovals(MlsDbContext context, string convoId) =>
        context
            .Set<DeviceApproval>()
            .Where(approval =>
                approval.ConvoId == convoId
                && approval.EndedAt == null
                && context.Set<Leaf>().Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == approval.ApprovedBy)
            );
}
