using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Calls;

/// <summary>
/// Runs calls. A procedure is done exactly once: its answer is stored with what it did, and a retry gets the same
/// answer, whatever the epoch, the policy or a limit would say by then. Every refusal is in the audit log before it is
/// thrown on.
/// </summary>
internal sealed class CallRunner(Database database, AuditLog audit, TimeProvider clock)
{
    private static readonly CompiledQuery<
        Func<MlsDbContext, string, string, string, IAsyncEnumerable<StoredAnswer>>
    > s_answer = new(() =>
        EF.CompileAsyncQuery(
            (MlsDbContext context, string caller, string method, string key) =>
                context
                    .Set<StoredAnswer>()
                    .AsNoTracking()
                    .Where(row => row.Caller == caller && row.Method == method && row.Key == key)
        )
    );

    /// <summary>Runs a procedure: decides what it does, and writes that with its answer and its audit entry.</summary>
    /// <param name="call">The call.</param>
    /// <param name="decide">Reads and decides; it writes nothing.</param>
    /// <param name="cancellation">Ends the decision and the wait for the turn to write, not the write.</param>
    /// <exception cref="RefusedException">What the decision was refused for, or what stands in its place.</exception>
    public async Task<TAnswer> RunAsync<TAnswer>(
        Call call,
        Func<Task<Change<TAnswer>>> decide,
        CancellationToken cancellation
    )
        where TAnswer : class
    {
        Change<TAnswer>? change = null;
        try
        {
            change = await decide();
            return change switch
            {
                TransactionChange<TAnswer> transaction => await WriteAsync(call, transaction, cancellation),
                StatementsChange<TAnswer> statements => await WriteAsync(call, statements, cancellation),
                RecordChange<TAnswer> record => await WriteAsync(call, record, cancellation),
                _ => throw new InvalidOperationException($"Unknown kind of change {change.GetType().Name}."),
            };
        }
        catch (Exception no) when (no is RefusedException or OvertakenException)
        {
            return await InsteadAsync(call, change, no);
        }
    }

    /// <summary>Runs a procedure that decides in the transaction in which it writes.</summary>
    /// <exception cref="RefusedException">What the work was refused for, or what stands in its place.</exception>
    public Task<TAnswer> RunAsync<TAnswer>(
        Call call,
        Func<MlsDbContext, Task<CallResult<TAnswer>>> work,
        CancellationToken cancellation
    )
        where TAnswer : class => RunAsync(call, () => Task.FromResult(Changes.InTransaction(work)), cancellation);

    /// <summary>Answers a query, or the part of it that decides who may ask.</summary>
    /// <exception cref="RefusedException">The question's own refusal.</exception>
    public async Task<TAnswer> AskAsync<TAnswer>(Call call, Func<Task<TAnswer>> question)
    {
        try
        {
            return await question();
        }
        catch (RefusedException refused)
        {
            await AuditRefusalAsync(call, refused.Refusal);
            throw;
        }
    }

    /// <summary>
    /// The one place where a refusal is replaced. First, by the stored answer: what was done once is answered, whatever
    /// the call is refused for now. Nearly every call is a new one, so stored answers are looked for only here. Second,
    /// where the statements of the change did not hold any more, by the reason for that. Third, by EpochMismatch, where
    /// the refused judgement was of an epoch that is over.
    /// </summary>
    private async Task<TAnswer> InsteadAsync<TAnswer>(Call call, Change<TAnswer>? change, Exception no)
        where TAnswer : class
    {
        Refusal refusal;
        try
        {
            if (await FindAnswerAsync<TAnswer>(call) is { } known)
                return known;
            refusal =
                (no as RefusedException)?.Refusal
                ?? (change is StatementsChange<TAnswer> statements ? await WhyOvertakenAsync(call, statements) : null)
                ?? throw no;
            refusal = await EpochIsOverAsync(call, refusal) ?? refusal;
        }
        catch (RefusedException conflict) when (conflict != no)
        {
            refusal = conflict.Refusal;
        }
        await AuditRefusalAsync(call, refusal);
        throw refusal.AsException();
    }

    private async Task<Refusal?> WhyOvertakenAsync<TAnswer>(Call call, StatementsChange<TAnswer> change)
    {
        await using var context = database.Read();
        if (await context.IsBannedAsync(call.Caller.Did.Value, call.Subject!, CancellationToken.None))
            return Refusal.Unauthorized(RefusalReasons.Banned);
        var now = await context
            .Set<Conversation>()
            .Where(row => row.Id == call.Subject)
            .Select(row => new { row.Epoch, row.LeftSeq })
            .SingleAsync(CancellationToken.None);
        return await change.WhyOvertaken((ulong)now.Epoch, now.LeftSeq);
    }

    private async Task<Refusal?> EpochIsOverAsync(Call call, Refusal refusal)
    {
        if (call.JudgedFor is not { } conversation || refusal.Error == ErrorNames.EpochMismatch)
            return null;
        await using var context = database.Read();
        long now = await context
            .Set<Conversation>()
            .Where(row => row.Id == conversation.Id)
            .Select(row => row.Epoch)
            .SingleAsync(CancellationToken.None);
        return now == conversation.Epoch ? null : Refusal.EpochMismatch((ulong)now, (ulong)conversation.Epoch);
    }

