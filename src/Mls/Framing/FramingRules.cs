namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>Application data in the clear.</summary>
    public static readonly Rule FramingApplicationInClear = new(
        "framing.application-in-clear",
        "§6.2",
        "Application data is never sent as a PublicMessage."
    );

    /// <summary>Another group.</summary>
    public static readonly Rule FramingGroupId = new(
        "framing.group-id",
        "§6.1",
        "A message's group id is the group's."
    );

    /// <summary>Another epoch.</summary>
    public static readonly Rule FramingEpoch = new(
        "framing.epoch",
        "§12.4.2",
        "A handshake message's epoch is the current one."
    );

    /// <summary>Sender of the wrong kind for the content.</summary>
    public static readonly Rule FramingSenderType = new(
        "framing.sender-type",
        "§6",
        "The sender's kind may send such content."
    );

    /// <summary>Sender is nobody.</summary>
    public static readonly Rule FramingSender = new(
        "framing.sender",
        "§6.1",
        "The sender is a non-blank leaf of the tree or an entry of external_senders."
    );

    /// <summary>Membership tag missing or misshapen.</summary>
    public static readonly Rule FramingMembershipTag = new(
        "framing.membership-tag",
        "§6.2",
        "A member's PublicMessage has a membership tag of the hash's length."
    );

    /// <summary>Confirmation tag misshapen.</summary>
    public static readonly Rule FramingConfirmationTag = new(
        "framing.confirmation-tag",
        "§6.1",
        "A commit has a confirmation tag of the hash's length."
    );

    /// <summary>Bad signature.</summary>
    public static readonly Rule FramingSignature = new(
        "framing.signature",
        "§6.1",
        "The signature over FramedContentTBS verifies with the sender's signature key."
    );
}
