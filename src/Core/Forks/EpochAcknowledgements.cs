using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Forks;

/// <summary>What a device says of an epoch that it has reached.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="DeviceId">The id of the caller's device; it has a leaf.</param>
/// <param name="Epoch">The epoch: the current one or one before it.</param>
/// <param name="AuthenticatorHash">
/// SHA-256 of the epoch authenticator that the device derived (RFC 9420 §8.7): 32 bytes.
/// </param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record AcknowledgeEpochRequest(
    string ConvoId,
    string DeviceId,
    ulong Epoch,
    ReadOnlyMemory<byte> AuthenticatorHash,
    string? IdempotencyKey
);

/// <summary>The answer to an acknowledgement.</summary>
/// <param name="Agreed">
/// Whether all devices that have acknowledged the epoch so far have sent the same hash.
/// </param>
public sealed record AcknowledgeEpochResult(bool Agreed);

/// <summary>
/// Takes what devices say of the epochs that they reach (delivery-service §12.3). Whether all members derived the same
/// secrets, no server can see, but the members can. So their acknowledgements are compared, and where they disagree,
/// the group may have forked.
/// </summary>
public sealed class EpochAcknowledgements
{
    /// <summary>
    /// The audit reason and metric label of an acknowledgement of an epoch in which devices disagree.
    /// </summary>
    public const string SuspectedFork = "SuspectedFork";

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal EpochAcknowledgements(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>
    /// Stores the acknowledgement of a device that has a leaf. What a device said first stands: if it later sends
    /// another hash, that is a disagreement like one between two devices.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller is no member, or the device has no leaf. InvalidRequest: the hash has a wrong length.
    /// EpochMismatch: the conversation never was in that epoch.
    /// </exception>
    public Task<AcknowledgeEpochResult> AcknowledgeEpochAsync(
        Caller caller,
        AcknowledgeEpochRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.AcknowledgeEpoch,
            input.ConvoId,
            input.IdempotencyKey,
            input.ConvoId,
            input.DeviceId,
            input.Epoch,
            input.AuthenticatorHash
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                if (input.AuthenticatorHash.Length != SHA256.HashSizeInBytes)
                    throw Refusal.InvalidRequest("authenticatorHash has 32 bytes.").AsException();
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var device = await access.RequireLeafAsync(context, input.DeviceId, cancellation);
                long epoch = await RequireEpochAsync(context, access.Conversation, input.Epoch, cancellation);
                return Changes.InTransaction(async write =>
                {
                    bool agreed = await WriteAsync(
                        write,
                        input.ConvoId,
                        epoch,
                        device,
                        input.AuthenticatorHash.ToArray(),
                        _clock.GetUtcNow()
                    );
                    return new CallResult<AcknowledgeEpochResult>(new(agreed), Reason: agreed ? null : SuspectedFork);
                });
            },
            cancellation
        );
    }

    /// <summary>Refuses an epoch that the conversation never was in.</summary>
    /// <returns>The epoch, as the database has it.</returns>
    private static async Task<long> RequireEpochAsync(
        MlsDbContext context,
        Conversation conversation,
        ulong given,
        CancellationToken cancellation
    )
    {
        string id = conversation.Id;
        long epoch = (long)Math.Min(given, long.MaxValue);
        if (epoch == conversation.Epoch)
            return epoch;
        // Every epoch that the conversation was in has a commit that created it, except the epoch in which the
        // conversation was created. That epoch has a snapshot.
        bool known =
            epoch < conversation.Epoch
            && (
                await context
                    .Set<LogEntry>()
                    .AnyAsync(
                        row => row.ConvoId == id && row.Kind == LogKind.Commit && row.Epoch == epoch,
                        cancellation
                    )
                || await context.Set<Snapshot>().AnyAsync(row => row.ConvoId == id && row.Epoch == epoch, cancellation)
            );
        return known ? epoch : throw Refusal.EpochMismatch((ulong)conversation.Epoch, given).AsException();
    }

    /// <summary>
    /// Compares the hash with that of the first acknowledgement of the epoch and stores what the device said, unless it
    /// acknowledged the epoch before. The members are told of a device's first acknowledgement, and of every
    /// acknowledgement of an epoch in which devices disagree.
    /// </summary>
    /// <returns>Whether all devices agree on the epoch.</returns>
    private static async Task<bool> WriteAsync(
        MlsDbContext context,
        string convoId,
        long epoch,
        Device device,
        byte[] hash,
        DateTimeOffset now
    )
    {
        long at = now.ToUnixTimeMilliseconds();
        var disputed = await context
            .Database.SqlQuery<long>(
                $"""
                INSERT INTO epoch_agreements (convo_id, epoch, authenticator_hash) VALUES ({convoId}, {epoch}, {hash})
                ON CONFLICT (convo_id, epoch) DO UPDATE SET
                    authenticator_hash = COALESCE(epoch_agreements.authenticator_hash, excluded.authenticator_hash),
                    disputed_at = CASE
                        WHEN epoch_agreements.authenticator_hash <> excluded.authenticator_hash
                        THEN COALESCE(epoch_agreements.disputed_at, {at})
                        ELSE epoch_agreements.disputed_at
                    END
                RETURNING COALESCE(disputed_at, 0) AS "Value"
                """
            )
            .ToListAsync();
        bool agreed = disputed[0] == 0;
        int inserted = await context.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO acknowledgements (convo_id, epoch, device_row, authenticator_hash, at)
            VALUES ({convoId}, {epoch}, {device.Id}, {hash}, {at})
            ON CONFLICT (convo_id, epoch, device_row) DO NOTHING
            """
        );
        if (inserted == 1 || !agreed)
            context.AddEvent(OutboxEvent.EpochAcknowledged(convoId, device.Did, device.DeviceId, epoch, agreed, now));
        return agreed;
    }
}
