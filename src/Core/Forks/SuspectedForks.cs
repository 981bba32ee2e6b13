using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Forks;

/// <summary>What makes the service suspect that a group has forked.</summary>
public enum ForkSign
{
    /// <summary>Devices acknowledged an epoch with different epoch authenticators.</summary>
    Authenticator,

    /// <summary>A member published a GroupInfo of the epoch with another external_pub.</summary>
    ExternalPub,
}

/// <summary>What a device acknowledged of an epoch.</summary>
/// <param name="Did">The DID of the device's account.</param>
/// <param name="DeviceId">The id of the device, unique within the account.</param>
/// <param name="AuthenticatorHash">SHA-256 of the device's epoch authenticator, in lower-case hex.</param>
/// <param name="AgreesWithFirst">Whether the hash is that of the first acknowledgement of the epoch.</param>
/// <param name="At">When the device acknowledged the epoch.</param>
public sealed record ForkWitness(
    string Did,
    string DeviceId,
    string AuthenticatorHash,
    bool AgreesWithFirst,
    DateTimeOffset At
);

/// <summary>An epoch in which members do not agree on their group.</summary>
/// <param name="ConvoId">The id of the conversation.</param>
/// <param name="Epoch">The epoch.</param>
/// <param name="SuspectedAt">When the first sign of a fork was seen.</param>
/// <param name="Signs">The signs that were seen: one or both.</param>
/// <param name="Witnesses">What the devices said of the epoch, in the order in which they said it.</param>
public sealed record ForkSuspicion(
    string ConvoId,
    ulong Epoch,
    DateTimeOffset SuspectedAt,
    IReadOnlyList<ForkSign> Signs,
    IReadOnlyList<ForkWitness> Witnesses
);

/// <summary>
/// The epochs in which members do not agree on their group. They are for people to look at; the service does nothing
/// about them.
/// </summary>
public sealed class SuspectedForks
{
    private const int MaxWitnesses = 200;

    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal SuspectedForks(Database database, TimeProvider clock) => (_database, _clock) = (database, clock);

    /// <summary>The newest suspicions, newest first, each with at most 200 witnesses.</summary>
    /// <param name="count">How many suspicions are returned at most.</param>
    /// <param name="convoId">
    /// The id of the conversation whose suspicions are wanted; null for all conversations.
    /// </param>
    /// <param name="cancellation">Ends the reading.</param>
    public async Task<IReadOnlyList<ForkSuspicion>> LatestAsync(
        int count,
        string? convoId,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var agreements = context.Set<EpochAgreement>().Where(row => convoId == null || row.ConvoId == convoId);
        var newest = await agreements
            .Where(row => row.DisputedAt != null)
            .OrderByDescending(row => row.DisputedAt)
            .Take(count)
            .ToListAsync(cancellation);
        newest.AddRange(
            await agreements
                .Where(row => row.ExternalPubDisputedAt != null)
                .OrderByDescending(row => row.ExternalPubDisputedAt)
                .Take(count)
                .ToListAsync(cancellation)
        );
        var suspicions = new List<ForkSuspicion>();
        foreach (
            var row in newest.DistinctBy(row => (row.ConvoId, row.Epoch)).OrderByDescending(SuspectedAt).Take(count)
        )
            suspicions.Add(
                new(
                    row.ConvoId,
                    (ulong)row.Epoch,
                    SuspectedAt(row),
                    [.. Signs(row)],
                    await WitnessesAsync(context, row, cancellation)
                )
            );
        return suspicions;
    }

    /// <summary>
    /// Records that a member published a GroupInfo with another external_pub than the epoch has. The refusal of that
    /// GroupInfo changes nothing of the conversation, but people have to see that somebody tried.
    /// </summary>
    internal Task RecordExternalPubAsync(string convoId, long epoch, CancellationToken cancellation)
    {
        long at = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        return _database.WriteAsync(
            context =>
                context.Database.ExecuteSqlAsync(
                    $"""
                    INSERT INTO epoch_agreements (convo_id, epoch, external_pub_disputed_at)
                    VALUES ({convoId}, {epoch}, {at})
                    ON CONFLICT (convo_id, epoch) DO UPDATE SET external_pub_disputed_at =
                        COALESCE(epoch_agreements.external_pub_disputed_at, excluded.external_pub_disputed_at)
                    """
                ),
            cancellation
        );
    }

    private static DateTimeOffset SuspectedAt(EpochAgreement row) =>
        row.DisputedAt is { } disputed && (row.ExternalPubDisputedAt is not { } other || disputed < other)
            ? disputed
            : row.ExternalPubDisputedAt!.Value;

    private static IEnumerable<ForkSign> Signs(EpochAgreement row)
    {
        if (row.DisputedAt is not null)
            yield return ForkSign.Authenticator;
        if (row.ExternalPubDisputedAt is not null)
            yield return ForkSign.ExternalPub;
    }

    private static async Task<IReadOnlyList<ForkWitness>> WitnessesAsync(
        MlsDbContext context,
        EpochAgreement epoch,
        CancellationToken cancellation
    )
    {
        var said = await context
            .Set<Acknowledgement>()
            .Where(row => row.ConvoId == epoch.ConvoId && row.Epoch == epoch.Epoch)
            .OrderBy(row => row.At)
            .Take(MaxWitnesses)
            .Join(
                context.Set<Device>(),
                row => row.DeviceRow,
                device => device.Id,
                (row, device) =>
                    new
                    {
                        device.Did,
                        device.DeviceId,
                        row.AuthenticatorHash,
                        row.At,
                    }
            )
            .ToListAsync(cancellation);
        return
        [
            .. said.OrderBy(row => row.At)
                .Select(row => new ForkWitness(
                    row.Did,
                    row.DeviceId,
                    Convert.ToHexStringLower(row.AuthenticatorHash),
                    row.AuthenticatorHash.AsSpan().SequenceEqual(epoch.AuthenticatorHash),
                    row.At
                )),
        ];
    }
}
