using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MlsConsole.Mls;

/// <summary>A vector of uint16 values in encoded form, whose values are read where they are.</summary>
public readonly struct UInt16List
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>Makes a list of the given values.</summary>
    public UInt16List(params ReadOnlySpan<ushort> values)
    {
        var bytes = new byte[values.Length * 2];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2 * i), values[i]);
        _bytes = bytes;
    }

    private UInt16List(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>The number of values.</summary>
    public int Count => _bytes.Length / 2;

    /// <summary>The value at a position.</summary>
    public ushort this[int i] => BinaryPrimitives.ReadUInt16BigEndian(_bytes.Span[(2 * i)..]);

    /// <summary>Whether a value is in the list.</summary>
    public bool Contains(ushort value)
    {
        for (int i = 0; i < Count; i++)
            if (this[i] == value)
                return true;
        return false;
    }

    /// <summary>The values as an array.</summary>
    public ushort[] ToArray()
    {
        if (Count == 0)
            return [];
        var values = new ushort[Count];
        MemoryMarshal.Cast<byte, ushort>(_bytes.Span).CopyTo(values);
        if (BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(values, values);
        return values;
    }

    internal static UInt16List Read(ref TlsReader reader)
    {
        var bytes = reader.ReadOpaque();
        if (bytes.Length % 2 != 0)
            MlsException.Throw(Rules.CodecTruncated);
        return new(bytes);
    }

    internal void Write(TlsWriter writer) => writer.WriteOpaque(_bytes.Span);
}

/// <summary>What a client supports, RFC 9420 §7.2: <c>Capabilities</c>.</summary>
/// <param name="Versions">The supported protocol versions.</param>
/// <param name="CipherSuites">The supported cipher suites.</param>
/// <param name="Extensions">The supported extension types, without those that RFC 9420 defines.</param>
/// <param name="Proposals">The supported proposal types, without those that RFC 9420 defines.</param>
/// <param name="Credentials">The supported credential types, all of them.</param>
public sealed record Capabilities(
    UInt16List Versions,
    UInt16List CipherSuites,
    UInt16List Extensions,
    UInt16List Proposals,
    UInt16List Credentials
)
{
    internal static Capabilities Read(ref TlsReader reader) =>
        new(
            UInt16List.Read(ref reader),
            UInt16List.Read(ref reader),
            UInt16List.Read(ref reader),
            UInt16List.Read(ref reader),
            UInt16List.Read(ref reader)
        );

    internal void Write(TlsWriter writer)
    {
        Versions.Write(writer);
        CipherSuites.Write(writer);
        Extensions.Write(writer);
        Proposals.Write(writer);
        Credentials.Write(writer);
    }

    // RFC 9420 §7.2: "extension types ... defined in this document ... MUST NOT be listed", because every client
    // supports them.
    internal bool SupportsExtension(ushort type) => ExtensionType.IsDefault(type) || Extensions.Contains(type);

    internal bool SupportsProposal(ushort type) => ProposalType.IsDefault(type) || Proposals.Contains(type);
}
