using System.Globalization;
using System.Text.RegularExpressions;

namespace MlsConsole.Lexicon;

/// <summary>
/// The string formats of the lexicon language (<see href="https://atproto.com/specs/lexicon#string-formats"/>), and
/// base64 as the methods of this service use it.
/// </summary>
public static partial class Formats
{
    /// <summary>Longest DID, in characters.</summary>
    public const int MaxDidLength = 2048;

    private const int MaxUriLength = 8192;

    /// <summary>Whether a string is a DID by the AT Protocol's syntax.</summary>
    public static bool IsDid(string value) => value.Length <= MaxDidLength && DidSyntax().IsMatch(value);

    /// <summary>Whether a string is a handle: a domain name of two labels or more.</summary>
    public static bool IsHandle(string value) => value.Length <= 253 && HandleSyntax().IsMatch(value);

    /// <summary>Whether a string is a DID or a handle.</summary>
    public static bool IsAtIdentifier(string value) => IsDid(value) || IsHandle(value);

    /// <summary>Whether a string is an NSID, the name of a lexicon.</summary>
    public static bool IsNsid(string value) => value.Length <= 317 && NsidSyntax().IsMatch(value);

    /// <summary>Whether a string is the key of a record.</summary>
    public static bool IsRecordKey(string value) => value is not ("." or "..") && RecordKeySyntax().IsMatch(value);

    /// <summary>
    /// Whether a string is a timestamp identifier: 13 digits of sortable base32, of which the highest bit is not set.
    /// </summary>
    public static bool IsTid(string value) => TidSyntax().IsMatch(value);

    /// <summary>
    /// Whether a string has the form of a CID. Its codec and hash function are not checked, but a CID of version 0 is
    /// refused.
    /// </summary>
    public static bool IsCid(string value) =>
        CidSyntax().IsMatch(value) && !value.StartsWith("Qm", StringComparison.Ordinal);

    /// <summary>Whether a string is an AT URI, the name of an account, of a collection or of a record.</summary>
    public static bool IsAtUri(string value)
    {
        const string Scheme = "at://";
        if (value.Length > MaxUriLength || !value.StartsWith(Scheme, StringComparison.Ordinal))
            return false;
        string[] parts = value[Scheme.Length..].Split('/');
        return IsAtIdentifier(parts[0])
            && parts.Length switch
            {
                1 => true,
                2 => IsNsid(parts[1]),
                3 => IsNsid(parts[1]) && IsRecordKey(parts[2]),
                _ => false,
            };
    }

    /// <summary>Whether a string is a URI of any scheme.</summary>
    public static bool IsUri(string value) => value.Length <= MaxUriLength && UriSyntax().IsMatch(value);

    /// <summary>Whether a string is a language tag (BCP 47) that has no variant and no extension twice.</summary>
    public static bool IsLanguage(string value)
    {
        if (value.Length > 128 || LanguageSyntax().Match(value) is not { Success: true } match)
            return false;
        return IsSet(match.Groups["variant"].Captures) && IsSet(match.Groups["singleton"].Captures);

        static bool IsSet(CaptureCollection subtags) =>
            subtags.Select(static subtag => subtag.Value).Distinct(StringComparer.OrdinalIgnoreCase).Count()
            == subtags.Count;
    }

