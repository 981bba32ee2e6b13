using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Idempotency;

/// <summary>One call of a procedure: who, what, on what, and what makes a retry the same call.</summary>
/// <param name="Caller">Who calls.</param>
/// <param name="Method">Short method name, for example <c>processExternalCommit</c>.</param>
/// <param name="Subject">What it is done to, for the audit log.</param>
/// <param name="Key">The caller's idempotency key, or what stands in for it; null where a retry is harmless.</param>
/// <param name="RequestHash">SHA-256 over the objects of the call and the conversation.</param>
internal sealed record Attempt(Caller Caller, string Method, string? Subject, string? Key, byte[] RequestHash)
{
    /// <summary>SHA-256 over the parts, each with its length.</summary>
    public static byte[] HashOf(params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            hash.AppendData(BitConverter.GetBytes(part.Length));
            hash.AppendData(part.Span);
        }
        return hash.GetHashAndReset();
    }
}

/// <summary>What a call did: its answer and, where an epoch began, the epochs before and after.</summary>
/// <param name="Reason">What the audit log says of it: what a person gave, or what was found.</param>
internal sealed record Done<T>(T Answer, ulong? Before = null, ulong? After = null, string? Reason = null);

/// <summary>Runs a procedure exactly once: the answer of a success is stored with what it did, and a retry gets the same answer.</summary>
/// <remarks>A retry is answered whatever the epoch, the policy or a limit would say now. Refusals are written to the audit log and never recorded as answers.</remarks>
internal sealed class Attempts(Database database, AuditLog audit, TimeProvider clock)
{
    private static readonly CompiledQuery<
        Func<MlsDbContext, string, string, string, IAsyncEnumerable<Answer>>
    > s_answer = new(() =>
        EF.CompileAsyncQuery(
            (MlsDbContext context, string caller, string method, string key) =>
                context
                    .Set<Answer>()
                    .AsNoTracking()
                    .Where(row => row.Caller == caller && row.Method == method && row.Key == key)
        )
    );

    /// <summary>Runs <paramref name="body"/>, which must end in <c>CommitAsync</c>: where the call has an answer already, that writes nothing and gives the answer.</summary>
    public Task<T> RunAsync<T>(Attempt attempt, Func<Task<T>> body, CancellationToken cancellation) =>
        AuditedAsync(
            attempt,
            async () =>
            {
                try
                {
                    return await body();
                }
                catch (RefusedException)
                {
                    // Whatever it is refused for, what was done once is answered: nearly every call is a new one, so that is asked last.
                    if (await FindAsync<T>(attempt, cancellation) is { } known)
                        return known;
                    throw;
                }
            }
        );

    /// <summary>Writes what the call does, its answer and its audit entry in one transaction.</summary>
    /// <param name="attempt">The call.</param>
    /// <param name="work">Returns the answer and, where an epoch began, the epochs before and after.</param>
    /// <param name="cancellation">Ends the wait for the turn to write, not the write.</param>
    public async Task<T> CommitAsync<T>(
        Attempt attempt,
        Func<MlsDbContext, Task<Done<T>>> work,
        CancellationToken cancellation
    )
    {
        var (answer, entry) = await database.WriteAsync(
            async context =>
            {
                if (
                    attempt.Key is not null
                    && await FindAsync<T>(context, attempt, CancellationToken.None) is { } known
                )
                    return (known, null);
                var (result, before, after, reason) = await work(context);
                var written = Entry(attempt, RequestOutcomes.Accepted, reason) with
                {
                    EpochBefore = before,
                    EpochAfter = after,
                };
                context.Add(written);
                if (attempt.Key is not null)
                    context.Add(
                        new Answer
                        {
                            Caller = attempt.Caller.Did.Value,
                            Method = attempt.Method,
                            Key = attempt.Key,
                            RequestHash = attempt.RequestHash,
                            Content = JsonSerializer.SerializeToUtf8Bytes(result),
                            CreatedAt = clock.GetUtcNow(),
                        }
                    );
                return (result, (AuditEntry?)written);
            },
            cancellation
        );
        if (entry is not null)
            audit.Announce(entry);
        return answer;
    }

