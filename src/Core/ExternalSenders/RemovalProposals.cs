using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.ExternalSenders;

/// <summary>
/// Proposes in the service's name the removal of leaves whose accounts are gone, in the groups that list a key of the
/// service in external_senders. It makes a Remove of an external sender (RFC 9420 §12.1.8) for each such leaf, anew in
/// each epoch (delivery-service §10.4).
/// </summary>
public sealed partial class RemovalProposals
{
    /// <summary>The actor of these proposals in the audit log.</summary>
    public const string Actor = "service";
    private const int Batch = 100;

    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly SignatureKeys _keys;
    private readonly AuditLog _audit;
    private readonly TimeProvider _clock;
    private readonly ILogger<RemovalProposals> _log;

    /// <summary>
    /// The conversations that failed in the last call, so that each is logged once and not at every call.
    /// </summary>
    private volatile HashSet<string> _failing = [];

    internal RemovalProposals(
        Database database,
        PublicGroups groups,
        SignatureKeys keys,
        AuditLog audit,
        TimeProvider clock,
        ILogger<RemovalProposals> log
    ) => (_database, _groups, _keys, _audit, _clock, _log) = (database, groups, keys, audit, clock, log);

    /// <summary>
    /// Proposes the removals that are due and not yet proposed in the current epochs. Any host may call this at any
    /// time: each leaf is proposed once in an epoch. A conversation that fails is skipped.
    /// </summary>
    /// <returns>How many proposals were made.</returns>
    /// <exception cref="AggregateException">Conversations failed; all others have been tried.</exception>
    public async Task<int> ProposeAsync(CancellationToken cancellation)
    {
        int made = 0;
        string after = "";
        var failures = new Dictionary<string, Exception>(StringComparer.Ordinal);
        while (await DueAsync(after, cancellation) is { Count: > 0 } due)
        {
            foreach (string convoId in due)
            {
                try
                {
                    made += await ProposeAsync(convoId, cancellation);
                }
                catch (Exception failure) when (!cancellation.IsCancellationRequested)
                {
                    failures.Add(convoId, failure);
                    if (!_failing.Contains(convoId))
                        LogSkipped(failure, convoId);
                }
            }
            after = due[^1];
        }
        _failing = [.. failures.Keys];
        if (failures.Count > 0)
            throw new AggregateException("Removals could not be proposed in some conversations.", failures.Values);
        return made;
    }

    private async Task<List<string>> DueAsync(string after, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        return await context
            .Set<PendingRemoval>()
            .Where(pending => string.Compare(pending.ConvoId, after) > 0)
            .Join(
                context.Set<Conversation>(),
                pending => pending.ConvoId,
                conversation => conversation.Id,
                (pending, conversation) =>
                    new
                    {
                        pending.ConvoId,
                        pending.ProposedEpoch,
                        conversation.Epoch,
                        conversation.SignatureKeyId,
                    }
            )
            .Where(row => row.SignatureKeyId != null && (row.ProposedEpoch == null || row.ProposedEpoch < row.Epoch))
            .Select(row => row.ConvoId)
            .Distinct()
            .OrderBy(id => id)
            .Take(Batch)
            .ToListAsync(cancellation);
    }

    private async Task<int> ProposeAsync(string convoId, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        var conversation = await context.Set<Conversation>().SingleAsync(row => row.Id == convoId, cancellation);
        if (
            await context
                .Set<SignatureKey>()
                .SingleOrDefaultAsync(row => row.Id == conversation.SignatureKeyId, cancellation)
            is not { } key
        )
            return 0;
        var pending = await PendingRemovals.OfAsync(context, convoId, cancellation);
        IReadOnlyList<(string Did, VerifiedProposal Proposal)>? proposals = null;
        try
        {
            var group = await _groups.GetAsync(conversation, cancellation);
            proposals = Sign(group, key, pending);
        }
        catch (Exception broken) when (broken is CryptographicException or MlsException or InvalidDataException)
        {
            // Signing would fail for the rest of the epoch. So the members are asked to remove the leaves, as in a
            // group that does not list the service.
            LogFault(broken, convoId, conversation.Epoch);
        }
        try
        {
            var (made, entry) = await _database.WriteAsync(
                write => WriteAsync(write, conversation, proposals),
                cancellation
            );
            if (entry is not null)
                _audit.Announce(entry);
            return made;
        }
        catch (RefusedException overtaken) when (overtaken.Refusal.Error == ErrorNames.EpochMismatch)
        {
            // The epoch has ended meanwhile. The next call looks at the epoch that has begun.
            return 0;
        }
    }

