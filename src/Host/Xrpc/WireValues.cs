using System.Globalization;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// Reads and writes values that JSON and query strings carry as text. A value that cannot be read makes the request
/// invalid; the error names the field, never its content.
/// </summary>
internal static class WireValues
{
    /// <summary>Reads the base64 of a field in the form that <see cref="Formats.Base64"/> takes.</summary>
    /// <exception cref="LexiconException">The text is no such base64.</exception>
    public static byte[] Bytes(string field, string text) => Formats.Base64(text, field);

    /// <summary>Reads the base64 of a field that may be absent.</summary>
    /// <exception cref="LexiconException">The field is present and its text is no such base64.</exception>
    public static ReadOnlyMemory<byte>? OptionalBytes(string field, string? text) =>
        // A conditional expression would turn null into an empty value: byte[] converts to ReadOnlyMemory<byte> first.
        text is null
            ? (ReadOnlyMemory<byte>?)null
            : Bytes(field, text);

    /// <summary>Reads the key packages of a field <c>keyPackages</c>.</summary>
    /// <exception cref="LexiconException">The text of a key package is no base64.</exception>
    public static IReadOnlyList<OfferedKeyPackage> KeyPackages(IReadOnlyList<NewKeyPackage> packages) =>
        [
            .. packages.Select(
                (package, i) =>
                    new OfferedKeyPackage(
                        Bytes($"keyPackages[{i}].keyPackage", package.KeyPackage),
                        package.LastResort ?? false
                    )
            ),
        ];

    /// <summary>The view of a conversation that several methods answer with.</summary>
    public static ConvoView Convo(ConversationDetails convo) =>
        new()
        {
            ConvoId = convo.ConvoId,
            GroupId = convo.GroupId,
            Epoch = (long)convo.Epoch,
            CipherSuite = convo.CipherSuite,
            Metadata = convo.Metadata,
            RequireDeviceApproval = convo.RequiresApproval ? true : null,
            CreatedAt = convo.CreatedAt,
            Members =
            [
                .. convo.Members.Select(member => new MemberView
                {
                    Did = member.Did,
                    DeviceId = member.DeviceId,
                    LeafIndex = member.LeafIndex,
                    IsAdmin = member.IsAdmin,
                    RemovalPending = member.RemovalPending ? true : null,
                }),
            ],
        };

    /// <summary>
    /// Reads an epoch or sequence number of a query: decimal digits without sign or leading zero, at most 2^53 - 1 as
    /// in bodies.
    /// </summary>
    /// <exception cref="XrpcException">The text is no such number.</exception>
    public static long Number(string field, string text)
    {
        const long max = (1L << 53) - 1;
        bool canonical = text.Length > 0 && (text.Length == 1 || text[0] != '0');
        if (
            !canonical
            || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            || value > max
        )
            throw XrpcException.InvalidRequest($"{field} must be a decimal integer from 0 to 2^53 - 1.");
        return value;
    }
}
