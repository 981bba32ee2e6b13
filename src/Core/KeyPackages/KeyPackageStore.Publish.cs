using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.KeyPackages;

/// <summary>A key package as its device publishes it.</summary>
/// <param name="Bytes">MLSMessage or a bare KeyPackage (RFC 9420 §10).</param>
/// <param name="LastResort">
/// Whether the key package may be given out again and again. It is also given out so if its extension says so.
/// </param>
public sealed record OfferedKeyPackage(ReadOnlyMemory<byte> Bytes, bool LastResort);

/// <summary>Key packages that an account publishes for one of its devices.</summary>
/// <param name="DeviceId">The id of the device.</param>
/// <param name="KeyPackages">The key packages.</param>
/// <param name="IdempotencyKey">The caller's key for retries (delivery-service §7); null for none.</param>
/// <param name="Replace">
/// Whether the device's earlier key packages of the same cipher suites are given out no more. A device that has lost
/// the private keys of its earlier key packages asks for that.
/// </param>
public sealed record PublishKeyPackagesRequest(
    string DeviceId,
    IReadOnlyList<OfferedKeyPackage> KeyPackages,
    string? IdempotencyKey,
    bool Replace = false
);

/// <summary>A key package that was refused.</summary>
/// <param name="Index">The index of the key package in the input, from 0.</param>
/// <param name="Error">The id of the rule that the key package breaks.</param>
public sealed record KeyPackageRejection(int Index, string Error);

/// <summary>The answer to a publication.</summary>
/// <param name="Accepted">The number of key packages of the input that are in the store now.</param>
/// <param name="Rejected">The key packages of the input that were refused, in the order of the input.</param>
public sealed record PublishKeyPackagesResult(int Accepted, IReadOnlyList<KeyPackageRejection> Rejected);

/// <summary>The key packages of a device that others can still claim, over all cipher suites.</summary>
/// <param name="Available">The number of key packages for one use that nobody has claimed.</param>
/// <param name="LastResort">Whether the device has a last resort.</param>
/// <param name="OldestExpiry">
/// When the first of these key packages expires, last resorts included; null if there is none.
/// </param>
public sealed record KeyPackageStats(int Available, bool LastResort, DateTimeOffset? OldestExpiry);

public sealed partial class KeyPackageStore
{
    /// <summary>The number of key packages that a device has in the store at most, without claimed ones.</summary>
    public const int MaxOfDevice = 200;

