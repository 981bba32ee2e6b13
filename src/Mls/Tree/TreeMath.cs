using System.Numerics;

namespace MlsConsole.Mls;

/// <summary>
/// The position of a leaf among the leaves, from 0 (RFC 9420 §4.1.1). A leaf index is half of the leaf's node index;
/// having two types keeps them from being confused.
/// </summary>
public readonly record struct LeafIndex(uint Value) : IComparable<LeafIndex>
{
    /// <summary>The index of the same leaf in the array form of the tree (RFC 9420 App. C).</summary>
    internal NodeIndex Node => new(checked(Value * 2));

    /// <inheritdoc/>
    public int CompareTo(LeafIndex other) => Value.CompareTo(other.Value);

    /// <summary>Compares the positions of two leaves.</summary>
    public static bool operator <(LeafIndex a, LeafIndex b) => a.Value < b.Value;

    /// <summary>Compares the positions of two leaves.</summary>
    public static bool operator >(LeafIndex a, LeafIndex b) => a.Value > b.Value;

    /// <summary>Compares the positions of two leaves.</summary>
    public static bool operator <=(LeafIndex a, LeafIndex b) => a.Value <= b.Value;

    /// <summary>Compares the positions of two leaves.</summary>
    public static bool operator >=(LeafIndex a, LeafIndex b) => a.Value >= b.Value;

    /// <summary>The number of a leaf index.</summary>
    public static implicit operator uint(LeafIndex index) => index.Value;

    /// <summary>The leaf index with a number.</summary>
    public static explicit operator LeafIndex(uint value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => $"leaf {Value}";
}

/// <summary>
/// The position of a node in the array form of the tree (RFC 9420 App. C), where leaves are even and parents odd.
/// </summary>
internal readonly record struct NodeIndex(uint Value)
{
    /// <summary>Whether the node is a leaf.</summary>
    public bool IsLeaf => (Value & 1) == 0;

    /// <summary>The index of the leaf at this position, which must be that of a leaf.</summary>
    public LeafIndex Leaf =>
        IsLeaf ? new(Value / 2) : throw new InvalidOperationException("A parent node has no leaf index.");

    /// <inheritdoc/>
    public override string ToString() => $"node {Value}";
}

/// <summary>
/// Arithmetic on node indices in the array form of the tree, RFC 9420 App. C. All trees are full: the number of leaves
/// is a power of two.
/// </summary>
/// <remarks>
/// <code>
///              7
///      3               11
///  1       5       9       13
/// 0   2   4   6   8  10  12  14
/// </code>
/// </remarks>
internal static class TreeMath
{
    /// <summary>The height of a node above the leaves: the number of trailing one bits of its index.</summary>
    public static int Level(NodeIndex x) => BitOperations.TrailingZeroCount(~x.Value);

    /// <summary>The number of nodes of a tree with <paramref name="leafCount"/> leaves.</summary>
    public static uint NodeWidth(uint leafCount) => leafCount == 0 ? 0 : checked(2 * (leafCount - 1) + 1);

    /// <summary>The root of a full tree with <paramref name="leafCount"/> leaves, a power of two.</summary>
    public static NodeIndex Root(uint leafCount) => new(leafCount - 1);

    /// <summary>The left child, or null for a leaf.</summary>
    public static NodeIndex? Left(NodeIndex x) => x.IsLeaf ? null : new(x.Value ^ (1u << (Level(x) - 1)));

    /// <summary>The right child, or null for a leaf.</summary>
    public static NodeIndex? Right(NodeIndex x) => x.IsLeaf ? null : new(x.Value ^ (3u << (Level(x) - 1)));

    /// <summary>The parent, or null for the root of a tree with <paramref name="leafCount"/> leaves.</summary>
    public static NodeIndex? Parent(NodeIndex x, uint leafCount)
    {
        if (x == Root(leafCount))
            return null;
        int k = Level(x);
        uint b = (x.Value >> (k + 1)) & 1;
        return new((x.Value | (1u << k)) ^ (b << (k + 1)));
    }

    /// <summary>The other child of the parent, or null for the root.</summary>
    public static NodeIndex? Sibling(NodeIndex x, uint leafCount) =>
        Parent(x, leafCount) is { } parent ? (x.Value < parent.Value ? Right(parent) : Left(parent)) : null;

    /// <summary>
    /// The parent nodes of a node from the lowest to the root (RFC 9420 §4.1.1, direct path without the node itself).
    /// </summary>
    public static IEnumerable<NodeIndex> DirectPath(NodeIndex x, uint leafCount)
    {
        for (var node = Parent(x, leafCount); node is { } at; node = Parent(at, leafCount))
            yield return at;
    }

    /// <summary>The lowest common ancestor of two leaves.</summary>
    public static NodeIndex CommonAncestor(LeafIndex a, LeafIndex b)
    {
        uint x = a.Node.Value,
            y = b.Node.Value;
        int k = 0;
        while (x != y)
        {
            x >>= 1;
            y >>= 1;
            k++;
        }
        return new(k == 0 ? x : (x << k) + (1u << (k - 1)) - 1);
    }

    /// <summary>The smallest power of two that is at least <paramref name="count"/>.</summary>
    internal static uint FullLeafCount(uint count) => BitOperations.RoundUpToPowerOf2(Math.Max(count, 1));
}
