using MlsConsole.Core.Rows;
using MlsConsole.Core.Welcomes;
using MlsConsole.Mls;

namespace MlsConsole.Core.Epochs;

/// <summary>Everything that one accepted commit changes, verified and ready to be written.</summary>
/// <param name="Conversation">As it was read before verification.</param>
/// <param name="Group">The group of the new epoch.</param>
/// <param name="Commit">MLSMessage.</param>
/// <param name="GroupInfo">MLSMessage of the new epoch.</param>
/// <param name="Sender">The committer's account.</param>
/// <param name="Join">Of an external commit; null for a member's.</param>
/// <param name="Leaves">The leaves that changed hands.</param>
/// <param name="Welcome">For the members that it adds.</param>
/// <param name="Expelled">The account that an admin removes from the conversation, whether or not it has a leaf.</param>
/// <param name="Reason">That a person gave.</param>
internal sealed record EpochChange(
    Conversation Conversation,
    PublicGroup Group,
    byte[] Commit,
    byte[] GroupInfo,
    string Sender,
    Join? Join,
    LeafChanges Leaves,
    NewWelcome? Welcome,
    string? Expelled = null,
    string? Reason = null
)
{
    /// <summary>The key of the service that the group of the new epoch lists.</summary>
    public long? SignatureKeyId { get; init; } = Conversation.SignatureKeyId;
}

/// <param name="DeviceRow">The device that joined.</param>
/// <param name="TurnId">The turn that it used, if it had one.</param>
internal sealed record Join(long DeviceRow, string? TurnId);
