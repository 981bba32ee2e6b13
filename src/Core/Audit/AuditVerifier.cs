using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Audit;

/// <summary>What a check of the audit chain found.</summary>
/// <param name="Linked">Linked entries that hold, from the first on.</param>
/// <param name="Unlinked">Entries that no linker has come to yet. Nothing protects them.</param>
/// <param name="Head">Hash of the last linked entry, lower-case hex; null if there is none. Whoever notes it can prove later that the log before it is the same.</param>
/// <param name="Broken">The first entry that does not hold.</param>
public sealed record AuditReport(long Linked, long Unlinked, string? Head, BrokenAuditEntry? Broken)
{
    /// <summary>Whether every linked entry is what it was when it was linked.</summary>
    public bool Holds => Broken is null;
}

/// <param name="Position">The place in the chain that does not hold.</param>
/// <param name="Id">The entry that stands there; null if none does.</param>
/// <param name="What">What is wrong, as a sentence.</param>
public sealed record BrokenAuditEntry(long Position, long? Id, string What);

/// <summary>Checks the chain from its first entry to its last. It only reads, and needs no host that runs.</summary>
public static class AuditVerifier
{
    /// <param name="database">Of the current schema.</param>
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
                    return await Broken(expected, null, "The entry is missing.");
                byte[] right = AuditChain.HashOf(entry, expected, hash);
                if (entry.Hash is null || !right.AsSpan().SequenceEqual(entry.Hash))
                    return await Broken(
                        expected,
                        entry.Id,
                        "The entry was changed after it was linked, or another stands in its place."
                    );
                (position, hash) = (expected, right);
            }
            // A linker may be at work meanwhile: what it has linked since then is checked too, until both agree.
            var head = await context
                .Set<Lease>()
                .SingleOrDefaultAsync(row => row.Name == AuditLinker.LeaseName, cancellation);
            if (position > (head?.Position ?? 0))
                return await Broken(position, null, "The entry was appended by somebody else than the linker.");
            if (position == (head?.Position ?? 0))
            {
                if (position > 0 && !hash.AsSpan().SequenceEqual(head!.Hash))
                    return await Broken(position, null, "The linker's own record of the last hash is another.");
                break;
            }
            if (!await context.Set<AuditEntry>().AnyAsync(entry => entry.Position > position, cancellation))
                return await Broken(position + 1, null, "The entry is missing.");
        }
        return new(position, await Unlinked(), position == 0 ? null : AuditChain.Hex(hash), null);

        async Task<AuditReport> Broken(long at, long? id, string what) =>
            new(position, await Unlinked(), position == 0 ? null : AuditChain.Hex(hash), new(at, id, what));

        // On a connection of its own: PostgreSQL has one open reader for each.
        async Task<long> Unlinked()
        {
            await using var other = database.Read();
            return await other.Set<AuditEntry>().LongCountAsync(entry => entry.Position == null, cancellation);
        }
    }

    /// <summary>Writes every entry as a line of JSON: the linked ones in the order of the chain, then those that are not linked.</summary>
    /// <remarks>A linked line without its <c>hash</c> is, in RFC 8785 form, what the hash is of; <c>previous</c> is the hash of the line before it.</remarks>
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
