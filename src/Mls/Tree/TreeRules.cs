namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>Unmerged leaves out of order.</summary>
    public static readonly Rule TreeUnmergedOrder = new(
        "tree.unmerged-order",
        "§7.1",
        "The unmerged leaves of a parent node are sorted in increasing order, each once."
    );

    /// <summary>An unmerged leaf that is blank, outside, or unknown to a node between.</summary>
    public static readonly Rule TreeUnmergedLeaf = new(
        "tree.unmerged-leaf",
        "§12.4.3.1",
        "An unmerged leaf is a non-blank descendant, and listed by every non-blank node between."
    );

    /// <summary>A leaf and a parent node of the wire stand at each other's place.</summary>
    public static readonly Rule TreeNodeType = new(
        "tree.node-type",
        "§12.4.3.3",
        "Leaf nodes stand at even and parent nodes at odd positions of the ratchet tree."
    );

    /// <summary>The ratchet tree ends in a blank node.</summary>
    public static readonly Rule TreeTrailingBlank = new(
        "tree.trailing-blank",
        "§12.4.3.3",
        "The last node of an encoded ratchet tree is not blank."
    );

    /// <summary>No nodes, or no member.</summary>
    public static readonly Rule TreeEmpty = new("tree.empty", "§12.4.3.3", "A ratchet tree has at least one member.");

    /// <summary>A parent node that no leaf vouches for.</summary>
    public static readonly Rule TreeParentHash = new(
        "tree.parent-hash",
        "§7.9.2",
        "Every non-blank parent node is parent-hash valid: exactly one descendant's parent hash vouches for it."
    );

    /// <summary>One encryption key at two nodes.</summary>
    public static readonly Rule TreeEncryptionKeyDuplicate = new(
        "tree.encryption-key-duplicate",
        "§7.3",
        "An encryption key appears at one node of the tree only."
    );

    /// <summary>One signature key at two leaves.</summary>
    public static readonly Rule TreeSignatureKeyDuplicate = new(
        "tree.signature-key-duplicate",
        "§7.3",
        "A signature key appears at one leaf of the tree only."
    );

    /// <summary>The tree hash of the group context is not that of the tree.</summary>
    public static readonly Rule TreeHash = new(
        "tree.hash",
        "§12.4.3.1",
        "The tree hash of the GroupContext is the hash of the ratchet tree."
    );

    /// <summary>An extension type twice.</summary>
    public static readonly Rule ExtensionDuplicate = new(
        "extension.duplicate",
        "§13.4",
        "An extension list has at most one extension of each type."
    );

    /// <summary>An extension in an object that cannot have it.</summary>
    public static readonly Rule ExtensionPlace = new(
        "extension.place",
        "§17.3",
        "An extension stands only in the objects that its registration names."
    );

    /// <summary>A malformed encryption key.</summary>
    public static readonly Rule TreeEncryptionKey = new(
        "tree.encryption-key",
        "§5.1.1",
        "An HPKE public key is well-formed for the cipher suite."
    );
}
