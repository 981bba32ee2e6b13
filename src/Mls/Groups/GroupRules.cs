namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>A message names a pre-shared key that the client does not have.</summary>
    public static readonly Rule PreSharedKeyUnknown = new(
        "psk.unknown",
        "§12.4.2",
        "The client has every pre-shared key that a commit or Welcome names."
    );

    /// <summary>The confirmation tag is not the right MAC.</summary>
    public static readonly Rule ConfirmationTag = new(
        "commit.confirmation-tag",
        "§12.4.2",
        "The confirmation tag is the MAC of the new confirmed transcript hash under the new epoch's key."
    );

    /// <summary>The ratchet tree of a Welcome does not have the leaf of the joining client.</summary>
    public static readonly Rule WelcomeLeaf = new(
        "welcome.leaf",
        "§12.4.3.1",
        "The ratchet tree of a Welcome has the leaf of the joiner's key package."
    );

    /// <summary>A Welcome is for another cipher suite than the key package.</summary>
    public static readonly Rule WelcomeCipherSuite = new(
        "welcome.cipher-suite",
        "§12.4.3.1",
        "The cipher suite of the GroupInfo is that of the key package."
    );

    /// <summary>
    /// A Welcome has two resumption PSKs with usage reinit or branch, or has one in another epoch than 1.
    /// </summary>
    public static readonly Rule WelcomeResumption = new(
        "welcome.resumption",
        "§12.4.3.1",
        "A resumption PSK for reinit or branch is the only such one of a Welcome, and leads to epoch 1."
    );

    /// <summary>A Welcome has a malformed or repeated pre-shared key id.</summary>
    public static readonly Rule WelcomePreSharedKey = new(
        "welcome.psk",
        "§8.4",
        "The pre-shared keys of a Welcome have nonces of the hash's length, and each is named once."
    );

    /// <summary>A group that claims to be reinitialised is not the one that the ReInit asked for.</summary>
    public static readonly Rule WelcomeReInit = new(
        "welcome.reinit",
        "§11.2",
        "A reinitialised group has the version, cipher suite, group id and extensions of the ReInit "
            + "and all members of the old group, and names the epoch after it."
    );

    /// <summary>
    /// A group that claims to be branched off has other members or another cipher suite than its parent.
    /// </summary>
    public static readonly Rule WelcomeBranch = new(
        "welcome.branch",
        "§11.3",
        "A branched group has the version and cipher suite of its parent, and only members of it."
    );

    /// <summary>A Welcome is to a group that the client is in already.</summary>
    public static readonly Rule WelcomeGroupId = new(
        "welcome.group-id",
        "§12.4.3.1",
        "The group id of a Welcome is that of no group that the client is in."
    );

    /// <summary>The group was ended by a ReInit.</summary>
    public static readonly Rule GroupReInitialized = new(
        "group.reinitialized",
        "§12.4.2",
        "Nothing is sent in the epoch that a commit with a ReInit began."
    );

    /// <summary>A commit that this member has sent is not the pending one of this state.</summary>
    public static readonly Rule OwnCommit = new(
        "commit.own",
        "§12.4.2",
        "A commit of the member's own is merged from the state that made it; "
            + "without that state its secrets are not to be had."
    );

    /// <summary>The application does not accept a credential.</summary>
    public static readonly Rule CredentialRefused = new(
        "credential.refused",
        "§5.3.1",
        "The application's authentication service accepts every credential that is introduced."
    );
}
