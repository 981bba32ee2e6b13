using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Log;

/// <summary>
/// The proposals in the logs of conversations. A proposal is good for the epoch that it was sent in, and for no other.
/// </summary>
internal static class ProposalLog
{
    /// <summary>
    /// Appends verified proposals and their events, if the conversation is still in the epoch of the proposals.
    /// </summary>
    /// <returns>
    /// The sequence number of the first proposal; if there are no proposals, the one that the next entry of the log
    /// gets.
    /// </returns>
    /// <exception cref="RefusedException">
    /// EpochMismatch: the epoch has ended meanwhile. Unauthorized: the sender was banned meanwhile.
    /// </exception>
    public static async Task<long> AppendAsync(
        MlsDbContext context,
        Conversation conversation,
        IReadOnlyList<VerifiedProposal> proposals,
        string sender,
        DateTimeOffset now
    )
    {
        string id = conversation.Id;
        var seqs = await context
            .Database.SqlQuery<long>(
                $"""
                UPDATE conversations SET next_seq = next_seq + {proposals.Count}
                WHERE id = {id} AND epoch = {conversation.Epoch}
                RETURNING next_seq - {proposals.Count} AS "Value"
                """
            )
            .ToListAsync();
        if (seqs.Count == 0)
            throw Refusal
                .EpochMismatch(
                    (ulong)
                        await context
                            .Set<Conversation>()
                            .AsNoTracking()
                            .Where(row => row.Id == id)
                            .Select(row => row.Epoch)
                            .SingleAsync(),
                    (ulong)conversation.Epoch
                )
                .AsException();
        if (await context.IsBannedAsync(sender, id, CancellationToken.None))
            throw Refusal.Unauthorized(RefusalReasons.Banned).AsException();
        for (int i = 0; i < proposals.Count; i++)
        {
            var logged = new LogEntry
            {
                ConvoId = id,
                Seq = seqs[0] + i,
                Kind = LogKind.Proposal,
                Epoch = conversation.Epoch,
                Message = proposals[i].Message,
                Reference = proposals[i].Reference,
                Sender = sender,
                CreatedAt = now,
            };
            context.Add(logged);
            context.AddEvent(OutboxEvent.Of(logged));
        }
        return seqs[0];
    }

    /// <summary>Finds the proposals that commits name by reference.</summary>
    /// <param name="context">The database.</param>
    /// <param name="convoId">The conversation.</param>
    /// <param name="commits">The contents of commits of consecutive epochs.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static async Task<Dictionary<string, byte[]>> FindAsync(
        MlsDbContext context,
        string convoId,
        IReadOnlyCollection<FramedContent> commits,
        CancellationToken cancellation
    )
    {
        var references = commits.SelectMany(ReferencesOf).ToList();
        if (references.Count == 0)
            return [];
        long first = (long)commits.Min(commit => commit.Epoch),
            last = (long)commits.Max(commit => commit.Epoch);
        var rows = await context
            .Set<LogEntry>()
            .AsNoTracking()
            .Where(row =>
                row.ConvoId == convoId
                && row.Kind == LogKind.Proposal
                && row.Epoch >= first
                && row.Epoch <= last
                && references.Contains(row.Reference!)
            )
            .Select(row => new { row.Reference, row.Message })
            .ToListAsync(cancellation);
        return rows.ToDictionary(row => Convert.ToHexString(row.Reference!), row => row.Message);
    }

    /// <summary>
    /// The SelfRemove proposals among the proposals that wait in an epoch, as MLSMessages in the order of the log. The
    /// external commit of a joiner may name them.
    /// </summary>
    public static IReadOnlyList<byte[]> SelfRemoves(IEnumerable<Waiting> proposals) =>
        [
            .. proposals
                .OrderBy(proposal => proposal.Seq)
                .Select(proposal => proposal.Message)
                .Where(message => MlsMessage.Decode(message).PublicMessage!.Content.Proposal is SelfRemoveProposal),
        ];

    /// <summary>
    /// The proposals that the commit names by reference, in the commit's order, out of those that
    /// <see cref="FindAsync"/> found.
    /// </summary>
    public static IReadOnlyList<byte[]> Of(FramedContent commit, Dictionary<string, byte[]> found) =>
        [
            .. ReferencesOf(commit)
                .Select(reference => found.GetValueOrDefault(Convert.ToHexString(reference)))
                .OfType<byte[]>(),
        ];

    /// <summary>
    /// The proposals that the commit names by reference, authenticated in the group of the commit's epoch.
    /// </summary>
    public static IReadOnlyCollection<AuthenticatedContent> AuthenticatedOf(
        FramedContent commit,
        Dictionary<string, byte[]> found,
        PublicGroup group
    ) => [.. Of(commit, found).Select(message => group.Authenticate(MlsMessage.Decode(message).PublicMessage!))];

    private static IEnumerable<byte[]> ReferencesOf(FramedContent commit) =>
        commit.Commit!.Proposals.Where(item => item.Proposal is null).Select(item => item.Reference.ToArray());

    /// <summary>
    /// A proposal that waits in the current epoch for a commit: its place in the log and its MLSMessage.
    /// </summary>
    public sealed record Waiting(long Seq, byte[] Message);
}
