namespace MlsConsole.Mls;

/// <summary>The kind of a pre-shared key, RFC 9420 §8.4: <c>PSKType</c>.</summary>
public enum PreSharedKeyType : byte
{
    /// <summary>A key on which the members have agreed outside of MLS.</summary>
    External = 1,

    /// <summary>A resumption PSK, from an earlier epoch of this or another group.</summary>
    Resumption = 2,
}

/// <summary>What a resumption PSK is used for, RFC 9420 §8.4: <c>ResumptionPSKUsage</c>.</summary>
public enum ResumptionUsage : byte
{
    /// <summary>The key proves that its holder was a member in an earlier epoch.</summary>
    Application = 1,

    /// <summary>The key ties a reinitialised group to the old one (RFC 9420 §11.2).</summary>
    ReInit = 2,

    /// <summary>The key ties a branched group to its parent (RFC 9420 §11.3).</summary>
    Branch = 3,
}

/// <summary>The name of a pre-shared key, RFC 9420 §8.4.</summary>
/// <param name="Type">Whether the key is an external or a resumption PSK.</param>
/// <param name="ExternalId">The id of an external key; empty for a resumption PSK.</param>
/// <param name="Usage">The use of a resumption PSK.</param>
/// <param name="GroupId">The group of a resumption PSK.</param>
/// <param name="Epoch">The epoch of a resumption PSK.</param>
/// <param name="Nonce">Random bytes, as many as a hash has, drawn again for each use of the key.</param>
public sealed record PreSharedKeyId(
    PreSharedKeyType Type,
    ReadOnlyMemory<byte> ExternalId,
    ResumptionUsage Usage,
    ReadOnlyMemory<byte> GroupId,
    ulong Epoch,
    ReadOnlyMemory<byte> Nonce
)
{
    /// <summary>The name of an external key.</summary>
    public static PreSharedKeyId External(ReadOnlyMemory<byte> id, ReadOnlyMemory<byte> nonce) =>
        new(PreSharedKeyType.External, id, default, default, 0, nonce);

    /// <summary>The name of a resumption PSK.</summary>
    public static PreSharedKeyId Resumption(
        ResumptionUsage usage,
        ReadOnlyMemory<byte> groupId,
        ulong epoch,
        ReadOnlyMemory<byte> nonce
    ) => new(PreSharedKeyType.Resumption, default, usage, groupId, epoch, nonce);

    internal static PreSharedKeyId Read(ref TlsReader reader)
    {
        byte type = reader.ReadUInt8();
        if (type == (byte)PreSharedKeyType.External)
            return External(reader.ReadOpaque(), reader.ReadOpaque());
        if (type != (byte)PreSharedKeyType.Resumption)
            MlsException.Throw(Rules.CodecEnum);
        byte usage = reader.ReadUInt8();
        if (usage is < 1 or > 3)
            MlsException.Throw(Rules.CodecEnum);
        return Resumption((ResumptionUsage)usage, reader.ReadOpaque(), reader.ReadUInt64(), reader.ReadOpaque());
    }

    internal void Write(TlsWriter writer)
    {
        writer.WriteUInt8((byte)Type);
        if (Type == PreSharedKeyType.External)
            writer.WriteOpaque(ExternalId.Span);
        else
            writer.WriteUInt8((byte)Usage).WriteOpaque(GroupId.Span).WriteUInt64(Epoch);
        writer.WriteOpaque(Nonce.Span);
    }

    internal byte[] Encode()
    {
        var writer = new TlsWriter(96);
        Write(writer);
        return writer.ToArray();
    }
}
