namespace MlsConsole.Mls;

/// <summary>
/// A proposal, RFC 9420 §12.1. A proposal of a type that this library does not know is kept as bytes.
/// </summary>
/// <remarks>
/// <code>
/// struct {
///     ProposalType proposal_type;
///     select (Proposal.proposal_type) {
///         case add: Add; case update: Update; case remove: Remove; case psk: PreSharedKey; case reinit: ReInit;
///         case external_init: ExternalInit; case group_context_extensions: GroupContextExtensions;
///     };
/// } Proposal;
/// </code>
/// </remarks>
public abstract record Proposal(ushort Type)
{
    internal abstract void WriteBody(TlsWriter writer);

    internal void Write(TlsWriter writer)
    {
        writer.WriteUInt16(Type);
        WriteBody(writer);
    }

    internal static Proposal Read(ref TlsReader reader)
    {
        ushort type = reader.ReadUInt16();
        return type switch
        {
            ProposalType.Add => new AddProposal(UnverifiedKeyPackage.Read(ref reader)),
            ProposalType.Update => new UpdateProposal(LeafNode.Read(ref reader)),
            ProposalType.Remove => new RemoveProposal(new(reader.ReadUInt32())),
            ProposalType.PreSharedKey => new PreSharedKeyProposal(PreSharedKeyId.Read(ref reader)),
            ProposalType.ReInit => ReInitProposal.ReadBody(ref reader),
            ProposalType.ExternalInit => new ExternalInitProposal(reader.ReadOpaque()),
            ProposalType.GroupContextExtensions => new GroupContextExtensionsProposal(Extensions.Read(ref reader)),
            ProposalType.SelfRemove => SelfRemoveProposal.Instance,
            _ => new CustomProposal(type, reader.ReadOpaque()),
        };
    }
}

/// <summary>Adds a member, RFC 9420 §12.1.1.</summary>
public sealed record AddProposal(UnverifiedKeyPackage KeyPackage) : Proposal(ProposalType.Add)
{
    internal override void WriteBody(TlsWriter writer) => writer.WriteRaw(KeyPackage.Encoded.Span);
}

/// <summary>Replaces the sender's leaf, RFC 9420 §12.1.2.</summary>
public sealed record UpdateProposal(LeafNode LeafNode) : Proposal(ProposalType.Update)
{
    internal override void WriteBody(TlsWriter writer) => writer.WriteRaw(LeafNode.Encoded.Span);
}

/// <summary>Removes a member, RFC 9420 §12.1.3.</summary>
public sealed record RemoveProposal(LeafIndex Removed) : Proposal(ProposalType.Remove)
{
    internal override void WriteBody(TlsWriter writer) => writer.WriteUInt32(Removed);
}

/// <summary>Mixes a pre-shared key into the key schedule of the next epoch, RFC 9420 §12.1.4.</summary>
public sealed record PreSharedKeyProposal(PreSharedKeyId Id) : Proposal(ProposalType.PreSharedKey)
{
    internal override void WriteBody(TlsWriter writer) => Id.Write(writer);
}

/// <summary>Ends the group in favour of a new one, RFC 9420 §12.1.5.</summary>
public sealed record ReInitProposal(
    ReadOnlyMemory<byte> GroupId,
    ushort Version,
    ushort CipherSuite,
    Extensions Extensions
) : Proposal(ProposalType.ReInit)
{
    internal static ReInitProposal ReadBody(ref TlsReader reader) =>
        new(reader.ReadOpaque(), reader.ReadUInt16(), reader.ReadUInt16(), Extensions.Read(ref reader));

    internal override void WriteBody(TlsWriter writer)
    {
        writer.WriteOpaque(GroupId.Span).WriteUInt16(Version).WriteUInt16(CipherSuite);
        Extensions.Write(writer);
    }
}

/// <summary>
/// Carries the KEM output from which the members get the init secret of an external commit, RFC 9420 §12.1.6.
/// </summary>
public sealed record ExternalInitProposal(ReadOnlyMemory<byte> KemOutput) : Proposal(ProposalType.ExternalInit)
{
    internal override void WriteBody(TlsWriter writer) => writer.WriteOpaque(KemOutput.Span);
}

/// <summary>Replaces the extensions of the GroupContext, RFC 9420 §12.1.7.</summary>
public sealed record GroupContextExtensionsProposal(Extensions Extensions)
    : Proposal(ProposalType.GroupContextExtensions)
{
    internal override void WriteBody(TlsWriter writer) => Extensions.Write(writer);
}

/// <summary>Asks for the removal of the sender (draft-ietf-mls-extensions, SelfRemove).</summary>
public sealed record SelfRemoveProposal() : Proposal(ProposalType.SelfRemove)
{
    internal static SelfRemoveProposal Instance { get; } = new();

    internal override void WriteBody(TlsWriter writer) { }
}

/// <summary>
/// A proposal of a type that this library does not know, whose content is <c>opaque&lt;V&gt;</c> (RFC 9420 §13.2).
/// </summary>
public sealed record CustomProposal(ushort CustomType, ReadOnlyMemory<byte> Data) : Proposal(CustomType)
{
    internal override void WriteBody(TlsWriter writer) => writer.WriteOpaque(Data.Span);
}
