using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>Values that mean nothing and must be ignored, so that receivers which do not ignore them are found early (RFC 9420 §13.5).</summary>
/// <param name="extensionType">The type of the extensions; the client's capabilities list it.</param>
internal sealed class Grease(ushort extensionType)
{
    public Grease()
        : this(Draw()) { }

    public ushort ExtensionType => extensionType;

    /// <summary>Adds one value to each list of capabilities but the versions.</summary>
    public Capabilities Into(Capabilities capabilities) =>
        new(
            capabilities.Versions,
            With(capabilities.CipherSuites, Draw()),
            With(capabilities.Extensions, extensionType),
            With(capabilities.Proposals, Draw()),
            With(capabilities.Credentials, Draw())
        );

    /// <summary>An extension with random content, for a key package or GroupInfo.</summary>
    public Extension Extension() =>
        new(extensionType, RandomNumberGenerator.GetBytes(RandomNumberGenerator.GetInt32(0, 16)));

    // 0x0A0A, 0x1A1A, ... 0xEAEA
    private static ushort Draw() => (ushort)(RandomNumberGenerator.GetInt32(0, 15) * 0x1010 + 0x0A0A);

    private static UInt16List With(UInt16List list, ushort value)
    {
        var values = list.ToArray().ToList();
        values.Insert(RandomNumberGenerator.GetInt32(0, values.Count + 1), value);
        return new([.. values]);
    }
}
