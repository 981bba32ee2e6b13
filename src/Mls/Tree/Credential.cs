namespace MlsConsole.Mls;

/// <summary>Credential types of RFC 9420 §5.3 (IANA registry §17.5).</summary>
public static class CredentialType
{
    /// <summary>The identity is bytes, to which the application gives a meaning.</summary>
    public const ushort Basic = 1;

    /// <summary>The identity is a chain of X.509 certificates, with that of the client first.</summary>
    public const ushort X509 = 2;
}

/// <summary>
/// Says who a client is, RFC 9420 §5.3. A credential of another type than basic and x509 is kept as bytes.
/// </summary>
/// <remarks>
/// <code>
/// struct {
///     CredentialType credential_type;
///     select (Credential.credential_type) {
///         case basic: opaque identity&lt;V&gt;;
///         case x509:  Certificate certificates&lt;V&gt;;
///     };
/// } Credential;
/// </code>
/// </remarks>
public sealed class Credential
{
    private readonly ReadOnlyMemory<byte> _body;

    private Credential(ushort type, ReadOnlyMemory<byte> body)
    {
        Type = type;
        _body = body;
    }

    /// <summary>Makes a basic credential.</summary>
    public static Credential Basic(ReadOnlyMemory<byte> identity) => new(CredentialType.Basic, identity);

    /// <summary>Makes an X.509 credential.</summary>
    /// <param name="certificates">The certificates of the chain in DER, with that of the client first.</param>
    public static Credential X509(IEnumerable<ReadOnlyMemory<byte>> certificates)
    {
        var writer = new TlsWriter();
        foreach (var certificate in certificates)
            writer.WriteOpaque(certificate.Span);
        return new(CredentialType.X509, writer.ToArray());
    }

    /// <summary>The credential type, one of <see cref="CredentialType"/> or another registered value.</summary>
    public ushort Type { get; }

    /// <summary>The identity of a basic credential; empty for other types.</summary>
    public ReadOnlyMemory<byte> Identity => Type == CredentialType.Basic ? _body : default;

    /// <summary>
    /// The certificates of an X.509 credential in DER, with that of the client first; empty for other types.
    /// </summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Certificates
    {
        get
        {
            var list = new List<ReadOnlyMemory<byte>>();
            if (Type != CredentialType.X509)
                return list;
            var reader = new TlsReader(_body);
            while (!reader.AtEnd)
                list.Add(reader.ReadOpaque());
            return list;
        }
    }

    /// <summary>Whether the two credentials have the same type and content.</summary>
    public bool SameAs(Credential other) => Type == other.Type && _body.Span.SequenceEqual(other._body.Span);

    /// <summary>Encodes the credential.</summary>
    public byte[] Encode()
    {
        var writer = new TlsWriter();
        Write(writer);
        return writer.ToArray();
    }

    internal static Credential Read(ref TlsReader reader)
    {
        ushort type = reader.ReadUInt16();
        var body = reader.ReadOpaque();
        if (type == CredentialType.X509)
        {
            var certificates = new TlsReader(body);
            while (!certificates.AtEnd)
                certificates.ReadOpaque();
        }
        return new(type, body);
    }

    internal void Write(TlsWriter writer) => writer.WriteUInt16(Type).WriteOpaque(_body.Span);
}
