using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>
/// What this service demands beyond RFC 9420. The sections are those of RFC 9420 that leave the matter to the
/// application.
/// </summary>
public static class DeliveryRules
{
    public static readonly Rule PrivateHandshake = new(
        "delivery.private-handshake",
        "§6.2",
        "Commits and proposals arrive as PublicMessage, so that the service can verify them."
    );
    public static readonly Rule NotACommit = new("delivery.not-a-commit", "§6", "The object is a commit by a member.");
    public static readonly Rule NotAProposal = new(
        "delivery.not-a-proposal",
        "§12.1",
        "The object is a proposal by a member."
    );
    public static readonly Rule NotAnExternalCommit = new(
        "delivery.not-an-external-commit",
        "§12.4.3.2",
        "The object is an external commit."
    );
    public static readonly Rule SenderOfAnother = new(
        "delivery.sender-of-another",
        "§16.1",
        "The sender's leaf belongs to the caller."
    );
    public static readonly Rule SenderDeleted = new(
        "delivery.sender-deleted",
        "§5.3.1",
        "The sender's leaf is not that of a device which its user deleted."
    );
    public static readonly Rule LeafNotEnrolled = new(
        "delivery.leaf-not-enrolled",
        "§5.3.1",
        "A leaf that enters a tree has an enrolled identity and a signature key enrolled for that device."
    );
    public static readonly Rule LeafIdentityChanged = new(
        "delivery.leaf-identity-changed",
        "§5.3.1",
        "An Update or a path keeps the leaf's account and device."
    );
    public static readonly Rule KeyPackageNotPublished = new(
        "delivery.key-package-not-published",
        "§16.8",
        "An Add uses a key package that its device published here."
    );
    public static readonly Rule DeviceTwice = new(
        "delivery.device-twice",
        "§12.2",
        "A device has at most one leaf in a tree."
    );
    public static readonly Rule RemoveOfStranger = new(
        "delivery.remove-of-stranger",
        "§12.2",
        "An external commit removes only the joiner's own old leaf, or another leaf of the same account."
    );
    public static readonly Rule OnlyAdds = new(
        "delivery.only-adds",
        "§12.4",
        "addMembers carries Adds, at least one, and nothing else but Removes of leaves that wait for their removal, "
            + "or whose device asked to be added again."
    );
    public static readonly Rule RejoinRequestAnswered = new(
        "delivery.rejoin-request-answered",
        "§12.4",
        "Every rejoin request that addMembers names is open, and its key package is among the Adds."
    );
    public static readonly Rule RemoveOfTarget = new(
        "delivery.remove-of-target",
        "§12.4",
        "removeMember removes all leaves of its target, who is another member, "
            + "and nothing else but leaves that wait for their removal."
    );
    public static readonly Rule LeaveOfEachLeaf = new(
        "delivery.leave-of-each-leaf",
        "§12.1",
        "Who leaves proposes one Remove or SelfRemove for each leaf of the account, and nothing else."
    );
    public static readonly Rule AddOfBanned = new("delivery.add-of-banned", "§16.1", "A banned account is not added.");
    public static readonly Rule OneLeaf = new(
        "delivery.one-leaf",
        "§11",
        "A new conversation has exactly one leaf, the caller's."
    );
    public static readonly Rule WelcomeMissing = new(
        "delivery.welcome-missing",
        "§12.4.3.1",
        "A commit that adds members comes with their Welcome, and only such a commit."
    );
    public static readonly Rule WelcomeRecipients = new(
        "delivery.welcome-recipients",
        "§12.4.3.1",
        "The recipients of a Welcome are the key packages that its commit adds."
    );
    public static readonly Rule GroupInfoSize = new(
        "delivery.group-info-size",
        "§12.4.3",
        "A GroupInfo has at most 10 MiB, whichever method brings it."
    );
    public static readonly Rule GroupInfoSigner = new(
        "delivery.group-info-signer",
        "§12.4.3",
        "A GroupInfo that is published anew is signed by a leaf of the caller."
    );
    public static readonly Rule ExternalPubChanged = new(
        "delivery.external-pub-changed",
        "§12.4.3.2",
        "A GroupInfo that is published anew has the external_pub that the epoch has; another one is a suspected fork."
    );
    public static readonly Rule KeyPackageIdentity = new(
        "delivery.key-package-identity",
        "§10.1",
        "A key package has the identity and a signature key of the device that publishes it."
    );
    public static readonly Rule KeyPackageUsed = new(
        "delivery.key-package-used",
        "§16.8",
        "A key package that was given out, or replaced by a newer last resort, is not published again."
    );
    public static readonly Rule ApplicationMessage = new(
        "delivery.application-message",
        "§6.3",
        "The message is a PrivateMessage with application data for this conversation's group."
    );
}
