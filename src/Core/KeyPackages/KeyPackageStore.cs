using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.KeyPackages;

public sealed record ClaimKeyPackagesInput(IReadOnlyList<Did> Dids, int CipherSuite, string? IdempotencyKey);

public sealed record ClaimedKeyPackage(string Did, string DeviceId, byte[] KeyPackage);

public sealed record ClaimKeyPackagesResult(
    IReadOnlyList<ClaimedKeyPackage> KeyPackages,
    IReadOnlyList<string> Missing
);

/// <summary>Key packages: verified when they come, given out once each, the last resort again and again.</summary>
public sealed partial class KeyPackageStore
{
    /// <summary>Key packages of one device that one account gets in 24 hours, before it gets the last resort only: so nobody empties a device's store.</summary>
    public const int ClaimsPerDay = 10;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal KeyPackageStore(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>One key package of each device of the accounts; consumes what it gives, except a last resort.</summary>
    public Task<ClaimKeyPackagesResult> ClaimKeyPackagesAsync(
        Caller caller,
        ClaimKeyPackagesInput input,
        CancellationToken cancellation
    )
    {
        var dids = input.Dids.Select(did => did.Value).Distinct().ToList();
        var call = Call.Procedure(
            caller,
            MethodNames.ClaimKeyPackages,
            null,
            input.IdempotencyKey,
            [input.CipherSuite, .. dids.Select(did => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(did))]
        );
        return _calls.RunAsync(
            call,
            async context =>
            {
                await context.RequireNotBannedAsync(caller, CancellationToken.None);
                return new CallResult<ClaimKeyPackagesResult>(
                    await ClaimAsync(context, caller.Did.Value, dids, input.CipherSuite)
                );
            },
            cancellation
        );
    }

    private async Task<ClaimKeyPackagesResult> ClaimAsync(
        MlsDbContext context,
        string claimer,
        List<string> dids,
        int suite
    )
    {
        var now = _clock.GetUtcNow();
        // Who is banned from the service can be added nowhere: its key packages are not used up for it.
        var bans = context.Set<Ban>().Where(ban => ban.ConvoId == Ban.FromService);
        var devices = await context
            .Set<Device>()
            .AsNoTracking()
            .Where(device =>
                dids.Contains(device.Did) && device.DeletedAt == null && !bans.Any(ban => ban.Did == device.Did)
            )
            .Select(device => new
            {
                device.Id,
                device.Did,
                device.DeviceId,
            })
            .ToListAsync();
        var rows = devices.Select(device => device.Id).ToList();
        // Of those for one use the oldest, of last resorts the newest.
        var offers = await context
            .Set<KeyPackageRow>()
            .AsNoTracking()
            .Where(row =>
                rows.Contains(row.DeviceRow) && row.CipherSuite == suite && row.ClaimedAt == null && row.NotAfter > now
            )
            .GroupBy(row => row.DeviceRow)
            .Select(group => new Offer(
                group.Key,
                group.Min(row => row.LastResort ? null : (long?)row.Id),
                group.Max(row => row.LastResort ? (long?)row.Id : null)
            ))
            .ToListAsync();
        var taken = (
            await context
                .Set<KeyPackageClaim>()
                .AsTracking()
                .Where(claim => claim.Claimer == claimer && rows.Contains(claim.DeviceRow))
                .ToListAsync()
        ).ToLookup(claim => claim.DeviceRow);

        var chosen = new List<long>();
        var consumed = new List<long>();
        foreach (var offer in offers)
        {
            if (
                offer.Single is { } single
                && TakeSlot(context, claimer, offer.DeviceRow, [.. taken[offer.DeviceRow]], now)
            )
            {
                consumed.Add(single);
                chosen.Add(single);
            }
            else if (offer.LastResort is { } lastResort)
                chosen.Add(lastResort);
        }
        await context
            .Set<KeyPackageRow>()
            .Where(row => consumed.Contains(row.Id))
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));

        var bytes = await context
            .Set<KeyPackageRow>()
            .AsNoTracking()
            .Where(row => chosen.Contains(row.Id))
            .ToDictionaryAsync(row => row.DeviceRow, row => row.KeyPackage);
        var packages = devices
            .Where(device => bytes.ContainsKey(device.Id))
            .OrderBy(device => device.Id)
            .Select(device => new ClaimedKeyPackage(device.Did, device.DeviceId, bytes[device.Id]))
            .ToList();
        return new(packages, [.. dids.Where(did => !packages.Exists(package => package.Did == did))]);
    }

    /// <summary>Uses one of the claims that the account has of this device in 24 hours.</summary>
    private static bool TakeSlot(
        MlsDbContext context,
        string claimer,
        long device,
        IReadOnlyList<KeyPackageClaim> taken,
        DateTimeOffset now
    )
    {
        if (taken.Count < ClaimsPerDay)
        {
            int free = Enumerable.Range(0, ClaimsPerDay).First(slot => !taken.Any(claim => claim.Slot == slot));
            context.Add(
                new KeyPackageClaim
                {
                    Claimer = claimer,
                    DeviceRow = device,
                    Slot = free,
                    At = now,
                }
            );
            return true;
        }
        var oldest = taken.MinBy(claim => claim.At)!;
        if (oldest.At > now.AddDays(-1))
            return false;
        oldest.At = now;
        return true;
    }

    /// <param name="Single">A key package for one use.</param>
    private sealed record Offer(long DeviceRow, long? Single, long? LastResort);
}
