using MlsConsole.Core.Devices;
using MlsConsole.Mls;

namespace MlsConsole.Core.Membership;

/// <summary>Whose leaf may send a handshake message, and what may take that leaf's place.</summary>
internal static class SenderRules
{
    /// <summary>The leaf that sends belongs to the caller, and its device was not deleted.</summary>
    public static void RequireSender(Access access, LeafNode leaf, LeafOwners owners, Func<string, Refusal> refusal)
    {
        if (owners.ByIdentity(leaf)?.Did != access.Entry.Did)
            throw refusal(DeliveryRules.SenderOfAnother.Id).AsException();
        if (owners.Of(leaf) is null)
            throw refusal(DeliveryRules.SenderDeleted.Id).AsException();
    }

    /// <summary>A leaf that takes another's place is of the same account and device.</summary>
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
        if (owners.Of(after) is null)
            throw refusal(DeliveryRules.LeafNotEnrolled.Id).AsException();
    }
}
