namespace MlsConsole.Mls;

/// <summary>Extension types of RFC 9420 (IANA registry §17.3).</summary>
public static class ExtensionType
{
    /// <summary>application_id, RFC 9420 §5.3.3.</summary>
    public const ushort ApplicationId = 1;

    /// <summary>ratchet_tree, RFC 9420 §12.4.3.3.</summary>
    public const ushort RatchetTree = 2;

    /// <summary>required_capabilities, RFC 9420 §11.1.</summary>
    public const ushort RequiredCapabilities = 3;

    /// <summary>external_pub, RFC 9420 §12.4.3.2.</summary>
    public const ushort ExternalPub = 4;

    /// <summary>external_senders, RFC 9420 §12.1.8.1.</summary>
    public const ushort ExternalSenders = 5;

    /// <summary>last_resort, which marks a key package of last resort (draft-ietf-mls-extensions).</summary>
    public const ushort LastResort = 0x000A;

    internal static bool IsDefault(ushort type) => type is >= ApplicationId and <= ExternalSenders;

    // RFC 9420 §17.3, column "Message(s)". An extension of an unknown type is allowed in every object.
    internal static bool IsAllowedIn(ushort type, ExtensionPlace place) =>
        type switch
        {
            ApplicationId => place == ExtensionPlace.LeafNode,
            RatchetTree or ExternalPub => place == ExtensionPlace.GroupInfo,
            RequiredCapabilities or ExternalSenders => place == ExtensionPlace.GroupContext,
            LastResort => place == ExtensionPlace.KeyPackage,
            _ => true,
        };
}

/// <summary>The objects that have a list of extensions (RFC 9420 §17.3).</summary>
internal enum ExtensionPlace
{
    KeyPackage,
    LeafNode,
    GroupContext,
    GroupInfo,
}

/// <summary>An extension, whose content is kept as bytes (RFC 9420 §13).</summary>
public readonly record struct Extension(ushort Type, ReadOnlyMemory<byte> Data);

/// <summary>A list of extensions with at most one of each type.</summary>
public sealed class Extensions
{
    private readonly Extension[] _items;

    /// <summary>Makes a list of the given extensions.</summary>
    public Extensions(params Extension[] items) => _items = items;

    /// <summary>The empty list.</summary>
    public static Extensions None { get; } = new();

    /// <summary>The extensions in the order in which they are encoded.</summary>
    public IReadOnlyList<Extension> Items => _items;

    /// <summary>The content of the extension of a type, or null if the list has none.</summary>
    public ReadOnlyMemory<byte>? Find(ushort type)
    {
        foreach (var extension in _items)
            if (extension.Type == type)
                return extension.Data;
        return null;
    }

    /// <summary>Whether the two lists have the same extensions in the same order.</summary>
    public bool SameAs(Extensions other)
    {
        if (_items.Length != other._items.Length)
            return false;
        for (int i = 0; i < _items.Length; i++)
            if (_items[i].Type != other._items[i].Type || !_items[i].Data.Span.SequenceEqual(other._items[i].Data.Span))
                return false;
        return true;
    }

    internal static Extensions Read(ref TlsReader reader)
    {
        var vector = reader.ReadVector();
        if (vector.AtEnd)
            return None;
        var items = new List<Extension>(2);
        while (!vector.AtEnd)
        {
            var extension = new Extension(vector.ReadUInt16(), vector.ReadOpaque());
            items.Add(extension);
        }
        return new([.. items]);
    }

    internal void Write(TlsWriter writer)
    {
        writer.WriteVectorHeader(ContentLength);
        foreach (var extension in _items)
            writer.WriteUInt16(extension.Type).WriteOpaque(extension.Data.Span);
    }

    internal int EncodedLength => TlsWriter.OpaqueSize(ContentLength);

    private int ContentLength
    {
        get
        {
            int length = 0;
            foreach (var extension in _items)
                length = checked(length + 2 + TlsWriter.OpaqueSize(extension.Data.Length));
            return length;
        }
    }

    /// <summary>
    /// Checks the list for an object that it stands in. RFC 9420 §13.4: it has at most one extension of each type;
    /// §17.3: it has only extensions that may stand in this object. The extensions of the GroupContext must also be
    /// readable, since all members use them.
    /// </summary>
    internal void RequireAllowed(ExtensionPlace place)
    {
        if (place == ExtensionPlace.GroupContext)
            _ = (Mls.RequiredCapabilities.Of(this), ExternalSender.Of(this));
        foreach (var extension in _items)
            MlsException.Require(ExtensionType.IsAllowedIn(extension.Type, place), Rules.ExtensionPlace);
        if (_items.Length < 2)
            return;
        var seen = new HashSet<ushort>(_items.Length);
        foreach (var extension in _items)
            MlsException.Require(seen.Add(extension.Type), Rules.ExtensionDuplicate);
    }
}

/// <summary>
/// The extension required_capabilities of a GroupContext: what every member must support, RFC 9420 §11.1.
/// </summary>
public sealed record RequiredCapabilities(UInt16List Extensions, UInt16List Proposals, UInt16List Credentials)
{
    /// <summary>Encodes the required capabilities as an extension of the GroupContext.</summary>
    public Extension ToExtension()
    {
        var writer = new TlsWriter();
        Extensions.Write(writer);
        Proposals.Write(writer);
        Credentials.Write(writer);
        return new(ExtensionType.RequiredCapabilities, writer.ToArray());
    }

    /// <summary>The required capabilities of a GroupContext, or null if it has none.</summary>
    /// <exception cref="MlsException">The extension cannot be decoded.</exception>
    public static RequiredCapabilities? Of(Extensions extensions)
    {
        if (extensions.Find(ExtensionType.RequiredCapabilities) is not { } data)
            return null;
        var reader = new TlsReader(data);
        var required = new RequiredCapabilities(
            UInt16List.Read(ref reader),
            UInt16List.Read(ref reader),
            UInt16List.Read(ref reader)
        );
        reader.RequireEnd();
        return required;
    }
}

/// <summary>A party outside the group that may send proposals, RFC 9420 §12.1.8.1.</summary>
public sealed record ExternalSender(ReadOnlyMemory<byte> SignatureKey, Credential Credential)
{
    /// <summary>
    /// Encodes a list of external senders as an extension of the GroupContext. In its messages, an external sender
    /// names itself by its place in this list.
    /// </summary>
    public static Extension ToExtension(params IReadOnlyList<ExternalSender> senders)
    {
        var writer = new TlsWriter();
        int start = writer.BeginVector();
        foreach (var sender in senders)
            sender.Credential.Write(writer.WriteOpaque(sender.SignatureKey.Span));
        return new(ExtensionType.ExternalSenders, writer.EndVector(start).ToArray());
    }

    /// <summary>The external senders that a GroupContext lists; empty for none.</summary>
    /// <exception cref="MlsException">The extension cannot be decoded.</exception>
    public static IReadOnlyList<ExternalSender> Of(Extensions extensions)
    {
        if (extensions.Find(ExtensionType.ExternalSenders) is not { } data)
            return [];
        var reader = new TlsReader(data);
        var vector = reader.ReadVector();
        reader.RequireEnd();
        var senders = new List<ExternalSender>();
        while (!vector.AtEnd)
            senders.Add(new(vector.ReadOpaque(), Credential.Read(ref vector)));
        return senders;
    }
}
