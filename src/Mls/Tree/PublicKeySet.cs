using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace MlsConsole.Mls;

/// <summary>The public keys of a tree, so that "appears nowhere else" is one look-up and not a walk (RFC 9420 §7.3).</summary>
internal static class PublicKeySet
{
    public static ImmutableHashSet<ReadOnlyMemory<byte>> Empty { get; } = ImmutableHashSet.Create<ReadOnlyMemory<byte>>(BytesComparer.Instance);

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
