using System.Buffers.Binary;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// A group that the device is or was in, as the store keeps it: entry <c>group/CONVERSATION</c>, whose value is an
/// int64 (the last sequence number), a uint16 (the cipher suite), both big-endian, and the sealed state of the group.
/// </summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="LastSeq">The sequence number of the last entry of the service's log that the device has taken.</param>
/// <param name="CipherSuite">The group's cipher suite, which says with which keys the state is loaded.</param>
/// <param name="SealedState">What <see cref="Group.Save"/> gave.</param>
internal sealed record StoredGroup(
    string ConversationId,
    long LastSeq,
    ushort CipherSuite,
    ReadOnlyMemory<byte> SealedState
)
{
    private const string Folder = "group/";
    private const int HeaderLength = sizeof(long) + sizeof(ushort);

    /// <summary>The state of a group, sealed with the store's key.</summary>
    public static StoredGroup Of(string conversationId, long lastSeq, Group group, MlsStore store) =>
        new(conversationId, lastSeq, group.PublicGroup.CipherSuite, group.Save(store.StateKey.Span));

    /// <returns>Null where the store has no group of the conversation.</returns>
    public static async ValueTask<StoredGroup?> ReadAsync(
        MlsStore store,
        string conversationId,
        CancellationToken cancellation
    ) =>
        await store.ReadAsync(NameOf(conversationId), cancellation).ConfigureAwait(false) is { } value
            ? Decode(conversationId, value)
            : null;

    /// <summary>The ids of all conversations that the store has a group of.</summary>
    public static async ValueTask<IReadOnlyList<string>> ConversationIdsAsync(
        MlsStore store,
        CancellationToken cancellation
    ) =>
        [
            .. (await store.ListAsync(Folder, cancellation).ConfigureAwait(false)).Select(static entry =>
                entry.Key[Folder.Length..]
            ),
        ];

    /// <summary>The entry that saves the group.</summary>
    public StoreEntry ToEntry()
    {
        var value = new byte[HeaderLength + SealedState.Length];
        BinaryPrimitives.WriteInt64BigEndian(value, LastSeq);
        BinaryPrimitives.WriteUInt16BigEndian(value.AsSpan(sizeof(long)), CipherSuite);
        SealedState.Span.CopyTo(value.AsSpan(HeaderLength));
        return new(NameOf(ConversationId), value);
    }

    /// <summary>The entry that deletes the group of a conversation.</summary>
    public static StoreEntry Deletion(string conversationId) => new(NameOf(conversationId), null);

    /// <summary>Opens the state.</summary>
    /// <param name="client">The device's keys for <see cref="CipherSuite"/>.</param>
    /// <param name="store">The store that the state was sealed for.</param>
    public Group Open(Client client, MlsStore store) => Group.Load(client, SealedState.Span, store.StateKey.Span);

    private static StoredGroup Decode(string conversationId, byte[] value) =>
        new(
            conversationId,
            BinaryPrimitives.ReadInt64BigEndian(value),
            BinaryPrimitives.ReadUInt16BigEndian(value.AsSpan(sizeof(long))),
            value.AsMemory(HeaderLength)
        );

    private static string NameOf(string conversationId) => Folder + conversationId;
}
