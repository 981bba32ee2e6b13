using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace MlsConsole.Mls;

/// <summary>The public keys of a tree, so that "appears nowhere else" is one look-up and not a walk (RFC 9420 §7.3). Immutable.</summary>
/// <remarks>A table of the keys of an earlier tree, which the sets after it share, and what has changed since. A table is quick to fill, unlike a set that is
/// immutable; once half as much has changed as it holds, the next is made.</remarks>
internal sealed class PublicKeySet
{
    private const int SmallestTable = 64;
    private static readonly ImmutableHashSet<ReadOnlyMemory<byte>> s_nothing = ImmutableHashSet.Create<ReadOnlyMemory<byte>>(BytesComparer.Instance);

    private readonly HashSet<ReadOnlyMemory<byte>> _table;
    private readonly ImmutableHashSet<ReadOnlyMemory<byte>> _added, _removed;

    private PublicKeySet(HashSet<ReadOnlyMemory<byte>> table, ImmutableHashSet<ReadOnlyMemory<byte>> added, ImmutableHashSet<ReadOnlyMemory<byte>> removed) =>
        (_table, _added, _removed) = (table, added, removed);

    public static PublicKeySet Empty { get; } = Of(NewTable(0));

    /// <summary>An empty table to fill.</summary>
    public static HashSet<ReadOnlyMemory<byte>> NewTable(int capacity) => new(capacity, BytesComparer.Instance);

    /// <summary>A set of the keys in a table, which nobody changes from here on.</summary>
    public static PublicKeySet Of(HashSet<ReadOnlyMemory<byte>> table) => new(table, s_nothing, s_nothing);

    public bool Contains(ReadOnlyMemory<byte> key) => _added.Contains(key) || _table.Contains(key) && !_removed.Contains(key);

    public PublicKeySet Add(ReadOnlyMemory<byte> key)
    {
        var builder = ToBuilder();
        builder.Add(key);
        return builder.ToImmutable();
    }

    public Builder ToBuilder() => new(this);

    /// <summary>Turns one set into the next.</summary>
    public sealed class Builder(PublicKeySet from)
    {
        private HashSet<ReadOnlyMemory<byte>> _table = from._table;
        private ImmutableHashSet<ReadOnlyMemory<byte>>.Builder _added = from._added.ToBuilder(), _removed = from._removed.ToBuilder();

        public bool Contains(ReadOnlyMemory<byte> key) => _added.Contains(key) || _table.Contains(key) && !_removed.Contains(key);

        /// <summary>False if the key is there already.</summary>
        public bool Add(ReadOnlyMemory<byte> key)
        {
            if (!_table.Contains(key)) return _added.Add(key);
            return _removed.Remove(key);
        }

        public void Remove(ReadOnlyMemory<byte> key)
        {
            if (_table.Contains(key)) _removed.Add(key);
            else _added.Remove(key);
        }

        public PublicKeySet ToImmutable()
        {
            if (_added.Count + _removed.Count > Math.Max(SmallestTable, _table.Count / 2)) Renew();
            return new(_table, _added.ToImmutable(), _removed.ToImmutable());
        }

        private void Renew()
        {
            var table = NewTable(_table.Count + _added.Count - _removed.Count);
            foreach (var key in _table)
                if (!_removed.Contains(key)) table.Add(key);
            table.UnionWith(_added);
            (_table, _added, _removed) = (table, s_nothing.ToBuilder(), s_nothing.ToBuilder());
        }
    }

    /// <summary>Compares byte strings by content. The hash is seeded per process, so that nobody can choose keys that collide.</summary>
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
