using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// Values of GREASE (RFC 9420 §13.5). They mean nothing and receivers must ignore them, so that a receiver which does
/// not is found early.
/// </summary>
/// <param name="extensionType">The type of the meaningless extensions, which the client's capabilities list.</param>
internal sealed class Grease(ushort extensionType)
{
    public Grease()
        : this(Draw()) { }

    public ushort ExtensionType => extensionType;

    /// <summary>Adds one meaningless value to each list of the capabilities, except the list of versions.</summary>
    public Capabilities Into(Capabilities capabilities) =>
        new(
            capabilities.Versions,
            With(capabilities.CipherSuites, Draw()),
            With(capabilities.Extensions, extensionType),
            With(capabilities.Proposals, Draw()),
            With(capabilities.Credentials, Draw())
        );

    /// <summary>An extension with random content, for a KeyPackage or GroupInfo.</summary>
    public Extension Extension() =>
        new(extensionType, RandomNumberGenerator.GetBytes(RandomNumberGenerator.GetInt32(0, 16)));

    // One of the values 0x0A0A, 0x1A1A, ... 0xEAEA that RFC 9420 reserves for GREASE.
    private static ushort Draw() => (ushort)(RandomNumberGenerator.GetInt32(0, 15) * 0x1010 + 0x0A0A);

    private static UInt16List With(UInt16List list, ushort value)
    {
        var values = list.ToArray().ToList();
        values.Insert(RandomNumberGenerator.GetInt32(0, values.Count + 1), value);
        return new([.. values]);
    }
}
