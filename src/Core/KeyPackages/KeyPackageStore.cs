using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.KeyPackages;

/// <summary>The wish for key packages of all devices of some accounts.</summary>
/// <param name="Dids">The DIDs of the accounts.</param>
/// <param name="CipherSuite">The number of the cipher suite of the key packages (RFC 9420 §17.1).</param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
public sealed record ClaimKeyPackagesRequest(IReadOnlyList<Did> Dids, int CipherSuite, string? IdempotencyKey);

/// <summary>A key package that was given out.</summary>
/// <param name="Did">The DID of the account.</param>
/// <param name="DeviceId">The id of the account's device that published the key package.</param>
/// <param name="KeyPackage">The key package as an MLSMessage.</param>
public sealed record KeyPackageOfDevice(string Did, string DeviceId, byte[] KeyPackage);

/// <summary>The answer to a claim.</summary>
/// <param name="KeyPackages">
/// One key package of each device that has any of the cipher suite, in the order in which the devices were registered.
/// </param>
/// <param name="Missing">The DIDs of the accounts of which no key package was given out.</param>
public sealed record ClaimKeyPackagesResult(
    IReadOnlyList<KeyPackageOfDevice> KeyPackages,
    IReadOnlyList<string> Missing
);

/// <summary>
/// The key packages of devices (delivery-service §8.1). They are verified when they come. A key package for one use is
/// given out once, a last resort again and again.
/// </summary>
public sealed partial class KeyPackageStore
{
    /// <summary>
    /// The number of key packages for one use that one account gets of one device in 24 hours at most. Then the account
    /// gets the last resort only, so that nobody empties the store of somebody else's device.
    /// </summary>
    public const int ClaimsPerDay = 10;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal KeyPackageStore(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>
    /// Gives out one key package of each device of the accounts. A key package for one use is used up by that, a last
    /// resort is not.
    /// </summary>
    /// <exception cref="RefusedException">Unauthorized: the caller is banned from the service.</exception>
    public Task<ClaimKeyPackagesResult> ClaimKeyPackagesAsync(
        Caller caller,
        ClaimKeyPackagesRequest input,
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
        int cipherSuite
    )
    {
        var now = _clock.GetUtcNow();
        var owners = await OwnersAsync(context, dids);
        var deviceRows = owners.Select(owner => owner.DeviceRow).ToList();
        var offers = await OffersAsync(context, deviceRows, cipherSuite, now);
        var claims = (
            await context
                .Set<KeyPackageClaim>()
                .AsTracking()
                .Where(claim => claim.Claimer == claimer && deviceRows.Contains(claim.DeviceRow))
                .ToListAsync()
        ).ToLookup(claim => claim.DeviceRow);

        var chosen = new List<long>();
        var usedUp = new List<long>();
        foreach (var offer in offers)
        {
            if (
                offer.SingleUse is { } singleUse
                && TryUseClaim(context, claimer, offer.DeviceRow, [.. claims[offer.DeviceRow]], now)
            )
            {
                usedUp.Add(singleUse);
                chosen.Add(singleUse);
            }
            else if (offer.LastResort is { } lastResort)
                chosen.Add(lastResort);
        }
        await context
            .Set<KeyPackageRow>()
            .Where(row => usedUp.Contains(row.Id))
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));

        var contents = await context
            .Set<KeyPackageRow>()
            .AsNoTracking()
            .Where(row => chosen.Contains(row.Id))
            .ToDictionaryAsync(row => row.DeviceRow, row => row.KeyPackage);
        var packages = owners
            .Where(owner => contents.ContainsKey(owner.DeviceRow))
            .OrderBy(owner => owner.DeviceRow)
            .Select(owner => new KeyPackageOfDevice(owner.Did, owner.DeviceId, contents[owner.DeviceRow]))
            .ToList();
        return new(packages, [.. dids.Where(did => !packages.Exists(package => package.Did == did))]);
    }

    /// <summary>
    /// The devices of the accounts, except accounts that are banned from the service: such an account can be added
    /// nowhere, so its key packages are not used up.
    /// </summary>
    private static Task<List<Owner>> OwnersAsync(MlsDbContext context, List<string> dids)
    {
        var bans = context.Set<Ban>().Where(ban => ban.ConvoId == Ban.FromService);
        return context
            .Set<Device>()
            .AsNoTracking()
            .Where(device =>
                dids.Contains(device.Did) && device.DeletedAt == null && !bans.Any(ban => ban.Did == device.Did)
            )
            .Select(device => new Owner(device.Id, device.Did, device.DeviceId))
            .ToListAsync();
    }

    /// <summary>
    /// What each device has to give: of the key packages for one use the oldest, of the last resorts the newest.
    /// </summary>
    private static Task<List<Offer>> OffersAsync(
        MlsDbContext context,
        List<long> deviceRows,
        int cipherSuite,
        DateTimeOffset now
    ) =>
        context
            .Set<KeyPackageRow>()
            .AsNoTracking()
            .Where(row =>
                deviceRows.Contains(row.DeviceRow)
                && row.CipherSuite == cipherSuite
                && row.ClaimedAt == null
                && row.NotAfter > now
            )
            .GroupBy(row => row.DeviceRow)
            .Select(group => new Offer(
                group.Key,
                group.Min(row => row.LastResort ? null : (long?)row.Id),
                group.Max(row => row.LastResort ? (long?)row.Id : null)
            ))
            .ToListAsync();

    /// <summary>Uses one of the claims that the account has of the device in 24 hours.</summary>
    /// <param name="context">The transaction.</param>
    /// <param name="claimer">The DID of the account.</param>
    /// <param name="deviceRow">The row of the device.</param>
    /// <param name="claims">The claims that the account has ever used of the device.</param>
    /// <param name="now">The time.</param>
    /// <returns>False if all claims were used in the last 24 hours.</returns>
    private static bool TryUseClaim(
        MlsDbContext context,
        string claimer,
        long deviceRow,
        IReadOnlyList<KeyPackageClaim> claims,
        DateTimeOffset now
    )
    {
        if (claims.Count < ClaimsPerDay)
        {
            int free = Enumerable.Range(0, ClaimsPerDay).First(slot => !claims.Any(claim => claim.Slot == slot));
            context.Add(
                new KeyPackageClaim
                {
                    Claimer = claimer,
                    DeviceRow = deviceRow,
                    Slot = free,
                    At = now,
                }
            );
            return true;
        }
        var oldest = claims.MinBy(claim => claim.At)!;
        if (oldest.At > now.AddDays(-1))
            return false;
        oldest.At = now;
        return true;
    }

    /// <summary>A device whose key packages are claimed, with its account.</summary>
    private sealed record Owner(long DeviceRow, string Did, string DeviceId);

    /// <summary>The rows of the key packages that a device has to give.</summary>
    /// <param name="DeviceRow">The row of the device.</param>
    /// <param name="SingleUse">The row of a key package for one use; null if there is none.</param>
    /// <param name="LastResort">The row of a last resort; null if there is none.</param>
    private sealed record Offer(long DeviceRow, long? SingleUse, long? LastResort);
}
