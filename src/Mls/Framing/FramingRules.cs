namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>A PublicMessage has application data, which would be in the clear.</summary>
    public static readonly Rule FramingApplicationInClear = new(
        "framing.application-in-clear",
        "§6.2",
        "Application data is never sent as a PublicMessage."
    );

    /// <summary>A message belongs to another group.</summary>
    public static readonly Rule FramingGroupId = new(
        "framing.group-id",
        "§6.1",
        "A message's group id is the group's."
    );

    /// <summary>A message belongs to another epoch.</summary>
    public static readonly Rule FramingEpoch = new(
        "framing.epoch",
        "§12.4.2",
        "A handshake message's epoch is the current one."
    );

    /// <summary>The content may not come from this kind of sender.</summary>
    public static readonly Rule FramingSenderType = new(
        "framing.sender-type",
        "§6",
        "The sender's kind may send such content."
    );

    /// <summary>The sender is neither a member nor an external sender of the group.</summary>
    public static readonly Rule FramingSender = new(
        "framing.sender",
        "§6.1",
        "The sender is a non-blank leaf of the tree or an entry of external_senders."
    );

    /// <summary>The membership tag is missing, or its length is wrong.</summary>
    public static readonly Rule FramingMembershipTag = new(
        "framing.membership-tag",
        "§6.2",
        "A member's PublicMessage has a membership tag of the hash's length."
    );

    /// <summary>The confirmation tag is missing, or its length is wrong.</summary>
    public static readonly Rule FramingConfirmationTag = new(
        "framing.confirmation-tag",
        "§6.1",
        "A commit has a confirmation tag of the hash's length."
    );

    /// <summary>The signature of a message does not verify.</summary>
    public static readonly Rule FramingSignature = new(
        "framing.signature",
        "§6.1",
        "The signature over FramedContentTBS verifies with the sender's signature key."
    );
}
