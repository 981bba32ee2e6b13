using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Devices;

/// <summary>Finds the enrolled devices behind leaves: whole identities are compared, never prefixes, and the key must be enrolled too.</summary>
internal sealed class LeafOwners
{
    private readonly Dictionary<string, Device> _byIdentity;

    public LeafOwners(IEnumerable<Device> devices) =>
        _byIdentity = devices.ToDictionary(device => Convert.ToHexString(device.Identity));

    /// <summary>Looks all the leaves up in one query.</summary>
    public static async Task<LeafOwners> FindAsync(
        MlsDbContext context,
        IEnumerable<LeafNode> leaves,
        CancellationToken cancellation
    )
    {
        var identities = leaves
            .Where(leaf => leaf.Credential.Type == CredentialType.Basic)
            .Select(leaf => leaf.Credential.Identity.ToArray())
            .DistinctBy(Convert.ToHexString)
            .ToList();
        return new(
            await context
                .Set<Device>()
                .AsNoTracking()
                .Include(device => device.Keys)
                .Where(device => identities.Contains(device.Identity))
                .AsSingleQuery()
                .ToListAsync(cancellation)
        );
    }

    /// <summary>The device whose identity the leaf carries, whatever its key.</summary>
    public Device? DeviceByIdentity(LeafNode leaf) =>
        leaf.Credential.Type == CredentialType.Basic
            ? _byIdentity.GetValueOrDefault(Convert.ToHexString(leaf.Credential.Identity.Span))
            : null;

    /// <summary>The device that owns the leaf: its identity, and a key enrolled for it.</summary>
    public Device? DeviceOf(LeafNode leaf) =>
        DeviceByIdentity(leaf) is { } device && device.HasKey(leaf.SignatureKey.Span) ? device : null;
}
