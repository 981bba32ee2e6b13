using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Epochs;

/// <summary>The leaves that one commit changes, and what follows for devices and accounts.</summary>
/// <param name="Removed">The indices of leaves that are blank now, or that another device has now.</param>
/// <param name="Added">The leaves that the commit gives to devices.</param>
/// <param name="NewDevices">
/// Those of the devices in <paramref name="Added"/> that had no leaf before, or had a leaf with another signature key.
/// </param>
/// <param name="LostDids">
/// The accounts whose last leaf another account took away, and which therefore count as removed (delivery-service
/// §4.6).
/// </param>
internal sealed record LeafChanges(
    IReadOnlyList<uint> Removed,
    IReadOnlyList<(uint LeafIndex, Device Device)> Added,
    IReadOnlyList<Device> NewDevices,
    IReadOnlyList<string> LostDids
)
{
    /// <summary>
    /// The leaf changes of an external commit whose rules have been checked. No account counts as removed by it: each
    /// leaf that it removes is of the joiner's own account, or its owner proposed the removal by a SelfRemove.
    /// </summary>
    public static LeafChanges OfJoin(StagedCommit staged, Device joiner) =>
        new(
            [.. staged.Removed.Select(entry => entry.LeafIndex.Value)],
            [(staged.Committer.Value, joiner)],
            IsNew(staged.CommitterLeaf, staged) ? [joiner] : [],
            []
        );

    /// <summary>
    /// Whether the commit removes no leaf with the signature key of <paramref name="leaf"/>. If so, the device counts
    /// as new, also where it had a leaf with another key: whoever has the account's tokens can enrol a key of their own
    /// for a device that is in the conversation.
    /// </summary>
    public static bool IsNew(LeafNode leaf, StagedCommit staged) =>
        !staged.Removed.Any(entry => entry.Leaf.SignatureKey.Span.SequenceEqual(leaf.SignatureKey.Span));

    /// <summary>
    /// Decides which accounts a member's commit removes from the conversation. The owners of the leaves are read here,
    /// before the transaction of the epoch. They are still right when the epoch is written: leaves change only when an
    /// epoch begins, and the epoch is written only if the conversation is still in the epoch that was read before (the
    /// compare-and-swap on the conversation's row).
    /// </summary>
    /// <param name="context">The database.</param>
    /// <param name="convoId">The conversation.</param>
    /// <param name="removed">The indices of the leaves that the commit removes.</param>
    /// <param name="added">The leaves that the commit gives to devices.</param>
    /// <param name="newDevices">Those of the added devices that count as new (<see cref="IsNew"/>).</param>
    /// <param name="byOwner">
    /// The indices of the removed leaves whose own account wanted the removal. Such an account does not count as
    /// removed.
    /// </param>
    /// <param name="cancellation">Ends the reading.</param>
    public static async Task<LeafChanges> DecideAsync(
        MlsDbContext context,
        string convoId,
        IReadOnlyList<uint> removed,
        IReadOnlyList<(uint LeafIndex, Device Device)> added,
        IReadOnlyList<Device> newDevices,
        IReadOnlySet<uint> byOwner,
        CancellationToken cancellation
    )
    {
        if (removed.Count == 0)
            return new(removed, added, newDevices, []);
        var indices = removed.Select(index => (long)index).ToList();
        var gone = await context
            .Set<Leaf>()
            .Where(leaf => leaf.ConvoId == convoId && indices.Contains(leaf.LeafIndex))
            .Join(
                context.Set<Device>(),
                leaf => leaf.DeviceRow,
                device => device.Id,
                (leaf, device) => new { leaf.LeafIndex, device.Did }
            )
            .ToListAsync(cancellation);
        // delivery-service §4.6: an account counts as removed only if another account takes its last leaf away, and
        // the commit has no Add for it.
        var lost = gone.Where(row => !byOwner.Contains((uint)row.LeafIndex))
            .Select(row => row.Did)
            .Except(added.Select(entry => entry.Device.Did))
            .ToList();
        if (lost.Count > 0)
            lost =
            [
                .. lost.Except(
                    await context
                        .Set<Leaf>()
                        .Where(leaf => leaf.ConvoId == convoId && !indices.Contains(leaf.LeafIndex))
                        .Join(
                            context.Set<Device>(),
                            leaf => leaf.DeviceRow,
                            device => device.Id,
                            (_, device) => device.Did
                        )
                        .Where(did => lost.Contains(did))
                        .ToListAsync(cancellation)
                ),
            ];
        return new(removed, added, newDevices, lost);
    }
}
