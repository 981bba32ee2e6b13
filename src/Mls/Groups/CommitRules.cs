namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>A reference that nobody can resolve.</summary>
    public static readonly Rule CommitUnknownProposal = new(
        "commit.unknown-proposal",
        "§12.4.2",
        "Every ProposalRef of a commit names a proposal that was received in this epoch."
    );

    /// <summary>The committer updates itself by proposal.</summary>
    public static readonly Rule CommitOwnUpdate = new(
        "commit.own-update",
        "§12.2",
        "A commit has no Update of the committer."
    );

    /// <summary>The committer removes itself.</summary>
    public static readonly Rule CommitRemovesCommitter = new(
        "commit.removes-committer",
        "§12.2",
        "A commit does not remove its committer."
    );

    /// <summary>Two changes of one leaf.</summary>
    public static readonly Rule CommitLeafTwice = new(
        "commit.leaf-twice",
        "§12.2",
        "At most one Update or Remove of a commit applies to a leaf."
    );

    /// <summary>A pre-shared key twice.</summary>
    public static readonly Rule CommitPreSharedKeyDuplicate = new(
        "commit.psk-duplicate",
        "§12.2",
        "A commit references a PreSharedKeyID once."
    );

    /// <summary>A malformed pre-shared key id.</summary>
    public static readonly Rule ProposalPreSharedKey = new(
        "proposal.psk",
        "§12.1.4",
        "A PreSharedKey proposal has a nonce of the hash's length, and a resumption PSK in it has the usage application."
    );

    /// <summary>Group context extensions twice.</summary>
    public static readonly Rule CommitGroupContextExtensionsTwice = new(
        "commit.group-context-extensions-twice",
        "§12.2",
        "A commit has at most one GroupContextExtensions proposal."
    );

    /// <summary>ReInit with others.</summary>
    public static readonly Rule CommitReInitNotAlone = new(
        "commit.reinit-not-alone",
        "§12.2",
        "A ReInit proposal is committed alone."
    );

    /// <summary>ReInit to an older version.</summary>
    public static readonly Rule ProposalReInitVersion = new(
        "proposal.reinit-version",
        "§12.1.5",
        "A ReInit does not lower the protocol version."
    );

    /// <summary>ExternalInit by a member.</summary>
    public static readonly Rule CommitExternalInitByMember = new(
        "commit.external-init-by-member",
        "§12.2",
        "A member's commit has no ExternalInit."
    );

    /// <summary>A proposal type that not all members support.</summary>
    public static readonly Rule CommitProposalUnsupported = new(
        "commit.proposal-unsupported",
        "§12.2",
        "Every member supports the types of the committed proposals."
    );

    /// <summary>A sender that may not send this proposal.</summary>
    public static readonly Rule ProposalSender = new(
        "proposal.sender",
        "§12.1.8",
        "A proposal comes from a kind of sender that may send its type."
    );

    /// <summary>Removal of nobody.</summary>
    public static readonly Rule ProposalRemoveBlank = new(
        "proposal.remove-blank",
        "§12.1.3",
        "A Remove names a non-blank leaf."
    );

    /// <summary>An update that changes nothing.</summary>
    public static readonly Rule ProposalUpdateKey = new(
        "proposal.update-key",
        "§7.3",
        "An Update brings a new encryption key."
    );

    /// <summary>A SelfRemove by value or of the committer.</summary>
    public static readonly Rule ProposalSelfRemove = new(
        "proposal.self-remove",
        "§12.2",
        "A SelfRemove is committed by reference, and by another member than its sender."
    );

    /// <summary>Path missing.</summary>
    public static readonly Rule CommitPathMissing = new(
        "commit.path-missing",
        "§12.4",
        "A commit has a path unless all its proposals, at least one, are of types that do not need it."
    );

    /// <summary>Too few or too many nodes.</summary>
    public static readonly Rule PathLength = new(
        "path.length",
        "§7.6",
        "An update path has one node for each node of the filtered direct path."
    );

    /// <summary>Too few or too many ciphertexts.</summary>
    public static readonly Rule PathCiphertexts = new(
        "path.ciphertexts",
        "§7.6",
        "A node of an update path has one ciphertext, of the right KEM length, for each node of the copath resolution without the members that the commit adds."
    );

    /// <summary>A key of the path is in the tree already.</summary>
    public static readonly Rule PathKeyReused = new(
        "path.key-reused",
        "§12.4.2",
        "No public key of an update path appears in the tree."
    );

    /// <summary>A malformed key in the path.</summary>
    public static readonly Rule PathKey = new(
        "path.key",
        "§5.1.1",
        "The public keys of an update path are well-formed."
    );

    /// <summary>The parent hash of the committer's leaf is wrong.</summary>
    public static readonly Rule PathParentHash = new(
        "path.parent-hash",
        "§7.9.2",
        "The parent hash of the committer's new leaf is the one that the path gives."
    );

    /// <summary>An external commit that refers to proposals.</summary>
    public static readonly Rule ExternalCommitByReference = new(
        "external-commit.by-reference",
        "§12.4.3.2",
        "An external commit includes its proposals by value; only a SelfRemove may be by reference."
    );

    /// <summary>ExternalInit missing, twice or malformed.</summary>
    public static readonly Rule ExternalCommitExternalInit = new(
        "external-commit.external-init",
        "§12.2",
        "An external commit has exactly one ExternalInit, with a KEM output of the right length."
    );

    /// <summary>A second Remove.</summary>
    public static readonly Rule ExternalCommitSecondRemove = new(
        "external-commit.second-remove",
        "§12.2",
        "An external commit has at most one Remove."
    );

    /// <summary>A proposal that an external commit may not have.</summary>
    public static readonly Rule ExternalCommitProposal = new(
        "external-commit.proposal",
        "§12.2",
        "An external commit has no proposals but ExternalInit, Remove and PreSharedKey."
    );

    /// <summary>Path missing in an external commit.</summary>
    public static readonly Rule ExternalCommitPathMissing = new(
        "external-commit.path-missing",
        "§12.4.3.2",
        "An external commit has a path."
    );

    /// <summary>The joiner keeps the key of the leaf that it removes.</summary>
    public static readonly Rule ExternalCommitRemovedKey = new(
        "external-commit.removed-key",
        "§12.2",
        "A joiner that removes its old leaf brings a new encryption key."
    );

    /// <summary>GroupInfo of another state.</summary>
    public static readonly Rule GroupInfoContext = new(
        "group-info.context",
        "§12.4.3",
        "The GroupContext of a GroupInfo is, byte for byte, that of the epoch."
    );

    /// <summary>GroupInfo of another epoch.</summary>
    public static readonly Rule GroupInfoEpoch = new(
        "group-info.epoch",
        "§12.4.3",
        "The epoch of a GroupInfo is that of the group."
    );

    /// <summary>GroupInfo of another tree.</summary>
    public static readonly Rule GroupInfoTreeHash = new(
        "group-info.tree-hash",
        "§12.4.3",
        "The tree hash of a GroupInfo is that of the group's tree."
    );

    /// <summary>Confirmation tag of another commit.</summary>
    public static readonly Rule GroupInfoConfirmationTag = new(
        "group-info.confirmation-tag",
        "§12.4.3",
        "The confirmation tag of a GroupInfo is that of the commit which began the epoch."
    );

    /// <summary>Signed by somebody else.</summary>
    public static readonly Rule GroupInfoSigner = new(
        "group-info.signer",
        "§12.4.3",
        "The signer of a GroupInfo is a non-blank leaf; with a commit, the committer's."
    );

    /// <summary>Bad signature.</summary>
    public static readonly Rule GroupInfoSignature = new(
        "group-info.signature",
        "§12.4.3",
        "The signature of a GroupInfo verifies with its signer's key."
    );

    /// <summary>No external_pub.</summary>
    public static readonly Rule GroupInfoExternalPub = new(
        "group-info.external-pub",
        "§12.4.3.2",
        "A GroupInfo for external joins has a well-formed external_pub."
    );

    /// <summary>No tree, or another.</summary>
    public static readonly Rule GroupInfoRatchetTree = new(
        "group-info.ratchet-tree",
        "§12.4.3.3",
        "The ratchet tree with a GroupInfo is the group's."
    );
}
