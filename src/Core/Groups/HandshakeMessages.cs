using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.Groups;

/// <summary>
/// Decodes and checks the objects that members and joiners send: commits, proposals and GroupInfos. Members' commits
/// and external commits have these steps in common.
/// </summary>
internal static class HandshakeMessages
{
    /// <summary>The largest GroupInfo that is taken, in bytes, with or without the tree inside.</summary>
    public const int MaxGroupInfoBytes = 10 << 20;

    /// <summary>Decodes a commit and checks that it is for the conversation's group and current epoch.</summary>
    /// <exception cref="RefusedException">
    /// InvalidCommit: the commit breaks a rule. EpochMismatch: it is for another epoch.
    /// </exception>
    public static PublicMessage DecodeCommit(ReadOnlyMemory<byte> bytes, Conversation conversation) =>
        InvalidCommit(() => Decode(bytes, conversation, ContentType.Commit, DeliveryRules.NotACommit));

    /// <summary>
    /// Decodes a handshake message and checks that it is for the conversation's group and current epoch.
    /// </summary>
    /// <exception cref="MlsException">
    /// The rule that the message breaks; it is <paramref name="otherType"/> if the message has another content type
    /// than <paramref name="type"/>.
    /// </exception>
    /// <exception cref="RefusedException">EpochMismatch: the message is for another epoch.</exception>
    public static PublicMessage Decode(
        ReadOnlyMemory<byte> bytes,
        Conversation conversation,
        ContentType type,
        Rule otherType
    )
    {
        var message = MlsMessage.Decode(bytes);
        if (message.WireFormat == WireFormat.PrivateMessage)
            throw new MlsException(DeliveryRules.PrivateHandshake);
        if (message.PublicMessage is not { } handshake)
            throw new MlsException(Rules.CodecWireFormat);
        if (handshake.Content.ContentType != type)
            throw new MlsException(otherType);
        if (!handshake.Content.GroupId.Span.SequenceEqual(conversation.GroupId))
            throw new MlsException(Rules.FramingGroupId);
        if (handshake.Content.Epoch != (ulong)conversation.Epoch)
            throw Refusal.EpochMismatch((ulong)conversation.Epoch, handshake.Content.Epoch).AsException();
        return handshake;
    }

    /// <summary>Runs <paramref name="verify"/> and turns a broken rule into the refusal InvalidCommit.</summary>
    public static T InvalidCommit<T>(Func<T> verify)
    {
        try
        {
            return verify();
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidCommit(broken.Rule.Id).AsException();
        }
    }

    /// <summary>Decodes a GroupInfo that is to be stored. Its length is checked before anything else.</summary>
    /// <exception cref="MlsException">The rule that the GroupInfo breaks.</exception>
    public static UnverifiedGroupInfo DecodeGroupInfo(ReadOnlyMemory<byte> bytes) =>
        bytes.Length <= MaxGroupInfoBytes
            ? UnverifiedGroupInfo.Decode(bytes)
            : throw new MlsException(DeliveryRules.GroupInfoSize);

    /// <summary>
    /// Checks the GroupInfo that came with a commit against the commit, and returns the group of the new epoch.
    /// </summary>
    /// <exception cref="RefusedException">InvalidGroupInfo: the GroupInfo or the tree breaks a rule.</exception>
    public static PublicGroup Accept(
        StagedCommit staged,
        ReadOnlyMemory<byte> groupInfo,
        ReadOnlyMemory<byte>? ratchetTree
    )
    {
        try
        {
            return staged.Accept(DecodeGroupInfo(groupInfo), ratchetTree);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidGroupInfo(broken.Rule.Id).AsException();
        }
    }

    /// <summary>
    /// The GroupInfo as it is stored and served: with the header of an MLSMessage, and otherwise byte for byte as it
    /// came.
    /// </summary>
    public static byte[] AsMessage(ReadOnlyMemory<byte> groupInfo) =>
        MlsMessage.Of(UnverifiedGroupInfo.Decode(groupInfo)).Encode();
}
