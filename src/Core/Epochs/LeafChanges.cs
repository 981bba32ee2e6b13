using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Epochs;

/// <param name="Removed">Leaves that are blank or held by another device now.</param>
/// <param name="Added">Leaves that a device holds now.</param>
/// <param name="NewDevices">Those of the devices that held none, or held it with another signature key.</param>
/// <param name="LostDids">Accounts whose last leaf another one took away.</param>
internal sealed record LeafChanges(
    IReadOnlyList<uint> Removed,
    IReadOnlyList<(uint LeafIndex, Device Device)> Added,
    IReadOnlyList<Device> NewDevices,
    IReadOnlyList<string> LostDids
)
{
    /// <summary>Of an external commit, whose rules have been checked: what it removes, its own account or its owners wanted removed.</summary>
    public static LeafChanges OfJoin(StagedCommit staged, Device joiner) =>
        new(
            [.. staged.Removed.Select(entry => entry.LeafIndex.Value)],
            [(staged.Committer.Value, joiner)],
            IsNew(staged.CommitterLeaf, staged) ? [joiner] : [],
            []
        );

    /// <summary>With another key a device is a new one: who has an account's tokens can enrol a key of their own for a device that is in.</summary>
    public static bool IsNew(LeafNode leaf, StagedCommit staged) =>
        !staged.Removed.Any(entry => entry.Leaf.SignatureKey.Span.SequenceEqual(leaf.SignatureKey.Span));

    /// <summary>Leaves change with the epoch alone: what is read here after the conversation's row holds if the compare-and-swap does. Whose own account wanted it has not lost its leaf.</summary>
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
        // delivery-service §4: an account counts as removed only if another one takes its last leaf away without an Add for it.
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