    private List<(string Did, VerifiedProposal Proposal)> Sign(
        PublicGroup group,
        SignatureKey key,
        IReadOnlyList<PendingLeaf> pending
    )
    {
        var senders = ExternalSender.Of(group.Context.Extensions);
        uint place = (uint)
            Enumerable.Range(0, senders.Count).First(i => senders[i].SignatureKey.Span.SequenceEqual(key.PublicKey));
        using var pair = _keys.Open(key);
        var signed = new List<(string, VerifiedProposal)>();
        foreach (var leaf in pending)
        {
            byte[] message = ExternalProposals.Send(
                group.CipherSuite,
                pair,
                place,
                group.GroupId,
                group.Epoch,
                new RemoveProposal(new(leaf.LeafIndex))
            );
            // The proposal has to pass the checks of every proposal, because the commit that names it will be judged by
            // them.
            var authenticated = group.Authenticate(MlsMessage.Decode(message).PublicMessage!);
            group.VerifyProposal(authenticated, null);
            signed.Add((leaf.Did, new(message, group.ReferenceOf(authenticated), authenticated.Content)));
        }
        return signed;
    }

    /// <param name="write">The context of the transaction.</param>
    /// <param name="conversation">The conversation as it was read before.</param>
    /// <param name="proposals">
    /// The signed proposals, each with the account whose leaf it removes; null if none can be made in this epoch.
    /// </param>
    private async Task<(int Made, AuditEntry? Entry)> WriteAsync(
        MlsDbContext write,
        Conversation conversation,
        IReadOnlyList<(string Did, VerifiedProposal Proposal)>? proposals
    )
    {
        string id = conversation.Id;
        long epoch = conversation.Epoch;
        var now = _clock.GetUtcNow();
        // This lock comes first: the host that has it is the only one that proposes in the conversation, and no epoch
        // begins before its transaction ends.
        await Conversation.HoldAsync(write, id);
        var due = await write
            .Database.SqlQuery<string>(
                $"""
                UPDATE pending_removals SET proposed_epoch = {epoch}
                WHERE convo_id = {id} AND (proposed_epoch IS NULL OR proposed_epoch < {epoch})
                RETURNING did AS "Value"
                """
            )
            .ToListAsync();
        if (proposals is null)
        {
            foreach (string did in due)
                write.AddEvent(OutboxEvent.RemovalRequested(id, did, epoch, now));
            return default;
        }
        List<VerifiedProposal> wanted = [.. proposals.Where(one => due.Contains(one.Did)).Select(one => one.Proposal)];
        if (wanted.Count == 0)
            return default;
        await ProposalLog.AppendAsync(write, conversation, wanted, LogEntry.OfService, now);
        var entry = new AuditEntry
        {
            At = now,
            Actor = Actor,
            Action = "proposeRemoval",
            Subject = id,
            Outcome = RequestOutcomes.Accepted,
            EpochBefore = (ulong)epoch,
            CorrelationId = Guid.NewGuid().ToString("N"),
        };
        write.Add(entry);
        return (wanted.Count, entry);
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Removals cannot be proposed in conversation {ConvoId}; it is skipped and tried again"
    )]
    private partial void LogSkipped(Exception failure, string convoId);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The service cannot propose removals in conversation {ConvoId} at epoch {Epoch}; "
            + "its members are asked"
    )]
    private partial void LogFault(Exception broken, string convoId, long epoch);
}
