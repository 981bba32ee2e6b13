using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Approvals;

/// <summary>What others ask about approvals.</summary>
internal static class ApprovalRequirement
{
    /// <summary>A device may come in by itself with the key of the leaf that it has, or with one that was approved.</summary>
    /// <param name="context">The database.</param>
    /// <param name="access">Of its account.</param>
    /// <param name="device">Which wants to come in.</param>
    /// <param name="signatureKey">That its new leaf will have.</param>
    /// <param name="leaf">The leaf that it has; null for none.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <returns>The device that approved it; null where none had to.</returns>
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

    /// <summary>Before a device has said with which key it comes: some key of it may do. Where no device is named, some device of the account.</summary>
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

    /// <remarks>How long ago somebody left has been asked before.</remarks>
    private static void Require(Access access, bool lacksApproval)
    {
        if (
            !RejoinPolicy.Allows(
                RejoinPolicy.Decide(access.Standing with { LacksApproval = lacksApproval }, default, TimeSpan.MaxValue)
            )
        )
            throw Refusal.DeviceNotApproved.AsException();
    }

    /// <summary>In the list of an epoch: who has a leaf now has used its approval.</summary>
    public static void Use(Statements statements, string convoId, Device device, DateTimeOffset now) =>
        statements.Add(
            $"UPDATE device_approvals SET ended_at = {now.ToUnixTimeMilliseconds()} WHERE convo_id = {convoId} AND device_row = {device.Id} AND ended_at IS NULL"
        );

    /// <summary>Approvals that nobody has used, by devices that have a leaf.</summary>
    private static IQueryable<DeviceApproval> OpenApprovals(MlsDbContext context, string convoId) =>
        context
            .Set<DeviceApproval>()
            .Where(approval =>
                approval.ConvoId == convoId
                && approval.EndedAt == null
                && context.Set<Leaf>().Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == approval.ApprovedBy)
            );
}
