using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.KeyPackages;

/// <summary>A key package as its device publishes it.</summary>
/// <param name="Bytes">MLSMessage or a bare KeyPackage (RFC 9420 §10).</param>
/// <param name="LastResort">Whether the key package may be given out again and again.</param>
public sealed record NewKeyPackage(ReadOnlyMemory<byte> Bytes, bool LastResort);

/// <param name="Replace">Whether nobody gets the device's earlier key packages of the same cipher suites any more: it has lost their private keys.</param>
public sealed record PublishKeyPackagesInput(
    string DeviceId,
    IReadOnlyList<NewKeyPackage> KeyPackages,
    string? IdempotencyKey,
    bool Replace = false
);

/// <param name="Index">Its place in the input, from 0.</param>
/// <param name="Error">Id of the rule that it breaks.</param>
public sealed record RejectedKeyPackage(int Index, string Error);

/// <param name="Accepted">How many of the input are in the store now.</param>
public sealed record PublishKeyPackagesResult(int Accepted, IReadOnlyList<RejectedKeyPackage> Rejected);

/// <param name="Available">Key packages for one use that nobody has yet.</param>
/// <param name="LastResort">Whether there is a last resort.</param>
/// <param name="OldestExpiry">When the first of all of them expires; null if there is none.</param>
public sealed record KeyPackageStats(int Available, bool LastResort, DateTimeOffset? OldestExpiry);

public sealed partial class KeyPackageStore
{
    /// <summary>Most key packages that a device has in the store.</summary>
    public const int MaxOfDevice = 200;

