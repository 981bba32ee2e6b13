using System.Text.RegularExpressions;

namespace MlsConsole.Host.Identity;

/// <summary>
/// Finds the address of a DID's document, for the two DID methods of AT Protocol
/// (<see href="https://atproto.com/specs/did"/>).
/// </summary>
internal static partial class DidAddress
{
    private const string WebPrefix = "did:web:";

    /// <summary>
    /// The address for a <c>did:web</c>. Its identifier is a host name, with a port after <c>%3A</c>; AT Protocol
    /// allows no paths. IP addresses are refused, and so are names without a dot, except for localhost.
    /// </summary>
    /// <param name="did">Any DID.</param>
    /// <param name="plainLoopback">Whether the document of a localhost name is fetched by http.</param>
    /// <returns>Null if the DID is no such <c>did:web</c>.</returns>
    public static Uri? OfWeb(string did, bool plainLoopback)
    {
        if (WebSyntax().Match(did) is not { Success: true } match)
            return null;
        string host = match.Groups["host"].Value;
        bool loopback = IsLocalhost(host);
        if (host.Length > 253 || !(loopback || host.Contains('.', StringComparison.Ordinal)))
            return null;
        int port = match.Groups["port"] is { Success: true } given
            ? int.Parse(given.ValueSpan, System.Globalization.CultureInfo.InvariantCulture)
            : -1;
        return port > ushort.MaxValue
            ? null
            : new UriBuilder(loopback && plainLoopback ? "http" : "https", host, port, "/.well-known/did.json").Uri;
    }

    /// <returns>Null if the DID is no <c>did:plc</c>.</returns>
    public static Uri? OfPlc(string did, Uri directory) =>
        PlcSyntax().IsMatch(did) ? new Uri($"{directory.AbsoluteUri.TrimEnd('/')}/{Uri.EscapeDataString(did)}") : null;

    /// <summary>
    /// RFC 6761 §6.3: localhost and the names below it mean this machine, whatever a name server says.
    /// </summary>
    public static bool IsLocalhost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(
        @"\A"
            + WebPrefix
            + @"(?<host>([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)*[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)"
            + @"(%3[Aa](?<port>[1-9][0-9]{0,4}))?\z",
        RegexOptions.ExplicitCapture
    )]
    private static partial Regex WebSyntax();

    [GeneratedRegex(@"\Adid:plc:[a-z2-7]{24}\z")]
    private static partial Regex PlcSyntax();
}
