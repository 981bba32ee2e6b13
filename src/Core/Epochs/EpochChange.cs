using MlsConsole.Core.Rows;
using MlsConsole.Core.Welcomes;
using MlsConsole.Mls;

namespace MlsConsole.Core.Epochs;

/// <summary>Everything that one accepted commit changes, verified and ready to be written.</summary>
/// <param name="Conversation">The conversation as it was read before the commit was verified.</param>
/// <param name="Group">The group of the new epoch.</param>
/// <param name="Commit">The commit as an MLSMessage.</param>
/// <param name="GroupInfo">The GroupInfo of the new epoch as an MLSMessage.</param>
/// <param name="Sender">The DID of the committer's account.</param>
/// <param name="Join">Who joined, if the commit is an external one; null for a member's commit.</param>
/// <param name="Leaves">The leaves that change.</param>
/// <param name="Welcome">The Welcome for the members that the commit adds; null if it adds none.</param>
/// <param name="Expelled">
/// The DID of the account that an admin removes from the conversation, whether or not it has a leaf; null if none is
/// removed in this way.
/// </param>
/// <param name="Reason">The reason that a person gave for the commit; null if none was given.</param>
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
    /// <summary>
    /// The row of the service's signature key that the group of the new epoch lists; null if the group lists none.
    /// </summary>
    public long? SignatureKeyId { get; init; } = Conversation.SignatureKeyId;
}

/// <summary>A join by an external commit.</summary>
/// <param name="DeviceRow">The row of the device that joined.</param>
/// <param name="TurnId">The id of the turn that the join used; null if it used none.</param>
internal sealed record Join(long DeviceRow, string? TurnId);
