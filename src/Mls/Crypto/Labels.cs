using System.Collections.Frozen;
using System.Text;

namespace MlsConsole.Mls;

/// <summary>
/// The labels of RFC 9420, with the prefix "MLS 1.0 " with which they are signed, hashed and expanded.
/// </summary>
internal static class Labels
{
    // Only the labels of the RFC are kept here, because an application may export secrets under any number of labels.
    private static readonly FrozenDictionary<string, byte[]> s_prefixed = new[]
    {
        "FramedContentTBS",
        "LeafNodeTBS",
        "KeyPackageTBS",
        "GroupInfoTBS",
        "UpdatePathNode",
        "Welcome",
        "joiner",
        "member",
        "welcome",
        "epoch",
        "sender data",
        "encryption",
        "exporter",
        "exported",
        "external",
        "confirm",
        "membership",
        "resumption",
        "authentication",
        "init",
        "path",
        "node",
        "tree",
        "handshake",
        "application",
        "key",
        "nonce",
        "secret",
        "derived psk",
    }.ToFrozenDictionary(label => label, Prefix);

    /// <summary>The bytes of <c>"MLS 1.0 " + label</c>.</summary>
    public static byte[] Prefixed(string label) => s_prefixed.TryGetValue(label, out var bytes) ? bytes : Prefix(label);

    private static byte[] Prefix(string label) => Encoding.UTF8.GetBytes("MLS 1.0 " + label);
}
