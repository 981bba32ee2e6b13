using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.KeyPackages;

/// <summary>
/// A key package of which everything has been checked that can be checked without a device, for example signatures,
/// lifetime and leaf node source (RFC 9420 §10.1). Whether the key package is that of a device is checked by
/// <see cref="RequireOwner"/>.
/// </summary>
/// <param name="Package">The key package.</param>
/// <param name="LastResort">
/// Whether the key package is given out again and again, because its publisher or its extension says so.
/// </param>
internal sealed record VerifiedKeyPackage(KeyPackage Package, bool LastResort)
{
    /// <summary>The reference of the key package (RFC 9420 §5.2) in hex, as a key of dictionaries.</summary>
    public string Name { get; } = Convert.ToHexString(Package.Reference.Span);

    /// <summary>Verifies a key package by itself (RFC 9420 §10.1).</summary>
    /// <exception cref="RefusedException">InvalidKeyPackage: the key package breaks a rule.</exception>
    public static VerifiedKeyPackage Verify(OfferedKeyPackage input, DateTimeOffset now)
    {
        try
        {
            var package = UnverifiedKeyPackage.Decode(input.Bytes).Verify(now);
            return new(package, input.LastResort || package.IsLastResort);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidKeyPackage(broken.Rule.Id).AsException();
        }
    }

    /// <summary>Refuses a key package that has not the device's identity and an enrolled key of the device.</summary>
    /// <returns>The key package itself.</returns>
    /// <exception cref="RefusedException">InvalidKeyPackage: the key package is not the device's.</exception>
    public VerifiedKeyPackage RequireOwner(Device device)
    {
        var leaf = Package.LeafNode;
        if (
            leaf.Credential.Type != CredentialType.Basic
            || !leaf.Credential.Identity.Span.SequenceEqual(device.Identity)
            || !device.HasKey(leaf.SignatureKey.Span)
        )
            throw Refusal.InvalidKeyPackage(DeliveryRules.KeyPackageIdentity.Id).AsException();
        return this;
    }
}
