using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Devices;

/// <summary>
/// Finds the enrolled devices that leaves belong to (delivery-service §1.2). Identities are compared whole, never by a
/// prefix; a device owns a leaf only if the leaf's signature key is enrolled for the device, too.
/// </summary>
internal sealed class LeafOwners
{
    private readonly Dictionary<string, Device> _byIdentity;

    public LeafOwners(IEnumerable<Device> devices) =>
        _byIdentity = devices.ToDictionary(device => Convert.ToHexString(device.Identity));

    /// <summary>Finds the devices of all the leaves in one query.</summary>
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

    /// <summary>
    /// The device that has the identity of the leaf's credential, whatever signature key the leaf has; null if there is
    /// none.
    /// </summary>
    public Device? DeviceByIdentity(LeafNode leaf) =>
        leaf.Credential.Type == CredentialType.Basic
            ? _byIdentity.GetValueOrDefault(Convert.ToHexString(leaf.Credential.Identity.Span))
            : null;

    /// <summary>
    /// The device that owns the leaf: it has the identity of the leaf's credential, and the leaf's signature key is
    /// enrolled for it and not retired. Null if there is none.
    /// </summary>
    public Device? DeviceOf(LeafNode leaf) =>
        DeviceByIdentity(leaf) is { } device && device.HasKey(leaf.SignatureKey.Span) ? device : null;
}
