namespace MlsConsole.Mls;

/// <summary>RFC 9420 §8.4: <c>PSKType</c>.</summary>
public enum PreSharedKeyType : byte
{
    /// <summary>A key that the application agreed on elsewhere.</summary>
    External = 1,

    /// <summary>A secret of an earlier epoch of this or another group.</summary>
    Resumption = 2,
}

/// <summary>RFC 9420 §8.4: <c>ResumptionPSKUsage</c>.</summary>
public enum ResumptionUsage : byte
{
    /// <summary>Proves membership of an earlier epoch.</summary>
    Application = 1,

    /// <summary>Ties a reinitialised group to the old one (§11.2).</summary>
    ReInit = 2,

    /// <summary>Ties a subgroup to its parent (§11.3).</summary>
    Branch = 3,
}

/// <summary>Names a pre-shared key, RFC 9420 §8.4.</summary>
/// <param name="Type">External or resumption.</param>
/// <param name="ExternalId">The external key's id; empty for resumption.</param>
/// <param name="Usage">Of a resumption key.</param>
/// <param name="GroupId">Of a resumption key.</param>
/// <param name="Epoch">Of a resumption key.</param>
/// <param name="Nonce">Fresh for each use, of the KDF's hash length.</param>
public sealed record PreSharedKeyId(
    PreSharedKeyType Type,
    ReadOnlyMemory<byte> ExternalId,
    ResumptionUsage Usage,
    ReadOnlyMemory<byte> GroupId,
    ulong Epoch,
    ReadOnlyMemory<byte> Nonce
)
{
    /// <summary>An external key.</summary>
    public static PreSharedKeyId External(ReadOnlyMemory<byte> id, ReadOnlyMemory<byte> nonce) =>
        new(PreSharedKeyType.External, id, default, default, 0, nonce);

    /// <summary>A resumption key.</summary>
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
