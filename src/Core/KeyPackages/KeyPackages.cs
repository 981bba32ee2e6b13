using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

public sealed record ClaimKeyPackagesInput(IReadOnlyList<Did> Dids, int CipherSuite, string? IdempotencyKey);

public sealed record ClaimedKeyPackage(string Did, string DeviceId, byte[] KeyPackage);

public sealed record ClaimKeyPackagesResult(IReadOnlyList<ClaimedKeyPackage> KeyPackages, IReadOnlyList<string> Missing);

/// <summary>A key package whose signatures, lifetime and kind have been checked; whose it is, is checked against its device.</summary>
internal sealed record VerifiedKeyPackage(KeyPackage Package, bool LastResort)
{
    public static VerifiedKeyPackage Verify(NewKeyPackage input, DateTimeOffset now)
    {
        try
        {
            return new(UnverifiedKeyPackage.Decode(input.Bytes).Verify(now), input.LastResort);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidKeyPackage(broken.Rule.Id).AsException();
        }
    }

    public void RequireOwner(Device device)
    {
        var leaf = Package.LeafNode;
        if (leaf.Credential.Type != CredentialType.Basic || !leaf.Credential.Identity.Span.SequenceEqual(device.Identity) || !device.HasKey(leaf.SignatureKey.Span))
            throw Refusal.InvalidKeyPackage(DeliveryRules.KeyPackageIdentity.Id).AsException();
    }
}

/// <summary>Key packages: verified when they come, given out once each, the last resort again and again.</summary>
public sealed class KeyPackages
{
    private const int MaxOfDevice = 200, ClaimsPerDay = 10;

    private readonly Attempts _attempts;
    private readonly TimeProvider _clock;

    internal KeyPackages(Attempts attempts, TimeProvider clock) => (_attempts, _clock) = (attempts, clock);

    /// <summary>One key package of each device of the accounts; consumes what it gives, except a last resort.</summary>
    public Task<ClaimKeyPackagesResult> ClaimKeyPackages(Caller caller, ClaimKeyPackagesInput input, CancellationToken cancellation)
    {
        var dids = input.Dids.Select(did => did.Value).Distinct().ToList();
        var attempt = new Attempt(caller, "claimKeyPackages", null, input.IdempotencyKey,
            Attempt.HashOf([BitConverter.GetBytes(input.CipherSuite), .. dids.Select(did => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(did))]));
        return _attempts.RunAsync(attempt, () => _attempts.CommitAsync(attempt, async context =>
            new Done<ClaimKeyPackagesResult>(await Claim(context, caller.Did.Value, dids, input.CipherSuite)), cancellation), cancellation);
    }

    private async Task<ClaimKeyPackagesResult> Claim(MlsDbContext context, string claimer, List<string> dids, int suite)
    {
        var now = _clock.GetUtcNow();
        var dayAgo = now.AddDays(-1);
        var devices = await context.Set<Device>().AsNoTracking().Where(device => dids.Contains(device.Did)).Select(device => new { device.Id, device.Did, device.DeviceId }).ToListAsync();
        var rows = devices.Select(device => device.Id).ToList();
        var candidates = await context.Set<KeyPackageRow>().AsNoTracking()
            .Where(row => rows.Contains(row.DeviceRow) && row.CipherSuite == suite && row.ClaimedAt == null && row.NotAfter > now)
            .Select(row => new { row.Id, row.DeviceRow, row.LastResort }).ToListAsync();
        var claims = await context.Set<KeyPackageClaim>().AsNoTracking().Where(claim => claim.Claimer == claimer && claim.At > dayAgo && rows.Contains(claim.DeviceRow))
            .GroupBy(claim => claim.DeviceRow).Select(group => new { group.Key, Count = group.Count() }).ToDictionaryAsync(group => group.Key, group => group.Count);

        // The oldest first; after ten claims of a day only the last resort, so that nobody empties a device's store.
        var chosen = candidates.GroupBy(row => row.DeviceRow)
            .Select(group => group.OrderBy(row => row.LastResort).ThenBy(row => row.Id).FirstOrDefault(row => row.LastResort || claims.GetValueOrDefault(row.DeviceRow) < ClaimsPerDay))
            .Where(row => row is not null).Select(row => row!).ToList();
        var consumed = chosen.Where(row => !row.LastResort).Select(row => row.Id).ToList();
        await context.Set<KeyPackageRow>().Where(row => consumed.Contains(row.Id)).ExecuteUpdateAsync(set => set.SetProperty(row => row.ClaimedAt, now));
        context.AddRange(chosen.Where(row => !row.LastResort).Select(row => new KeyPackageClaim { Claimer = claimer, DeviceRow = row.DeviceRow, At = now }));

        var ids = chosen.Select(row => row.Id).ToList();
        var bytes = await context.Set<KeyPackageRow>().AsNoTracking().Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.DeviceRow, row => row.KeyPackage);
        var packages = devices.Where(device => bytes.ContainsKey(device.Id)).OrderBy(device => device.Id)
            .Select(device => new ClaimedKeyPackage(device.Did, device.DeviceId, bytes[device.Id])).ToList();
        return new(packages, [.. dids.Where(did => !packages.Exists(package => package.Did == did))]);
    }

    /// <summary>Adds verified key packages to a device. One that is there already is left alone.</summary>
    internal static async Task StoreAsync(MlsDbContext context, Device device, IReadOnlyList<VerifiedKeyPackage> packages, DateTimeOffset now)
    {
        if (packages.Count == 0) return;
        var references = packages.Select(package => package.Package.Reference.ToArray()).ToList();
        var known = await context.Set<KeyPackageRow>().AsNoTracking().Where(row => references.Contains(row.Reference)).Select(row => row.Reference).ToListAsync();
        if (await context.Set<KeyPackageRow>().CountAsync(row => row.DeviceRow == device.Id && row.ClaimedAt == null && row.NotAfter > now) + packages.Count > MaxOfDevice)
            throw Refusal.TooManyKeyPackages.AsException();
        foreach (var package in packages.DistinctBy(package => Convert.ToHexString(package.Package.Reference.Span)))
        {
            if (known.Exists(reference => reference.AsSpan().SequenceEqual(package.Package.Reference.Span))) continue;
            context.Add(new KeyPackageRow
            {
                DeviceRow = device.Id, Reference = package.Package.Reference.ToArray(), CipherSuite = package.Package.CipherSuite,
                KeyPackage = MlsMessage.Of(UnverifiedKeyPackage.Decode(package.Package.Encoded)).Encode(),
                LastResort = package.LastResort || package.Package.IsLastResort, NotAfter = package.Package.NotAfter,
            });
        }
    }
}
