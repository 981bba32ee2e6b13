using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.Conversations;

/// <summary>The question for the commits after an epoch.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="FromEpoch">The epoch that the caller has; the first commit of the answer ends this epoch.</param>
/// <param name="ToEpoch">The last epoch whose commit is wanted; null for the current epoch.</param>
public sealed record GetCommitsRequest(string ConvoId, ulong FromEpoch, ulong? ToEpoch);

/// <summary>A commit as it is handed out.</summary>
/// <param name="Epoch">The epoch that the commit creates.</param>
/// <param name="Seq">The commit's sequence number in the conversation's log.</param>
/// <param name="Commit">The commit as an MLSMessage.</param>
/// <param name="Proposals">
/// The proposals that the commit names by reference, in the commit's order, as MLSMessages.
/// </param>
/// <param name="External">Whether the commit is an external one (RFC 9420 §12.4.3.2).</param>
/// <param name="CreatedAt">When the commit was accepted.</param>
public sealed record StoredCommit(
    ulong Epoch,
    long Seq,
    byte[] Commit,
    IReadOnlyList<byte[]> Proposals,
    bool External,
    DateTimeOffset CreatedAt
);

public sealed partial class ConversationReader
{
    /// <summary>
    /// The number of commits in one answer at most. A caller who needs more asks again from the epoch of the last
    /// commit.
    /// </summary>
    public const int MaxCommits = 200;

    /// <summary>The commits after the epoch that the caller has, in the order of their epochs.</summary>
    /// <exception cref="RefusedException">Unauthorized: the caller may not join the conversation.</exception>
    public async Task<IReadOnlyList<StoredCommit>> GetCommitsAsync(
        Caller caller,
        GetCommitsRequest input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetCommits, input.ConvoId),
            () => Access.RequireJoinerAsync(context, caller, input.ConvoId, _clock.GetUtcNow(), _settings, cancellation)
        );
        // Epochs in requests are below 2^53, so a long holds them. A larger epoch would be beyond the last one anyway,
        // and have no commits.
        long from = (long)Math.Min(input.FromEpoch, long.MaxValue),
            to = (long)Math.Min(input.ToEpoch ?? long.MaxValue, long.MaxValue);
        var rows = await context
            .Set<LogEntry>()
            .Where(row =>
                row.ConvoId == input.ConvoId && row.Kind == LogKind.Commit && row.Epoch > from && row.Epoch <= to
            )
            .OrderBy(row => row.Epoch)
            .Take(MaxCommits)
            .ToListAsync(cancellation);
        var commits = rows.Select(row => MlsMessage.Decode(row.Message).PublicMessage!.Content).ToList();
        var proposals = await ProposalLog.FindAsync(context, input.ConvoId, commits, cancellation);
        return
        [
            .. rows.Zip(
                commits,
                (row, commit) =>
                    new StoredCommit(
                        (ulong)row.Epoch,
                        row.Seq,
                        row.Message,
                        ProposalLog.Of(commit, proposals),
                        row.External,
                        row.CreatedAt
                    )
            ),
        ];
    }
}