    /// <summary>Writes a time as a datetime with milliseconds, in UTC: <c>yyyy-MM-ddTHH:mm:ss.fffZ</c>.</summary>
    public static string DateTime(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>
    /// Whether a string is a datetime: RFC 3339 with a capital T and a time zone, from the year 0 on.
    /// </summary>
    public static bool IsDateTime(string value) =>
        // .NET has no year 0, so it is checked as the year 2000, which is a leap year too. A datetime whose time zone
        // moves it to before the year 0 is refused.
        value.StartsWith("0000", StringComparison.Ordinal)
            ? TryDateTime("2000" + value[4..], out var time) && time.UtcDateTime.Year >= 2000
            : TryDateTime(value, out _);

    /// <summary>
    /// Reads a datetime. False for a string that is none, and for the year 0, which .NET does not have.
    /// </summary>
    public static bool TryDateTime(string value, out DateTimeOffset time)
    {
        time = default;
        return DateTimeSyntax().IsMatch(value)
            && !value.EndsWith("-00:00", StringComparison.Ordinal)
            && DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    /// <summary>Reads base64 of RFC 4648 §4, with or without padding.</summary>
    /// <exception cref="LexiconException">
    /// The string is not base64: it has another character, a wrong length, or unused bits that are not zero.
    /// </exception>
    public static byte[] Base64(string value, string path)
    {
        int padding =
            value.EndsWith("==", StringComparison.Ordinal) ? 2
            : value.EndsWith('=') ? 1
            : 0;
        int digits = value.Length - padding;
        if (digits % 4 == 1 || (padding != 0 && value.Length % 4 != 0))
            throw NotBase64(path);
        string padded = padding == 0 && digits % 4 != 0 ? value.PadRight((digits + 3) / 4 * 4, '=') : value;
        var bytes = new byte[digits / 4 * 3 + Math.Max(0, digits % 4 - 1)];
        // TryFromBase64String skips white space, which shows as fewer bytes than the number of digits gives.
        if (!Convert.TryFromBase64String(padded, bytes, out int written) || written != bytes.Length)
            throw NotBase64(path);
        if (
            digits % 4 != 0
            && Convert.ToBase64String(bytes.AsSpan(bytes.Length - (digits % 4 - 1)))[..(digits % 4)]
                != value[(digits - digits % 4)..digits]
        )
            throw NotBase64(path);
        return bytes;
    }

    private static LexiconException NotBase64(string path) => new(path, "must be base64 (RFC 4648 §4).");

    [GeneratedRegex(@"\Adid:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]\z")]
    private static partial Regex DidSyntax();

    [GeneratedRegex(@"\A([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\z")]
    private static partial Regex HandleSyntax();

    [GeneratedRegex(
        @"\A[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+"
            + @"\.[a-zA-Z][a-zA-Z0-9]{0,62}\z"
    )]
    private static partial Regex NsidSyntax();

    [GeneratedRegex(@"\A[a-zA-Z0-9_~.:-]{1,512}\z")]
    private static partial Regex RecordKeySyntax();

    [GeneratedRegex(@"\A[2-7a-j][2-7a-z]{12}\z")]
    private static partial Regex TidSyntax();

    [GeneratedRegex(@"\A[a-zA-Z0-9+=]{8,256}\z")]
    private static partial Regex CidSyntax();

    [GeneratedRegex(@"\A[a-zA-Z][a-zA-Z0-9.-]{0,80}:[^\s\p{C}]+\z")]
    private static partial Regex UriSyntax();

    // RFC 5646 §2.1. A tag is one of the irregular ones, or one of private use alone, or it has a language, extended
    // languages, a script, a region, variants, extensions and private use.
    [GeneratedRegex(
        """
            \A(
              en-GB-oed | i-(ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)
            | sgn-(BE-FR|BE-NL|CH-DE)
            | [xX](-[A-Za-z0-9]{1,8})+
            | [a-z]{2,3} (-[A-Za-z]{3}){0,3} (-[A-Za-z]{4})? (-([A-Za-z]{2}|[0-9]{3}))?
              (-(?<variant>[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*
              (-(?<singleton>[0-9A-WY-Za-wy-z])(-[A-Za-z0-9]{2,8})+)* (-[xX](-[A-Za-z0-9]{1,8})+)?
            )\z
            """,
        RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture
    )]
    private static partial Regex LanguageSyntax();

    [GeneratedRegex(
        @"\A[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,20})?"
            + @"(Z|[+-][0-2][0-9]:[0-5][0-9])\z"
    )]
    private static partial Regex DateTimeSyntax();
}
