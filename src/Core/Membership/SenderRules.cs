using MlsConsole.Core.Devices;
using MlsConsole.Mls;

namespace MlsConsole.Core.Membership;

/// <summary>Whose leaf may send a handshake message, and which leaf may take the place of that leaf.</summary>
internal static class SenderRules
{
    /// <summary>Refuses a sender whose leaf does not belong to the caller, or whose device was deleted.</summary>
    public static void RequireSender(Access access, LeafNode leaf, LeafOwners owners, Func<string, Refusal> refusal)
    {
        if (owners.DeviceByIdentity(leaf)?.Did != access.Entry.Did)
            throw refusal(DeliveryRules.SenderOfAnother.Id).AsException();
        if (owners.DeviceOf(leaf) is null)
            throw refusal(DeliveryRules.SenderDeleted.Id).AsException();
    }

    /// <summary>
    /// Refuses a leaf that takes the place of another one without being of the same account and device.
    /// </summary>
    public static void RequireSameOwner(
        LeafNode before,
        LeafNode after,
        LeafOwners owners,
        Func<string, Refusal> refusal
    )
    {
        if (ReferenceEquals(before, after))
            return;
        if (!before.Credential.SameAs(after.Credential))
            throw refusal(DeliveryRules.LeafIdentityChanged.Id).AsException();
        if (owners.DeviceOf(after) is null)
            throw refusal(DeliveryRules.LeafNotEnrolled.Id).AsException();
    }
}
