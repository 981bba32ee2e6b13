using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rejoins;

/// <summary>
/// A request of a device to be added again, which a member's commit may answer (delivery-service §9).
/// </summary>
/// <param name="Id">The request's id.</param>
/// <param name="Did">The account of the device.</param>
/// <param name="DeviceId">The device, by the id that its account gave it.</param>
/// <param name="KeyPackage">The key package to be added, as an MLSMessage.</param>
/// <param name="Reason">The reason that the device gave; null if it gave none.</param>
/// <param name="CreatedAt">When the request was made.</param>
/// <param name="ExpiresAt">From when on the request is not open any more.</param>
/// <param name="Leaf">The leaf that the device has, which the commit has to remove; null if it has none.</param>
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
    /// <summary>
    /// The open requests of a conversation, oldest first. A request is open while it is neither answered nor expired,
    /// its device is not deleted, and its account may still come back. If the request needed the approval of another
    /// device, that device must still have a leaf.
    /// </summary>
    /// <param name="context">The database.</param>
    /// <param name="convoId">The conversation.</param>
    /// <param name="packages">The KeyPackageRefs of the key packages that matter; null for all.</param>
    /// <param name="now">The current time.</param>
    /// <param name="grace">How long after it left an account may come back by itself.</param>
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
        var rows = await Unanswered(context, convoId, packages, now)
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
        var open = new List<OpenRejoinRequest>();
        foreach (var row in rows)
        {
            var standing = new Standing(
                row.State,
                row.EndedAt,
                HasLeaf: row.Leaf is not null,
                HasDevice: true,
                row.IsBanned,
                row.LacksApproval
            );
            if (RejoinPolicy.Allows(RejoinPolicy.Decide(standing, now, grace)))
                open.Add(OfRow(row.Request, row.Did, row.DeviceId, row.KeyPackage, (uint?)row.Leaf));
        }
        return open;
    }

    /// <summary>
    /// The requests that are neither answered nor expired, of devices that are not deleted, with their key packages.
    /// </summary>
    private static IQueryable<UnansweredRequest> Unanswered(
        MlsDbContext context,
        string convoId,
        IReadOnlyList<byte[]>? packages,
        DateTimeOffset now
    ) =>
        context
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
                    new UnansweredRequest
                    {
                        Request = row.Request,
                        KeyPackage = row.KeyPackage,
                        Did = device.Did,
                        DeviceId = device.DeviceId,
                    }
            );

    private static OpenRejoinRequest OfRow(
        RejoinRequest request,
        string did,
        string deviceId,
        byte[] keyPackage,
        uint? leaf
    ) => new(request.Id, did, deviceId, keyPackage, request.Reason, request.CreatedAt, request.ExpiresAt, leaf);

    /// <summary>A step of the query. EF Core composes on it because its properties are set by name.</summary>
    private sealed record UnansweredRequest
    {
        public required RejoinRequest Request { get; init; }
        public required byte[] KeyPackage { get; init; }
        public required string Did { get; init; }
        public required string DeviceId { get; init; }
    }
}