    /// <summary>Adds key packages to one of the caller's devices, each on its own merits.</summary>
    /// <exception cref="RefusedException">InvalidKeyPackage if none of them is good, with the rule of the first; TooManyKeyPackages; Unauthorized if the account has no such device.</exception>
    public Task<PublishKeyPackagesResult> PublishKeyPackagesAsync(
        Caller caller,
        PublishKeyPackagesInput input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.PublishKeyPackages,
            input.DeviceId,
            input.IdempotencyKey,
            [
                input.DeviceId,
                new[] { input.Replace ? (byte)1 : (byte)0 },
                .. input.KeyPackages.SelectMany(package =>
                    (ReadOnlyMemory<byte>[])[package.Bytes, new[] { package.LastResort ? (byte)1 : (byte)0 }]
                ),
            ]
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                var now = _clock.GetUtcNow();
                await using (var context = _database.Read())
                    await Device.RequireOwnAsync(context, caller, input.DeviceId, cancellation);
                // Signatures are checked outside of the transaction, whose they are inside: the device may change in between.
                var verified = input
                    .KeyPackages.Select(package => Try(() => VerifiedKeyPackage.Verify(package, now)))
                    .ToList();
                return Changes.InTransaction(async write =>
                {
                    await write.RequireNotBannedAsync(caller, CancellationToken.None);
                    var device = await Device.RequireOwnAsync(write, caller, input.DeviceId, CancellationToken.None);
                    var owned = verified
                        .Select(item => item.Package is { } package ? Try(() => package.RequireOwner(device)) : item)
                        .ToList();
                    var used = await StoreAsync(
                        write,
                        device,
                        [.. owned.Select(item => item.Package).OfType<VerifiedKeyPackage>()],
                        now,
                        input.Replace
                    );
                    var rejected = owned
                        .Select(
                            (item, i) =>
                                (
                                    i,
                                    Error: item.Error
                                        ?? (used.Contains(item.Package!.Name) ? DeliveryRules.KeyPackageUsed.Id : null)
                                )
                        )
                        .Where(item => item.Error is not null)
                        .Select(item => new RejectedKeyPackage(item.i, item.Error!))
                        .ToList();
                    if (rejected.Count == verified.Count)
                        throw Refusal.InvalidKeyPackage(rejected[0].Error).AsException();
                    return new CallResult<PublishKeyPackagesResult>(new(verified.Count - rejected.Count, rejected));
                });
            },
            cancellation
        );
    }

    /// <summary>What others can still claim of one of the caller's devices, over all cipher suites.</summary>
    public async Task<KeyPackageStats> GetKeyPackageStatsAsync(
        Caller caller,
        string deviceId,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var device = await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetKeyPackageStats, deviceId),
            () => Device.RequireOwnAsync(context, caller, deviceId, cancellation)
        );
        var now = _clock.GetUtcNow();
        var rows = await context
            .Set<KeyPackageRow>()
            .Where(row => row.DeviceRow == device.Id && row.ClaimedAt == null && row.NotAfter > now)
            .Select(row => new { row.LastResort, row.NotAfter })
            .ToListAsync(cancellation);
        return new(
            rows.Count(row => !row.LastResort),
            rows.Exists(row => row.LastResort),
            rows.Count == 0 ? null : rows.Min(row => row.NotAfter)
        );
    }

    private static (VerifiedKeyPackage? Package, string? Error) Try(Func<VerifiedKeyPackage> verify)
    {
        try
        {
            return (verify(), null);
        }
        catch (RefusedException refused) when (refused.Refusal.Rule is not null)
        {
            return (null, refused.Refusal.Rule);
        }
    }

    /// <summary>Adds verified key packages to a device. One that is there already is left alone; a last resort takes the place of older ones of its cipher suite.</summary>
    /// <param name="context">The transaction.</param>
    /// <param name="device">Whose they are.</param>
    /// <param name="packages">The key packages.</param>
    /// <param name="now">The time.</param>
    /// <param name="replace">Whether they take the place of all earlier ones of their cipher suites.</param>
    /// <returns>Names of those that were used up before.</returns>
    /// <exception cref="RefusedException">TooManyKeyPackages</exception>
    internal static async Task<IReadOnlySet<string>> StoreAsync(
        MlsDbContext context,
        Device device,
        IReadOnlyList<VerifiedKeyPackage> packages,
        DateTimeOffset now,
        bool replace = false
    )
    {
        if (packages.Count == 0)
            return new HashSet<string>();
        var references = packages.Select(package => package.Package.Reference.ToArray()).ToList();
        var known = (
            await context
                .Set<KeyPackageRow>()
                .AsNoTracking()
                .Where(row => references.Contains(row.Reference))
                .Select(row => new { row.Reference, row.ClaimedAt })
                .ToListAsync()
        ).ToDictionary(row => Convert.ToHexString(row.Reference), row => row.ClaimedAt is not null);
        var added = packages
            .DistinctBy(package => package.Name)
            .Where(package => !known.ContainsKey(package.Name))
            .ToList();
        var suites = added
            .Where(package => package.LastResort)
            .Select(package => (int)package.Package.CipherSuite)
            .Distinct()
            .ToList();
        // An Add may still bring the replaced one, from somebody who has it; nobody gets it any more.
        if (suites.Count > 0)
            await context
                .Set<KeyPackageRow>()
                .Where(row =>
                    row.DeviceRow == device.Id
                    && suites.Contains(row.CipherSuite)
                    && row.LastResort
                    && row.ClaimedAt == null
                )
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));
        if (replace)
        {
            var all = packages.Select(package => (int)package.Package.CipherSuite).Distinct().ToList();
            await context
                .Set<KeyPackageRow>()
                .Where(row =>
                    row.DeviceRow == device.Id
                    && all.Contains(row.CipherSuite)
                    && row.ClaimedAt == null
                    && !references.Contains(row.Reference)
                )
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));
        }
        if (
            await context
                .Set<KeyPackageRow>()
                .CountAsync(row => row.DeviceRow == device.Id && row.ClaimedAt == null && row.NotAfter > now)
                + added.Count
            > MaxOfDevice
        )
            throw Refusal.TooManyKeyPackages.AsException();
        context.AddRange(
            added.Select(package => new KeyPackageRow
            {
                DeviceRow = device.Id,
                Reference = package.Package.Reference.ToArray(),
                CipherSuite = package.Package.CipherSuite,
                KeyPackage = MlsMessage.Of(UnverifiedKeyPackage.Decode(package.Package.Encoded)).Encode(),
                LastResort = package.LastResort,
                NotAfter = package.Package.NotAfter,
            })
        );
        return known.Where(item => item.Value).Select(item => item.Key).ToHashSet();
    }
}