    /// <summary>The same for a list of statements about the conversation that is the call's subject.</summary>
    /// <param name="attempt">The call.</param>
    /// <param name="statements">What it does; the first one gives the sequence number.</param>
    /// <param name="done">Makes the answer from the sequence number.</param>
    /// <param name="overtaken">If another one was first: the refusal, from the epoch that the conversation has now and where somebody left last, or null if that is not why.</param>
    /// <param name="cancellation">Ends the wait for the turn to write, not the write.</param>
    public async Task<T> CommitAsync<T>(
        Attempt attempt,
        Statements statements,
        Func<long, Done<T>> done,
        Func<ulong, long, Refusal?> overtaken,
        CancellationToken cancellation
    )
    {
        var (unplaced, before, after, reason) = done(0);
        var entry = Entry(attempt, RequestOutcomes.Accepted, reason) with { EpochBefore = before, EpochAfter = after };
        statements.Add(AuditLog.Insert(entry));
        if (attempt.Key is not null)
            statements.Add(
                $"""
                INSERT INTO idempotency (caller, method, key, request_hash, content, created_at, seq)
                VALUES ({attempt.Caller.Did.Value}, {attempt.Method}, {attempt.Key}, {attempt.RequestHash}, {JsonSerializer.SerializeToUtf8Bytes(
                    unplaced
                )}, {clock.GetUtcNow().ToUnixTimeMilliseconds()}, (SELECT next_seq - 1 FROM conversations WHERE id = {attempt.Subject}))
                """
            );
        try
        {
            long seq = await database.WriteAsync(statements, cancellation);
            audit.Announce(entry);
            return done(seq).Answer;
        }
        catch (OvertakenException)
        {
            if (await FindAsync<T>(attempt, CancellationToken.None) is { } known)
                return known;
            await using var context = database.Read();
            if (await context.IsBannedAsync(attempt.Caller.Did.Value, attempt.Subject!, CancellationToken.None))
                throw Refusal.Unauthorized(RefusalReasons.Banned).AsException();
            var now = await context
                .Set<Conversation>()
                .Where(row => row.Id == attempt.Subject)
                .Select(row => new { row.Epoch, row.LeftSeq })
                .SingleAsync(CancellationToken.None);
            if (overtaken((ulong)now.Epoch, now.LeftSeq) is { } refusal)
                throw refusal.AsException();
            throw;
        }
    }

    /// <summary>Of a call that does nothing but leave its audit entry.</summary>
    public async Task<T> RecordAsync<T>(Attempt attempt, T answer, string reason, CancellationToken cancellation)
    {
        var entry = Entry(attempt, RequestOutcomes.Accepted, reason);
        var statements = new Statements(AuditLog.Insert(entry));
        if (attempt.Key is not null)
            statements.Add(
                $"""
                INSERT INTO idempotency (caller, method, key, request_hash, content, created_at)
                VALUES ({attempt.Caller.Did.Value}, {attempt.Method}, {attempt.Key}, {attempt.RequestHash}, {JsonSerializer.SerializeToUtf8Bytes(
                    answer
                )}, {clock.GetUtcNow().ToUnixTimeMilliseconds()})
                """
            );
        try
        {
            await database.WriteAsync(statements, cancellation);
        }
        catch (OvertakenException) when (attempt.Key is not null)
        {
            if (await FindAsync<T>(attempt, CancellationToken.None) is { } known)
                return known;
            throw;
        }
        audit.Announce(entry);
        return answer;
    }

    /// <summary>Writes the refusal of a call, or of a query, to the audit log, but for those that are counted by the minute (<see cref="RefusalTally"/>).</summary>
    public Task AuditRefusalAsync(Attempt attempt, Refusal refusal) =>
        refusal.RetryAfter is not null
            ? Task.CompletedTask
            : audit.AppendAsync(Entry(attempt, refusal.Error, refusal.Reason), CancellationToken.None);

    /// <summary>Runs what may be refused, for a query its question of who may; a refusal is in the audit log before it is thrown on.</summary>
    public async Task<T> AuditedAsync<T>(Attempt attempt, Func<Task<T>> question)
    {
        try
        {
            return await question();
        }
        catch (RefusedException refused)
        {
            await AuditRefusalAsync(attempt, refused.Refusal);
            throw;
        }
    }

    private AuditEntry Entry(Attempt attempt, string outcome, string? reason) =>
        new()
        {
            At = clock.GetUtcNow(),
            Actor = attempt.Caller.Did.Value,
            Action = attempt.Method,
            Subject = attempt.Subject,
            Outcome = outcome,
            Reason = reason,
            CorrelationId = attempt.Caller.CorrelationId,
        };

    private async Task<T?> FindAsync<T>(Attempt attempt, CancellationToken cancellation)
    {
        if (attempt.Key is null)
            return default;
        await using var context = database.Read();
        return await FindAsync<T>(context, attempt, cancellation);
    }

    private static async Task<T?> FindAsync<T>(MlsDbContext context, Attempt attempt, CancellationToken cancellation)
    {
        var answer = await s_answer
            .For(context)(context, attempt.Caller.Did.Value, attempt.Method, attempt.Key!)
            .FirstOrDefaultAsync(cancellation);
        if (answer is null)
            return default;
        if (!CryptographicOperations.FixedTimeEquals(answer.RequestHash, attempt.RequestHash))
            throw Refusal.IdempotencyConflict.AsException();
        if (answer.Seq is not { } seq)
            return JsonSerializer.Deserialize<T>(answer.Content);
        var content = JsonNode.Parse(answer.Content)!;
        content[nameof(Answer.Seq)] = seq;
        return content.Deserialize<T>();
    }

    internal sealed class Answer
    {
        public required string Caller { get; init; }
        public required string Method { get; init; }
        public required string Key { get; init; }
        public required byte[] RequestHash { get; init; }
        public required byte[] Content { get; init; }
        public DateTimeOffset CreatedAt { get; init; }

        /// <summary>The answer's sequence number, which the content does not have: it is known in the transaction alone.</summary>
        public long? Seq { get; init; }

        internal sealed class Table : IEntityTypeConfiguration<Answer>
        {
            public void Configure(EntityTypeBuilder<Answer> builder)
            {
                builder.ToTable("idempotency");
                builder.HasKey(answer => new
                {
                    answer.Caller,
                    answer.Method,
                    answer.Key,
                });
                builder.HasIndex(answer => answer.CreatedAt);
            }
        }
    }
}
