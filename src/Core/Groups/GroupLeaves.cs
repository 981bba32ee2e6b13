using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.Groups;

/// <summary>Finds leaves in a group.</summary>
internal static class GroupLeaves
{
    /// <summary>The leaf that has the device's identity; null if there is none.</summary>
    public static LeafIndex? LeafOf(PublicGroup group, Device device)
    {
        foreach (var (index, leaf) in group.Members)
            if (leaf.Credential.Identity.Span.SequenceEqual(device.Identity))
                return index;
        return null;
    }
}