    /// <summary>
    /// Adds key packages to one of the caller's devices. Each key package is judged by itself: those that break no
    /// rule are stored, the others are listed in the answer.
    /// </summary>
    /// <exception cref="RefusedException">
    /// InvalidKeyPackage: every key package breaks a rule; the refusal has the rule of the first one.
    /// TooManyKeyPackages: the device would have more than <see cref="MaxOfDevice"/>. Unauthorized: the account has no
    /// device with that id, or is banned from the service.
    /// </exception>
    public Task<PublishKeyPackagesResult> PublishKeyPackagesAsync(
        Caller caller,
        PublishKeyPackagesRequest input,
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
                // The signatures are checked before the transaction, because that takes time. Whether the key packages
                // are the device's is checked inside, because the device's keys may change in between.
                var verified = input
                    .KeyPackages.Select(package => Judge(() => VerifiedKeyPackage.Verify(package, now)))
                    .ToList();
                return Changes.InTransaction(write => PublishAsync(write, caller, input, verified, now));
            },
            cancellation
        );
    }

    /// <summary>Stores those of the key packages that are the device's, and lists the others.</summary>
    private static async Task<CallResult<PublishKeyPackagesResult>> PublishAsync(
        MlsDbContext write,
        Caller caller,
        PublishKeyPackagesRequest input,
        IReadOnlyList<JudgedKeyPackage> verified,
        DateTimeOffset now
    )
    {
        await write.RequireNotBannedAsync(caller, CancellationToken.None);
        var device = await Device.RequireOwnAsync(write, caller, input.DeviceId, CancellationToken.None);
        var owned = verified
            .Select(item => item.Package is { } package ? Judge(() => package.RequireOwner(device)) : item)
            .ToList();
        var usedUp = await StoreAsync(
            write,
            device,
            [.. owned.Select(item => item.Package).OfType<VerifiedKeyPackage>()],
            now,
            input.Replace
        );
        var rejected = owned
            .Select(
                (item, index) =>
                    (
                        index,
                        Error: item.Error
                            ?? (usedUp.Contains(item.Package!.Name) ? DeliveryRules.KeyPackageUsed.Id : null)
                    )
            )
            .Where(item => item.Error is not null)
            .Select(item => new KeyPackageRejection(item.index, item.Error!))
            .ToList();
        if (rejected.Count == verified.Count)
            throw Refusal.InvalidKeyPackage(rejected[0].Error).AsException();
        return new CallResult<PublishKeyPackagesResult>(new(verified.Count - rejected.Count, rejected));
    }

    /// <summary>The key packages of one of the caller's devices that others can still claim.</summary>
    /// <exception cref="RefusedException">Unauthorized: the account has no device with that id.</exception>
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

    /// <summary>Runs a check of a key package and keeps the rule that the key package breaks.</summary>
    private static JudgedKeyPackage Judge(Func<VerifiedKeyPackage> check)
    {
        try
        {
            return new(check(), null);
        }
        catch (RefusedException refused) when (refused.Refusal.Rule is not null)
        {
            return new(null, refused.Refusal.Rule);
        }
    }

    /// <summary>
    /// Adds verified key packages to a device. A key package that is in the store already is left as it is. A new last
    /// resort takes the place of the older ones of its cipher suite.
    /// </summary>
    /// <param name="context">The transaction.</param>
    /// <param name="device">The device that the key packages are of.</param>
    /// <param name="packages">The key packages.</param>
    /// <param name="now">The time.</param>
    /// <param name="replace">
    /// Whether the key packages take the place of all earlier ones of their cipher suites.
    /// </param>
    /// <returns>
    /// The names (<see cref="VerifiedKeyPackage.Name"/>) of those key packages that were given out or replaced before.
    /// </returns>
    /// <exception cref="RefusedException">
    /// TooManyKeyPackages: the device would have more than <see cref="MaxOfDevice"/>.
    /// </exception>
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
        var stored = (
            await context
                .Set<KeyPackageRow>()
                .AsNoTracking()
                .Where(row => references.Contains(row.Reference))
                .Select(row => new { row.Reference, row.ClaimedAt })
                .ToListAsync()
        ).ToDictionary(row => Convert.ToHexString(row.Reference), row => row.ClaimedAt is not null);
        var added = packages
            .DistinctBy(package => package.Name)
            .Where(package => !stored.ContainsKey(package.Name))
            .ToList();
        await ReplaceLastResortsAsync(context, device, added, now);
        if (replace)
            await ReplaceAllAsync(context, device, packages, references, now);
        await RequireRoomAsync(context, device, added.Count, now);
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
        return stored.Where(item => item.Value).Select(item => item.Key).ToHashSet();
    }

    /// <summary>
    /// Ends the device's last resorts of the cipher suites of which there is a new last resort. Nobody gets a replaced
    /// one any more, but whoever has got it before may still name it in an Add.
    /// </summary>
    private static async Task ReplaceLastResortsAsync(
        MlsDbContext context,
        Device device,
        List<VerifiedKeyPackage> added,
        DateTimeOffset now
    )
    {
        var cipherSuites = added
            .Where(package => package.LastResort)
            .Select(package => (int)package.Package.CipherSuite)
            .Distinct()
            .ToList();
        if (cipherSuites.Count == 0)
            return;
        await context
            .Set<KeyPackageRow>()
            .Where(row =>
                row.DeviceRow == device.Id
                && cipherSuites.Contains(row.CipherSuite)
                && row.LastResort
                && row.ClaimedAt == null
            )
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));
    }

    /// <summary>Ends all earlier key packages of the device that have the cipher suites of the given ones.</summary>
    private static async Task ReplaceAllAsync(
        MlsDbContext context,
        Device device,
        IReadOnlyList<VerifiedKeyPackage> packages,
        List<byte[]> references,
        DateTimeOffset now
    )
    {
        var cipherSuites = packages.Select(package => (int)package.Package.CipherSuite).Distinct().ToList();
        await context
            .Set<KeyPackageRow>()
            .Where(row =>
                row.DeviceRow == device.Id
                && cipherSuites.Contains(row.CipherSuite)
                && row.ClaimedAt == null
                && !references.Contains(row.Reference)
            )
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));
    }

    /// <summary>Refuses more key packages than a device may have in the store.</summary>
    private static async Task RequireRoomAsync(MlsDbContext context, Device device, int added, DateTimeOffset now)
    {
        int unclaimed = await context
            .Set<KeyPackageRow>()
            .CountAsync(row => row.DeviceRow == device.Id && row.ClaimedAt == null && row.NotAfter > now);
        if (unclaimed + added > MaxOfDevice)
            throw Refusal.TooManyKeyPackages.AsException();
    }

    /// <summary>A key package of a publication that breaks no rule, or the rule that it breaks.</summary>
    /// <param name="Package">The key package; null if it breaks a rule.</param>
    /// <param name="Error">The id of the rule that the key package breaks; null if it breaks none.</param>
    private sealed record JudgedKeyPackage(VerifiedKeyPackage? Package, string? Error);
}
