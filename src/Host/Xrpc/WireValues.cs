using System.Globalization;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>Values that JSON and query strings carry as text. What cannot be read is an invalid request that names the field, never its content.</summary>
internal static class WireValues
{
    /// <summary>Base64 of a field, as <see cref="Formats.Base64"/> takes it.</summary>
    /// <exception cref="LexiconException">It is none.</exception>
    public static byte[] Bytes(string field, string text) => Formats.Base64(text, field);

    /// <summary><see cref="Bytes"/> of a field that may be absent.</summary>
    /// <exception cref="LexiconException">It is there and no base64.</exception>
    public static ReadOnlyMemory<byte>? OptionalBytes(string field, string? text) =>
        // A conditional expression would turn null into an empty value: byte[] converts to ReadOnlyMemory<byte> first.
        text is null
            ? (ReadOnlyMemory<byte>?)null
            : Bytes(field, text);

    /// <summary>Key packages of a field <c>keyPackages</c>.</summary>
    /// <exception cref="LexiconException">One is no base64.</exception>
    public static IReadOnlyList<Core.KeyPackages.NewKeyPackage> KeyPackages(IReadOnlyList<NewKeyPackage> packages) =>
        [
            .. packages.Select(
                (package, i) =>
                    new Core.KeyPackages.NewKeyPackage(
                        Bytes($"keyPackages[{i}].keyPackage", package.KeyPackage),
                        package.LastResort ?? false
                    )
            ),
        ];

    /// <summary>A conversation as several methods answer with it.</summary>
    public static ConvoView Convo(Core.Conversations.ConvoView convo) =>
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

    /// <summary>An epoch or sequence number in a query: decimal digits without sign or leading zero, at most 2^53 - 1 as in bodies.</summary>
    /// <exception cref="XrpcException">It is none.</exception>
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
