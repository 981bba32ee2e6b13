using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>The identity in a member's basic credential: <c>did#deviceId</c> in UTF-8.</summary>
internal static class MemberIdentity
{
    /// <summary>The identity of a device of an account.</summary>
    public static byte[] Of(string did, string deviceId) => Encoding.UTF8.GetBytes($"{did}#{deviceId}");

    /// <summary>
    /// The account of a credential: what is before the first <c>#</c>. DIDs are compared whole, never by prefix.
    /// </summary>
    /// <returns>Null for no credential, and for one of another form.</returns>
    public static string? DidOf(Credential? credential)
    {
        if (credential is null)
            return null;
        var identity = credential.Identity.Span;
        int at = identity.IndexOf((byte)'#');
        return at < 0 ? null : Encoding.UTF8.GetString(identity[..at]);
    }

    /// <summary>The leaves of all devices of an account.</summary>
    public static List<LeafIndex> LeavesOf(PublicGroup group, string did) =>
        [.. group.Members.Where(member => DidOf(member.Leaf.Credential) == did).Select(static member => member.Index)];
}
