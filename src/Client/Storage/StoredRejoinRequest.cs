using System.Buffers.Binary;
using System.Text;

namespace MlsConsole.Clients;

/// <summary>
/// A request to the members of a conversation to add this device again: entry <c>request/CONVERSATION</c>, whose value
/// is a big-endian int64 (<see cref="AskedAt"/> in milliseconds since 1970-01-01 UTC) and the key package in base64
/// (ASCII).
/// </summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="AskedAt">When the device asked first.</param>
/// <param name="KeyPackage">The key package that a member is to add, in base64.</param>
internal sealed record StoredRejoinRequest(string ConversationId, DateTimeOffset AskedAt, string KeyPackage)
{
    /// <returns>Null where no request waits for an answer.</returns>
    public static async ValueTask<StoredRejoinRequest?> ReadAsync(
        MlsStore store,
        string conversationId,
        CancellationToken cancellation
    ) =>
        await store.ReadAsync(NameOf(conversationId), cancellation).ConfigureAwait(false) is { } value
            ? Decode(conversationId, value)
            : null;

    /// <summary>The entry that saves the request.</summary>
    public StoreEntry ToEntry()
    {
        var value = new byte[sizeof(long) + KeyPackage.Length];
        BinaryPrimitives.WriteInt64BigEndian(value, AskedAt.ToUnixTimeMilliseconds());
        Encoding.ASCII.GetBytes(KeyPackage, value.AsSpan(sizeof(long)));
        return new(NameOf(ConversationId), value);
    }

    /// <summary>The entry that deletes the request.</summary>
    public static StoreEntry Deletion(string conversationId) => new(NameOf(conversationId), null);

    private static StoredRejoinRequest Decode(string conversationId, byte[] value) =>
        new(
            conversationId,
            DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(value)),
            Encoding.ASCII.GetString(value.AsSpan(sizeof(long)))
        );

    private static string NameOf(string conversationId) => $"request/{conversationId}";
}
