using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Forks;

/// <summary>What made a fork suspected.</summary>
public enum ForkSign
{
    /// <summary>Devices acknowledged an epoch with different epoch authenticators.</summary>
    Authenticator,

    /// <summary>A member published a GroupInfo of the epoch with another external_pub.</summary>
    ExternalPub,
}

/// <param name="AuthenticatorHash">Lower-case hex.</param>
/// <param name="AgreesWithFirst">Whether it is what the first acknowledgement of the epoch said.</param>
public sealed record ForkWitness(
    string Did,
    string DeviceId,
    string AuthenticatorHash,
    bool AgreesWithFirst,
    DateTimeOffset At
);

/// <param name="Witnesses">What the devices of the epoch said, in the order of their saying.</param>
public sealed record ForkSuspicion(
    string ConvoId,
    ulong Epoch,
    DateTimeOffset SuspectedAt,
    IReadOnlyList<ForkSign> Signs,
    IReadOnlyList<ForkWitness> Witnesses
);

/// <summary>Epochs in which members do not agree on their group: something for people to look at.</summary>
public sealed class SuspectedForks
{
    private const int MaxWitnesses = 200;

    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal SuspectedForks(Database database, TimeProvider clock) => (_database, _clock) = (database, clock);

    /// <summary>The newest suspicions, newest first, each with at most 200 witnesses.</summary>
    /// <param name="count">How many at most.</param>
    /// <param name="convoId">Of one conversation; null for all.</param>
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
