using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rejoins;

/// <summary>A request that a member's commit may answer.</summary>
/// <param name="Leaf">The leaf that the device has; null for none.</param>
internal sealed record OpenRejoinRequest(
    string Id,
    string Did,
    string DeviceId,
    byte[] KeyPackage,
    string? Reason,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    uint? Leaf
)
{
    /// <summary>The open requests of a conversation, oldest first: those that are not too old, of devices and accounts that may still come back, and where a device approved them, that has a leaf still.</summary>
    /// <param name="context">The database.</param>
    /// <param name="convoId">The conversation.</param>
    /// <param name="packages">References of the key packages that matter; null for all.</param>
    /// <param name="now">The time.</param>
    /// <param name="grace">How long after they left accounts may come back.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static async Task<IReadOnlyList<OpenRejoinRequest>> FindAsync(
        MlsDbContext context,
        string convoId,
        IReadOnlyList<byte[]>? packages,
        DateTimeOffset now,
        TimeSpan grace,
        CancellationToken cancellation
    )
    {
        var rows = await context
            .Set<RejoinRequest>()
            .Where(request => request.ConvoId == convoId && request.AnsweredAt == null && request.ExpiresAt > now)
            .Join(
                context.Set<KeyPackageRow>(),
                request => request.KeyPackageRow,
                package => package.Id,
                (request, package) =>
                    new
                    {
                        Request = request,
                        package.Reference,
                        package.KeyPackage,
                    }
            )
            .Where(row => packages == null || packages.Contains(row.Reference))
            .Join(
                context.Set<Device>().Where(device => device.DeletedAt == null),
                row => row.Request.DeviceRow,
                device => device.Id,
                (row, device) =>
                    new
                    {
                        row.Request,
                        row.KeyPackage,
                        device.Did,
                        device.DeviceId,
                    }
            )
            .Join(
                context.Set<RosterEntry>().Where(entry => entry.ConvoId == convoId),
                row => row.Did,
                entry => entry.Did,
                (row, entry) =>
                    new
                    {
                        row.Request,
                        row.KeyPackage,
                        row.Did,
                        row.DeviceId,
                        entry.State,
                        entry.EndedAt,
                        IsBanned = context
                            .Set<Ban>()
                            .Any(ban =>
                                ban.Did == row.Did && (ban.ConvoId == convoId || ban.ConvoId == Ban.FromService)
                            ),
                        Leaf = context
                            .Set<Leaf>()
                            .Where(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == row.Request.DeviceRow)
                            .Select(leaf => (long?)leaf.LeafIndex)
                            .FirstOrDefault(),
                        LacksApproval = row.Request.ApprovedBy != null
                            && !context
                                .Set<Leaf>()
                                .Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == row.Request.ApprovedBy),
                    }
            )
            .OrderBy(row => row.Request.CreatedAt)
            .ThenBy(row => row.Request.Id)
            .AsNoTracking()
            .ToListAsync(cancellation);
        return
        [
            .. rows.Where(row =>
                    RejoinPolicy.Allows(
                        RejoinPolicy.Decide(
                            new(row.State, row.EndedAt, row.Leaf is not null, true, row.IsBanned, row.LacksApproval),
                            now,
                            grace
                        )
                    )
                )
                .Select(row => new OpenRejoinRequest(
                    row.Request.Id,
                    row.Did,
                    row.DeviceId,
                    row.KeyPackage,
                    row.Request.Reason,
                    row.Request.CreatedAt,
                    row.Request.ExpiresAt,
                    (uint?)row.Leaf
                )),
        ];
    }
}
