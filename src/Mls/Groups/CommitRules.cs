namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>A commit refers to a proposal that was not received in its epoch.</summary>
    public static readonly Rule CommitUnknownProposal = new(
        "commit.unknown-proposal",
        "§12.4.2",
        "Every ProposalRef of a commit names a proposal that was received in this epoch."
    );

    /// <summary>A commit has an Update of the committer itself.</summary>
    public static readonly Rule CommitOwnUpdate = new(
        "commit.own-update",
        "§12.2",
        "A commit has no Update of the committer."
    );

    /// <summary>A commit removes its committer.</summary>
    public static readonly Rule CommitRemovesCommitter = new(
        "commit.removes-committer",
        "§12.2",
        "A commit does not remove its committer."
    );

    /// <summary>Two proposals of a commit change the same leaf.</summary>
    public static readonly Rule CommitLeafTwice = new(
        "commit.leaf-twice",
        "§12.2",
        "At most one Update or Remove of a commit applies to a leaf."
    );

    /// <summary>A commit names the same pre-shared key twice.</summary>
    public static readonly Rule CommitPreSharedKeyDuplicate = new(
        "commit.psk-duplicate",
        "§12.2",
        "A commit references a PreSharedKeyID once."
    );

    /// <summary>The nonce or the usage of a pre-shared key id is wrong.</summary>
    public static readonly Rule ProposalPreSharedKey = new(
        "proposal.psk",
        "§12.1.4",
        "A PreSharedKey proposal has a nonce of the hash's length, "
            + "and a resumption PSK in it has the usage application."
    );

    /// <summary>A commit has two GroupContextExtensions proposals.</summary>
    public static readonly Rule CommitGroupContextExtensionsTwice = new(
        "commit.group-context-extensions-twice",
        "§12.2",
        "A commit has at most one GroupContextExtensions proposal."
    );

    /// <summary>A commit has a ReInit beside other proposals.</summary>
    public static readonly Rule CommitReInitNotAlone = new(
        "commit.reinit-not-alone",
        "§12.2",
        "A ReInit proposal is committed alone."
    );

    /// <summary>A ReInit names an older protocol version.</summary>
    public static readonly Rule ProposalReInitVersion = new(
        "proposal.reinit-version",
        "§12.1.5",
        "A ReInit does not lower the protocol version."
    );

    /// <summary>A member's commit has an ExternalInit.</summary>
    public static readonly Rule CommitExternalInitByMember = new(
        "commit.external-init-by-member",
        "§12.2",
        "A member's commit has no ExternalInit."
    );

    /// <summary>A commit has a proposal of a type that not all members support.</summary>
    public static readonly Rule CommitProposalUnsupported = new(
        "commit.proposal-unsupported",
        "§12.2",
        "Every member supports the types of the committed proposals."
    );

    /// <summary>A proposal comes from a kind of sender that may not send its type.</summary>
    public static readonly Rule ProposalSender = new(
        "proposal.sender",
        "§12.1.8",
        "A proposal comes from a kind of sender that may send its type."
    );

    /// <summary>A Remove names a blank leaf.</summary>
    public static readonly Rule ProposalRemoveBlank = new(
        "proposal.remove-blank",
        "§12.1.3",
        "A Remove names a non-blank leaf."
    );

    /// <summary>An Update has the same encryption key as the leaf that it replaces.</summary>
    public static readonly Rule ProposalUpdateKey = new(
        "proposal.update-key",
        "§7.3",
        "An Update brings a new encryption key."
    );

    /// <summary>A SelfRemove is committed by value, or by its own sender.</summary>
    public static readonly Rule ProposalSelfRemove = new(
        "proposal.self-remove",
        "§12.2",
        "A SelfRemove is committed by reference, and by another member than its sender."
    );

    /// <summary>A commit that needs a path has none.</summary>
    public static readonly Rule CommitPathMissing = new(
        "commit.path-missing",
        "§12.4",
        "A commit has a path unless all its proposals, at least one, are of types that do not need it."
    );

    /// <summary>An update path has too few or too many nodes.</summary>
    public static readonly Rule PathLength = new(
        "path.length",
        "§7.6",
        "An update path has one node for each node of the filtered direct path."
    );

    /// <summary>A node of an update path has too few or too many ciphertexts, or one of the wrong length.</summary>
    public static readonly Rule PathCiphertexts = new(
        "path.ciphertexts",
        "§7.6",
        "A node of an update path has one ciphertext, of the right KEM length, for each node of the copath resolution "
            + "without the members that the commit adds."
    );

    /// <summary>A public key of an update path is in the tree already.</summary>
    public static readonly Rule PathKeyReused = new(
        "path.key-reused",
        "§12.4.2",
        "No public key of an update path appears in the tree."
    );

    /// <summary>A public key of an update path is malformed.</summary>
    public static readonly Rule PathKey = new(
        "path.key",
        "§5.1.1",
        "The public keys of an update path are well-formed."
    );

    /// <summary>The parent hash of the committer's new leaf is wrong.</summary>
    public static readonly Rule PathParentHash = new(
        "path.parent-hash",
        "§7.9.2",
        "The parent hash of the committer's new leaf is the one that the path gives."
    );

    /// <summary>An external commit has a proposal by reference that is not a SelfRemove, or that is unknown.</summary>
    public static readonly Rule ExternalCommitByReference = new(
        "external-commit.by-reference",
        "§12.4.3.2",
        "An external commit includes its proposals by value; only a SelfRemove may be by reference."
    );

    /// <summary>The ExternalInit of an external commit is missing, has a wrong length, or stands there twice.</summary>
    public static readonly Rule ExternalCommitExternalInit = new(
        "external-commit.external-init",
        "§12.2",
        "An external commit has exactly one ExternalInit, with a KEM output of the right length."
    );

    /// <summary>An external commit has two Removes.</summary>
    public static readonly Rule ExternalCommitSecondRemove = new(
        "external-commit.second-remove",
        "§12.2",
        "An external commit has at most one Remove."
    );

    /// <summary>
    /// An external commit has a proposal of another type than ExternalInit, Remove, PreSharedKey and SelfRemove
    /// (RFC 9420 §12.2; draft-ietf-mls-extensions for SelfRemove).
    /// </summary>
    public static readonly Rule ExternalCommitProposal = new(
        "external-commit.proposal",
        "§12.2",
        "An external commit has no proposals but ExternalInit, Remove, PreSharedKey and SelfRemove."
    );

    /// <summary>An external commit has no path.</summary>
    public static readonly Rule ExternalCommitPathMissing = new(
        "external-commit.path-missing",
        "§12.4.3.2",
        "An external commit has a path."
    );

    /// <summary>A joiner brings the encryption key of the old leaf that its commit removes.</summary>
    public static readonly Rule ExternalCommitRemovedKey = new(
        "external-commit.removed-key",
        "§12.2",
        "A joiner that removes its old leaf brings a new encryption key."
    );

    /// <summary>The GroupContext of a GroupInfo is not that of the epoch.</summary>
    public static readonly Rule GroupInfoContext = new(
        "group-info.context",
        "§12.4.3",
        "The GroupContext of a GroupInfo is, byte for byte, that of the epoch."
    );

    /// <summary>A GroupInfo is of another epoch than the group.</summary>
    public static readonly Rule GroupInfoEpoch = new(
        "group-info.epoch",
        "§12.4.3",
        "The epoch of a GroupInfo is that of the group."
    );

    /// <summary>The tree hash of a GroupInfo is that of another tree.</summary>
    public static readonly Rule GroupInfoTreeHash = new(
        "group-info.tree-hash",
        "§12.4.3",
        "The tree hash of a GroupInfo is that of the group's tree."
    );

    /// <summary>The confirmation tag of a GroupInfo is that of another commit.</summary>
    public static readonly Rule GroupInfoConfirmationTag = new(
        "group-info.confirmation-tag",
        "§12.4.3",
        "The confirmation tag of a GroupInfo is that of the commit which began the epoch."
    );

    /// <summary>The signer of a GroupInfo is a blank leaf, or not the committer.</summary>
    public static readonly Rule GroupInfoSigner = new(
        "group-info.signer",
        "§12.4.3",
        "The signer of a GroupInfo is a non-blank leaf; with a commit, the committer's."
    );

    /// <summary>The signature of a GroupInfo does not verify.</summary>
    public static readonly Rule GroupInfoSignature = new(
        "group-info.signature",
        "§12.4.3",
        "The signature of a GroupInfo verifies with its signer's key."
    );

    /// <summary>A GroupInfo has no well-formed external_pub.</summary>
    public static readonly Rule GroupInfoExternalPub = new(
        "group-info.external-pub",
        "§12.4.3.2",
        "A GroupInfo for external joins has a well-formed external_pub."
    );

    /// <summary>The ratchet tree of a GroupInfo is missing, or is not that of the group.</summary>
    public static readonly Rule GroupInfoRatchetTree = new(
        "group-info.ratchet-tree",
        "§12.4.3.3",
        "The ratchet tree with a GroupInfo is the group's."
    );
}
