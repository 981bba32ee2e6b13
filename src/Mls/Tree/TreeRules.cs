namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>The unmerged leaves of a parent node are not in ascending order.</summary>
    public static readonly Rule TreeUnmergedOrder = new(
        "tree.unmerged-order",
        "§7.1",
        "The unmerged leaves of a parent node are sorted in increasing order, each once."
    );

    /// <summary>An unmerged leaf is blank, is not below its node, or is missing at a node between them.</summary>
    public static readonly Rule TreeUnmergedLeaf = new(
        "tree.unmerged-leaf",
        "§12.4.3.1",
        "An unmerged leaf is a non-blank descendant, and listed by every non-blank node between."
    );

    /// <summary>A leaf node stands where a parent node belongs, or the other way round.</summary>
    public static readonly Rule TreeNodeType = new(
        "tree.node-type",
        "§12.4.3.3",
        "Leaf nodes stand at even and parent nodes at odd positions of the ratchet tree."
    );

    /// <summary>The last node of an encoded ratchet tree is blank or a parent node.</summary>
    public static readonly Rule TreeTrailingBlank = new(
        "tree.trailing-blank",
        "§12.4.3.3",
        "The last node of an encoded ratchet tree is not blank."
    );

    /// <summary>A ratchet tree has no nodes, or no member.</summary>
    public static readonly Rule TreeEmpty = new("tree.empty", "§12.4.3.3", "A ratchet tree has at least one member.");

    /// <summary>A parent node is not parent-hash valid: no descendant has its parent hash.</summary>
    public static readonly Rule TreeParentHash = new(
        "tree.parent-hash",
        "§7.9.2",
        "Every non-blank parent node is parent-hash valid: exactly one descendant's parent hash vouches for it."
    );

    /// <summary>Two nodes have the same encryption key.</summary>
    public static readonly Rule TreeEncryptionKeyDuplicate = new(
        "tree.encryption-key-duplicate",
        "§7.3",
        "An encryption key appears at one node of the tree only."
    );

    /// <summary>Two leaves have the same signature key.</summary>
    public static readonly Rule TreeSignatureKeyDuplicate = new(
        "tree.signature-key-duplicate",
        "§7.3",
        "A signature key appears at one leaf of the tree only."
    );

    /// <summary>The tree hash in a GroupContext is not that of the ratchet tree.</summary>
    public static readonly Rule TreeHash = new(
        "tree.hash",
        "§12.4.3.1",
        "The tree hash of the GroupContext is the hash of the ratchet tree."
    );

    /// <summary>A list of extensions has two extensions of the same type.</summary>
    public static readonly Rule ExtensionDuplicate = new(
        "extension.duplicate",
        "§13.4",
        "An extension list has at most one extension of each type."
    );

    /// <summary>An extension stands in an object that may not have it.</summary>
    public static readonly Rule ExtensionPlace = new(
        "extension.place",
        "§17.3",
        "An extension stands only in the objects that its registration names."
    );

    /// <summary>The encryption key of a parent node is malformed.</summary>
    public static readonly Rule TreeEncryptionKey = new(
        "tree.encryption-key",
        "§5.1.1",
        "An HPKE public key is well-formed for the cipher suite."
    );
}
