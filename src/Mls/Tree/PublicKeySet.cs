using System.Diagnostics.CodeAnalysis;

namespace MlsConsole.Mls;

/// <summary>
/// An immutable set of the public keys of a tree, which makes it cheap to find out whether a key is in the tree already
/// (RFC 9420 §7.3).
/// </summary>
/// <remarks>
/// The set is a trie over the hashes of the keys, four bits at each level, with buckets of a few keys at its ends. Sets
/// share their parts: a change copies only the nodes on the way to one bucket.
/// </remarks>
internal sealed class PublicKeySet
{
    private const int BitsOfLevel = 4,
        Children = 1 << BitsOfLevel,
        LargestBucket = 8,
        TopShift = 32 - BitsOfLevel;

    // The root is a node (object?[]), a bucket (ReadOnlyMemory<byte>[]), or null for the empty set.
    private readonly object? _root;

    private PublicKeySet(object? root) => _root = root;

    public static PublicKeySet Empty { get; } = new(null);

    /// <summary>Makes a set of the given keys; null if one of them is given twice.</summary>
    public static PublicKeySet? Of(List<ReadOnlyMemory<byte>> keys)
    {
        // Each number holds the hash of a key and its position in the list. Once the numbers are sorted, each bucket is
        // a range of them.
        var order = new ulong[keys.Count];
        for (int i = 0; i < order.Length; i++)
            order[i] = (ulong)HashOf(keys[i]) << 32 | (uint)i;
        Array.Sort(order);
        for (int i = 1; i < order.Length; i++)
        for (int j = i - 1; j >= 0 && order[j] >> 32 == order[i] >> 32; j--)
            if (keys[(int)(uint)order[j]].Span.SequenceEqual(keys[(int)(uint)order[i]].Span))
                return null;
        return new(Build(order, TopShift));

        object? Build(ReadOnlySpan<ulong> part, int shift)
        {
            if (part.IsEmpty)
                return null;
            if (IsBucket(part.Length, shift))
            {
                var bucket = new ReadOnlyMemory<byte>[part.Length];
                for (int i = 0; i < bucket.Length; i++)
                    bucket[i] = keys[(int)(uint)part[i]];
                return bucket;
            }
            var node = new object?[Children];
            for (int child = 0; child < Children; child++)
            {
                int count = 0;
                while (count < part.Length && Place((uint)(part[count] >> 32), shift) == child)
                    count++;
                node[child] = Build(part[..count], shift - BitsOfLevel);
                part = part[count..];
            }
            return node;
        }
    }

    public bool Contains(ReadOnlyMemory<byte> key) => Contains(_root, key);

    public Builder ToBuilder() => new(this);

    /// <summary>Makes changes to a copy of a set.</summary>
    public sealed class Builder(PublicKeySet from)
    {
        private object? _root = from._root;

        public bool Contains(ReadOnlyMemory<byte> key) => PublicKeySet.Contains(_root, key);

        /// <summary>Adds a key; false if the set has the key already.</summary>
        public bool Add(ReadOnlyMemory<byte> key)
        {
            if (Contains(key))
                return false;
            _root = With(_root, key, HashOf(key), TopShift);
            return true;
        }

        public void Remove(ReadOnlyMemory<byte> key)
        {
            if (Contains(key))
                _root = Without(_root!, key, HashOf(key), TopShift);
        }

        public PublicKeySet ToImmutable() => new(_root);
    }

    private static bool Contains(object? at, ReadOnlyMemory<byte> key)
    {
        uint hash = HashOf(key);
        for (int shift = TopShift; at is object?[] node; shift -= BitsOfLevel)
            at = node[Place(hash, shift)];
        return at is ReadOnlyMemory<byte>[] bucket && IndexIn(bucket, key) >= 0;
    }

    private static object With(object? at, ReadOnlyMemory<byte> key, uint hash, int shift)
    {
        if (at is object?[] node)
            return Replace(node, Place(hash, shift), With(node[Place(hash, shift)], key, hash, shift - BitsOfLevel));
        ReadOnlyMemory<byte>[] bucket = at is ReadOnlyMemory<byte>[] before ? [.. before, key] : [key];
        if (IsBucket(bucket.Length, shift))
            return bucket;
        var split = new object?[Children];
        foreach (var one in bucket)
        {
            uint hashOfOne = HashOf(one);
            ref var child = ref split[Place(hashOfOne, shift)];
            child = With(child, one, hashOfOne, shift - BitsOfLevel);
        }
        return split;
    }

    private static object? Without(object at, ReadOnlyMemory<byte> key, uint hash, int shift)
    {
        if (at is object?[] node)
        {
            var changed = Replace(
                node,
                Place(hash, shift),
                Without(node[Place(hash, shift)]!, key, hash, shift - BitsOfLevel)
            );
            return Array.TrueForAll(changed, child => child is null) ? null : changed;
        }
        var bucket = (ReadOnlyMemory<byte>[])at;
        int index = IndexIn(bucket, key);
        if (bucket.Length == 1)
            return null;
        ReadOnlyMemory<byte>[] rest = [.. bucket.AsSpan(0, index), .. bucket.AsSpan(index + 1)];
        return rest;
    }

    private static object?[] Replace(object?[] node, int place, object? child)
    {
        var copy = (object?[])node.Clone();
        copy[place] = child;
        return copy;
    }

    private static int IndexIn(ReadOnlyMemory<byte>[] bucket, ReadOnlyMemory<byte> key)
    {
        for (int i = 0; i < bucket.Length; i++)
            if (bucket[i].Span.SequenceEqual(key.Span))
                return i;
        return -1;
    }

    /// <summary>
    /// Whether so many keys are kept in one bucket. A bucket has no limit where all bits of the hash are used up.
    /// </summary>
    private static bool IsBucket(int count, int shift) => count <= LargestBucket || shift < 0;

    private static int Place(uint hash, int shift) => (int)(hash >> shift) & (Children - 1);

    private static uint HashOf(ReadOnlyMemory<byte> key) => (uint)BytesComparer.Instance.GetHashCode(key);

    /// <summary>
    /// Compares byte strings by their content. The hash has a random seed in each process, so that nobody can choose
    /// keys whose hashes collide.
    /// </summary>
    public sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly BytesComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode([DisallowNull] ReadOnlyMemory<byte> bytes)
        {
            var hash = new HashCode();
            hash.AddBytes(bytes.Span);
            return hash.ToHashCode();
        }
    }
}
