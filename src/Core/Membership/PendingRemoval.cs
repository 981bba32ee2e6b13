using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core;

/// <summary>Why leaves wait for their removal. The numbers are stored: never changed.</summary>
internal enum PendingKind
{
    /// <summary>The account left. Every member's commit must leave its leaves blank.</summary>
    Leave = 1,
    /// <summary>The account was banned.</summary>
    Ban = 2,
}

/// <summary>An account whose leaves any member may remove: it is gone, they are still in the tree. The epoch in which they are not any more, or in which the account joins again, settles it.</summary>
internal sealed class PendingRemoval
{
    public required string ConvoId { get; init; }
    public required string Did { get; init; }
    public PendingKind Kind { get; init; }
    /// <summary>Its place in the conversation's log: a commit that was verified before it did not know of it.</summary>
    public long Seq { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<PendingRemoval>
    {
        public void Configure(EntityTypeBuilder<PendingRemoval> builder)
        {
            builder.ToTable("pending_removals");
            builder.HasKey(pending => new { pending.ConvoId, pending.Did });
            builder.HasOne<Conversation>().WithMany().HasForeignKey(pending => pending.ConvoId);
        }
    }
}

/// <param name="LeafIndex">A leaf that waits for its removal.</param>
internal sealed record PendingLeaf(uint LeafIndex, string Did, PendingKind Kind);

/// <summary>Leaves of accounts that left or were banned.</summary>
internal static class PendingRemovals
{
    public static Task<List<PendingLeaf>> OfAsync(MlsDbContext context, string convoId, CancellationToken cancellation) =>
        context.Set<PendingRemoval>().Where(pending => pending.ConvoId == convoId)
            .Join(context.Set<Device>(), pending => pending.Did, device => device.Did, (pending, device) => new { pending.Did, pending.Kind, device.Id })
            .Join(context.Set<Leaf>().Where(leaf => leaf.ConvoId == convoId), owner => owner.Id, leaf => leaf.DeviceRow, (owner, leaf) => new PendingLeaf((uint)leaf.LeafIndex, owner.Did, owner.Kind))
            .AsNoTracking().ToListAsync(cancellation);

    /// <summary>A member's commit leaves the leaves of everybody who left blank.</summary>
    /// <exception cref="RefusedException">LeavePending</exception>
    public static void RequireRemoved(IReadOnlyList<PendingLeaf> pending, IEnumerable<uint> removed)
    {
        var gone = removed.ToHashSet();
        if (pending.Any(leaf => leaf.Kind == PendingKind.Leave && !gone.Contains(leaf.LeafIndex))) throw Refusal.LeavePending.AsException();
    }

    /// <summary>In the transaction of an epoch: settles what its commit settled. What it left behind, members are asked to remove: proposals of the epoch before are void.</summary>
    public static async Task SettleAsync(MlsDbContext context, string convoId, long epoch, IReadOnlyList<PendingLeaf> pending, LeafChanges leaves, DateTimeOffset now)
    {
        if (pending.Count == 0) return;
        var joined = leaves.Added.Select(entry => entry.Device.Did).ToHashSet();
        var removed = leaves.Removed.ToHashSet();
        var left = pending.Where(leaf => !removed.Contains(leaf.LeafIndex) && !joined.Contains(leaf.Did)).Select(leaf => leaf.Did).ToHashSet();
        var settled = pending.Select(leaf => leaf.Did).Where(did => !left.Contains(did)).Distinct().ToList();
        if (settled.Count > 0) await context.Set<PendingRemoval>().Where(row => row.ConvoId == convoId && settled.Contains(row.Did)).ExecuteDeleteAsync();
        foreach (string did in left) context.AddEvent(OutboxEvent.RemovalRequested(convoId, did, epoch, now));
    }
}
