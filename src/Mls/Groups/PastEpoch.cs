using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// What a member keeps of an epoch that has ended: enough to open late application messages of that epoch
/// (RFC 9420 §15.3), and no other secret of it.
/// </summary>
/// <param name="context">The GroupContext of the epoch, which is part of what its messages sign.</param>
/// <param name="own">This member's leaf in the epoch.</param>
/// <param name="senderData">The sender_data_secret of the epoch.</param>
/// <param name="messages">The message keys of the epoch that were not used yet.</param>
/// <param name="senders">
/// The signature keys, in this epoch, of those leaves that have another key in the epoch after it; empty for a leaf
/// that was blank in this epoch.
/// </param>
internal sealed class PastEpoch(
    GroupContext context,
    LeafIndex own,
    byte[] senderData,
    SecretTree messages,
    IReadOnlyDictionary<LeafIndex, ReadOnlyMemory<byte>> senders
) : IDisposable
{
    public GroupContext Context => context;
    public LeafIndex Own => own;
    public byte[] SenderData => senderData;
    public SecretTree Messages => messages;
    public IReadOnlyDictionary<LeafIndex, ReadOnlyMemory<byte>> Senders => senders;

    /// <summary>
    /// Takes the message keys out of an epoch and zeroes its other secrets. <paramref name="next"/> is the ratchet tree
    /// of the epoch after it.
    /// </summary>
    public static PastEpoch Of(Epoch epoch, RatchetTree next)
    {
        var (own, senderData) = (epoch.Own, (byte[])epoch.Secrets.SenderData.Clone());
        return new(
            epoch.Group.Context,
            own,
            senderData,
            epoch.TakeMessages(),
            ReplacedSignatureKeys(epoch.Group.Tree, next)
        );
    }

    /// <summary>
    /// The signature key that a leaf has in the first of the given epochs, which follow each other up to the current
    /// one. Each of them knows only the leaves in which it differs from the epoch after it.
    /// </summary>
    public static ReadOnlyMemory<byte>? SignatureKey(
        ReadOnlySpan<PastEpoch> epochs,
        RatchetTree current,
        LeafIndex leaf
    )
    {
        foreach (var epoch in epochs)
            if (epoch.Senders.TryGetValue(leaf, out var key))
                return key.IsEmpty ? null : key;
        return current.Leaf(leaf)?.SignatureKey;
    }

    // struct {
    //     GroupContext context; uint32 own_leaf; opaque sender_data_secret<V>; SecretTree messages;
    //     struct { uint32 leaf; opaque signature_key<V>; } senders<V>;
    // } PastEpoch;
    public void Write(TlsWriter writer)
    {
        messages.Write(writer.WriteRaw(context.Encoded.Span).WriteUInt32(own).WriteOpaque(senderData));
        int start = writer.BeginVector();
        foreach (var (leaf, key) in senders.OrderBy(entry => entry.Key.Value))
            writer.WriteUInt32(leaf).WriteOpaque(key.Span);
        writer.EndVector(start);
    }

    public static PastEpoch Read(ref TlsReader reader, CipherSuite suite)
    {
        // The GroupContext is copied, because the saved state is zeroed after reading.
        int start = reader.Position;
        GroupContext.Read(ref reader);
        var copy = new TlsReader(reader.Since(start).ToArray());
        var context = GroupContext.Read(ref copy);
        var (own, senderData, messages) = (
            new LeafIndex(reader.ReadUInt32()),
            reader.ReadOpaque().ToArray(),
            SecretTree.Read(ref reader, suite)
        );
        var senders = new Dictionary<LeafIndex, ReadOnlyMemory<byte>>();
        for (var entries = reader.ReadVector(); !entries.AtEnd; )
            senders[new(entries.ReadUInt32())] = entries.ReadOpaque().ToArray();
        return new(context, own, senderData, messages, senders);
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(senderData);
        messages.Dispose();
    }

    // Subtrees that two epochs have in common are the same object, so that the cost grows only with the number of
    // leaves in which the epochs differ.
    private static Dictionary<LeafIndex, ReadOnlyMemory<byte>> ReplacedSignatureKeys(
        RatchetTree before,
        RatchetTree after
    )
    {
        var replaced = new Dictionary<LeafIndex, ReadOnlyMemory<byte>>();
        Visit(before.Levels, 0);
        return replaced;

        void Visit(int level, uint firstLeaf)
        {
            var old = before.Subtree(level, firstLeaf);
            var now = after.Subtree(level, firstLeaf);
            if (old is null || ReferenceEquals(old, now) || old.Members == 0 && (now is null || now.Members == 0))
                return;
            if (level > 0)
            {
                Visit(level - 1, firstLeaf);
                Visit(level - 1, firstLeaf + (1u << (level - 1)));
                return;
            }
            var oldKey = ((LeafPosition)old).Leaf?.SignatureKey ?? default;
            var newKey = (now as LeafPosition)?.Leaf?.SignatureKey ?? default;
            if (!oldKey.Span.SequenceEqual(newKey.Span))
                replaced[new(firstLeaf)] = oldKey.ToArray();
        }
    }
}
