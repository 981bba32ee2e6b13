using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.KeyPackages;

/// <summary>A key package whose signatures, lifetime and kind have been checked; whose it is, is checked against its device.</summary>
/// <param name="Package">The key package.</param>
/// <param name="LastResort">Whether it is given out again and again: its publisher says so, or its own extension.</param>
internal sealed record VerifiedKeyPackage(KeyPackage Package, bool LastResort)
{
    /// <summary>Its reference (RFC 9420 §5.2), as a key of dictionaries.</summary>
    public string Name { get; } = Convert.ToHexString(Package.Reference.Span);

    /// <exception cref="RefusedException">InvalidKeyPackage</exception>
    public static VerifiedKeyPackage Verify(NewKeyPackage input, DateTimeOffset now)
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

    /// <summary>Itself, if it is the device's.</summary>
    /// <exception cref="RefusedException">InvalidKeyPackage</exception>
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
