using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Audit;

/// <summary>What a check of the audit chain found.</summary>
/// <param name="Linked">How many linked entries hold, from the first on.</param>
/// <param name="Unlinked">How many entries are not linked yet. Nothing protects them.</param>
/// <param name="Head">
/// The hash of the last linked entry that holds, in lower-case hex; null if there is none. Whoever has noted it can
/// prove later that the log up to that entry is unchanged.
/// </param>
/// <param name="Broken">The first entry that does not hold; null if every linked entry holds.</param>
public sealed record AuditReport(long Linked, long Unlinked, string? Head, BrokenAuditEntry? Broken)
{
    /// <summary>Whether every linked entry is unchanged since it was linked.</summary>
    public bool Holds => Broken is null;
}

/// <summary>The first entry of the audit chain that does not hold.</summary>
/// <param name="Position">The place in the chain that does not hold.</param>
/// <param name="Id">The id of the entry that stands there; null if there is none.</param>
/// <param name="What">What is wrong, as a sentence.</param>
public sealed record BrokenAuditEntry(long Position, long? Id, string What);

/// <summary>
/// Checks the audit chain from its first entry to its last. The check only reads, and no host has to run.
/// </summary>
public static class AuditVerifier
{
    /// <param name="database">A database of the current schema.</param>
    /// <param name="cancellation">Ends the check.</param>
    public static async Task<AuditReport> VerifyAsync(Database database, CancellationToken cancellation)
    {
        await using var context = database.Read();
        long position = 0;
        byte[] hash = AuditChain.Start;
        while (true)
        {
            long from = position;
            await foreach (
                var entry in context
                    .Set<AuditEntry>()
                    .Where(entry => entry.Position > from)
                    .OrderBy(entry => entry.Position)
                    .AsAsyncEnumerable()
                    .WithCancellation(cancellation)
            )
            {
                long expected = position + 1;
                if (entry.Position != expected)
                    return await BrokenAsync(expected, null, "The entry is missing.");
                byte[] right = AuditChain.HashOf(entry, expected, hash);
                if (entry.Hash is null || !right.AsSpan().SequenceEqual(entry.Hash))
                    return await BrokenAsync(
                        expected,
                        entry.Id,
                        "The entry was changed after it was linked, or another stands in its place."
                    );
                (position, hash) = (expected, right);
            }
            // A linker may have linked further entries meanwhile. These are checked too, until the last entry that was
            // checked is the last one that the linker's lease names.
            var head = await context
                .Set<Lease>()
                .SingleOrDefaultAsync(row => row.Name == AuditLinker.LeaseName, cancellation);
            if (position > (head?.Position ?? 0))
                return await BrokenAsync(position, null, "The entry was appended by somebody else than the linker.");
            if (position == (head?.Position ?? 0))
            {
                if (position > 0 && !hash.AsSpan().SequenceEqual(head!.Hash))
                    return await BrokenAsync(position, null, "The linker's own record of the last hash is another.");
                break;
            }
            if (!await context.Set<AuditEntry>().AnyAsync(entry => entry.Position > position, cancellation))
                return await BrokenAsync(position + 1, null, "The entry is missing.");
        }
        return new(position, await UnlinkedAsync(), position == 0 ? null : AuditChain.Hex(hash), null);

        async Task<AuditReport> BrokenAsync(long at, long? id, string what) =>
            new(position, await UnlinkedAsync(), position == 0 ? null : AuditChain.Hex(hash), new(at, id, what));

        // The count has a context of its own, because a connection to PostgreSQL can have one open reader at a time.
        async Task<long> UnlinkedAsync()
        {
            await using var other = database.Read();
            return await other.Set<AuditEntry>().LongCountAsync(entry => entry.Position == null, cancellation);
        }
    }

    /// <summary>
    /// Writes every entry as a line of JSON: the linked entries in the order of the chain, then those that are not
    /// linked.
    /// </summary>
    /// <remarks>
    /// The line of a linked entry without its property <c>hash</c> is byte for byte what was hashed, in the form of RFC
    /// 8785; <c>previous</c> is the hash of the line before.
    /// </remarks>
    public static async Task ExportAsync(Database database, TextWriter writer, CancellationToken cancellation)
    {
        await using var context = database.Read();
        byte[] previous = AuditChain.Start;
        await foreach (
            var entry in context
                .Set<AuditEntry>()
                .Where(entry => entry.Position != null)
                .OrderBy(entry => entry.Position)
                .AsAsyncEnumerable()
                .WithCancellation(cancellation)
        )
        {
            await writer.WriteAsync(AuditChain.Json(entry, entry.Position, previous, entry.Hash) + "\n");
            previous = entry.Hash!;
        }
        await foreach (
            var entry in context
                .Set<AuditEntry>()
                .Where(entry => entry.Position == null)
                .OrderBy(entry => entry.Id)
                .AsAsyncEnumerable()
                .WithCancellation(cancellation)
        )
            await writer.WriteAsync(AuditChain.Json(entry, null, null, null) + "\n");
        await writer.FlushAsync(cancellation);
    }
}
