using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.Groups;

/// <summary>What members' commits and external commits have in common on their way from bytes to an epoch.</summary>
internal static class HandshakeMessages
{
    /// <summary>Largest GroupInfo, with or without the tree inside.</summary>
    public const int MaxGroupInfoBytes = 10 << 20;

    /// <summary>Decodes a commit and checks that it is for this group and its current epoch.</summary>
    /// <exception cref="RefusedException">InvalidCommit or EpochMismatch.</exception>
    public static PublicMessage DecodeCommit(ReadOnlyMemory<byte> bytes, Conversation conversation) =>
        InvalidCommit(() => Decode(bytes, conversation, ContentType.Commit, DeliveryRules.NotACommit));

    /// <summary>Decodes a handshake message and checks that it is for this group and its current epoch.</summary>
    /// <exception cref="MlsException">The rule that it breaks; <paramref name="otherType"/> if it is of another type.</exception>
    /// <exception cref="RefusedException">EpochMismatch</exception>
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

    /// <summary>Turns a broken rule into InvalidCommit.</summary>
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

    /// <summary>Decodes a GroupInfo that somebody sent to be stored. Its length is checked first.</summary>
    /// <exception cref="MlsException">The rule that it breaks.</exception>
    public static UnverifiedGroupInfo DecodeGroupInfo(ReadOnlyMemory<byte> bytes) =>
        bytes.Length <= MaxGroupInfoBytes
            ? UnverifiedGroupInfo.Decode(bytes)
            : throw new MlsException(DeliveryRules.GroupInfoSize);

    /// <summary>Checks the GroupInfo against the staged commit.</summary>
    /// <exception cref="RefusedException">InvalidGroupInfo</exception>
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

    /// <summary>A GroupInfo as it is stored and served: with the MLSMessage header, otherwise byte for byte.</summary>
    public static byte[] AsMessage(ReadOnlyMemory<byte> groupInfo) =>
        MlsMessage.Of(UnverifiedGroupInfo.Decode(groupInfo)).Encode();
}
