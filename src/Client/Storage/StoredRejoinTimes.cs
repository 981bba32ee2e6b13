using System.Buffers.Binary;

namespace MlsConsole.Clients;

/// <summary>
/// When the device last rejoined a conversation: entry <c>rejoins/CONVERSATION</c>, whose value is one big-endian int64
/// for each rejoin, in milliseconds since 1970-01-01 UTC.
/// </summary>
/// <param name="ConversationId">The conversation.</param>
/// <param name="Times">The beginnings of the rejoins, the earliest first.</param>
internal sealed record StoredRejoinTimes(string ConversationId, IReadOnlyList<DateTimeOffset> Times)
{
    /// <returns>No times where the store has none.</returns>
    public static async ValueTask<StoredRejoinTimes> ReadAsync(
        MlsStore store,
        string conversationId,
        CancellationToken cancellation
    ) =>
        new(
            conversationId,
            Decode(await store.ReadAsync(NameOf(conversationId), cancellation).ConfigureAwait(false) ?? [])
        );

    /// <summary>The entry that saves the times.</summary>
    public StoreEntry ToEntry()
    {
        var value = new byte[sizeof(long) * Times.Count];
        for (int i = 0; i < Times.Count; i++)
            BinaryPrimitives.WriteInt64BigEndian(value.AsSpan(sizeof(long) * i), Times[i].ToUnixTimeMilliseconds());
        return new(NameOf(ConversationId), value);
    }

    private static DateTimeOffset[] Decode(byte[] value) =>
        [
            .. Enumerable
                .Range(0, value.Length / sizeof(long))
                .Select(i =>
                    DateTimeOffset.FromUnixTimeMilliseconds(
                        BinaryPrimitives.ReadInt64BigEndian(value.AsSpan(sizeof(long) * i))
                    )
                ),
        ];

    private static string NameOf(string conversationId) => $"rejoins/{conversationId}";
}