    private async Task<TAnswer> WriteAsync<TAnswer>(
        Call call,
        TransactionChange<TAnswer> change,
        CancellationToken cancellation
    )
        where TAnswer : class
    {
        var (answer, entry) = await database.WriteAsync(
            async context =>
            {
                if (await FindAnswerAsync<TAnswer>(context, call) is { } known)
                    return (known, null);
                var result = await change.Work(context);
                var written = Accepted(call, change, result);
                context.Add(written);
                if (call.Key is not null)
                    context.Add(
                        new StoredAnswer
                        {
                            Caller = call.Caller.Did.Value,
                            Method = call.Method,
                            Key = call.Key,
                            RequestHash = call.RequestHash,
                            Content = JsonSerializer.SerializeToUtf8Bytes(result.Answer),
                            CreatedAt = clock.GetUtcNow(),
                        }
                    );
                return (result.Answer, (AuditEntry?)written);
            },
            cancellation
        );
        if (entry is null)
            return answer;
        audit.Announce(entry);
        change.Written?.Invoke(answer);
        return answer;
    }

    private async Task<TAnswer> WriteAsync<TAnswer>(
        Call call,
        StatementsChange<TAnswer> change,
        CancellationToken cancellation
    )
    {
        var unplaced = change.Result(0);
        var entry = Accepted(call, change, unplaced);
        var statements = change.Statements;
        statements.Add(AuditLog.Insert(entry));
        if (call.Key is not null)
            statements.Add(
                $"""
                INSERT INTO idempotency (caller, method, key, request_hash, content, created_at, seq)
                VALUES ({call.Caller.Did.Value}, {call.Method}, {call.Key}, {call.RequestHash},
                    {JsonSerializer.SerializeToUtf8Bytes(
                    unplaced.Answer
                )}, {clock.GetUtcNow().ToUnixTimeMilliseconds()},
                    (SELECT next_seq - 1 FROM conversations WHERE id = {call.Subject}))
                """
            );
        long seq = await database.WriteAsync(statements, cancellation);
        audit.Announce(entry);
        var answer = change.Result(seq).Answer;
        change.Written?.Invoke(answer);
        return answer;
    }

    private async Task<TAnswer> WriteAsync<TAnswer>(
        Call call,
        RecordChange<TAnswer> change,
        CancellationToken cancellation
    )
    {
        var entry = Accepted(call, change, change.Result);
        var statements = new Statements(AuditLog.Insert(entry));
        if (call.Key is not null)
            statements.Add(
                $"""
                INSERT INTO idempotency (caller, method, key, request_hash, content, created_at)
                VALUES ({call.Caller.Did.Value}, {call.Method}, {call.Key}, {call.RequestHash},
                    {JsonSerializer.SerializeToUtf8Bytes(change.Result.Answer)},
                    {clock.GetUtcNow().ToUnixTimeMilliseconds()})
                """
            );
        await database.WriteAsync(statements, cancellation);
        audit.Announce(entry);
        return change.Result.Answer;
    }

    private AuditEntry Accepted<TAnswer>(Call call, Change<TAnswer> change, CallResult<TAnswer> result) =>
        Entry(call, RequestOutcomes.Accepted, result.Reason) with
        {
            Subject = change.Subject ?? call.Subject,
            EpochBefore = result.EpochBefore,
            EpochAfter = result.EpochAfter,
        };

    /// <summary>
    /// Writes a refusal to the audit log, unless it is of those that are counted by the minute
    /// (<see cref="AuditTally"/>).
    /// </summary>
    private Task AuditRefusalAsync(Call call, Refusal refusal) =>
        refusal.RetryAfter is not null
            ? Task.CompletedTask
            : audit.AppendAsync(Entry(call, refusal.Error, refusal.Reason), CancellationToken.None);

    private AuditEntry Entry(Call call, string outcome, string? reason) =>
        new()
        {
            At = clock.GetUtcNow(),
            Actor = call.Caller.Did.Value,
            Action = call.Method,
            Subject = call.Subject,
            Outcome = outcome,
            Reason = reason,
            CorrelationId = call.Caller.CorrelationId,
        };

    private async Task<TAnswer?> FindAnswerAsync<TAnswer>(Call call)
        where TAnswer : class
    {
        if (call.Key is null)
            return null;
        await using var context = database.Read();
        return await FindAnswerAsync<TAnswer>(context, call);
    }

    /// <exception cref="RefusedException">IdempotencyConflict: the key was used with another request.</exception>
    private static async Task<TAnswer?> FindAnswerAsync<TAnswer>(MlsDbContext context, Call call)
        where TAnswer : class
    {
        if (call.Key is null)
            return null;
        var answer = await s_answer
            .For(context)(context, call.Caller.Did.Value, call.Method, call.Key)
            .FirstOrDefaultAsync(CancellationToken.None);
        if (answer is null)
            return null;
        if (!CryptographicOperations.FixedTimeEquals(answer.RequestHash, call.RequestHash))
            throw Refusal.IdempotencyConflict.AsException();
        if (answer.Seq is not { } seq)
            return JsonSerializer.Deserialize<TAnswer>(answer.Content);
        var content = JsonNode.Parse(answer.Content)!;
        content[nameof(StoredAnswer.Seq)] = seq;
        return content.Deserialize<TAnswer>();
    }
}
