using System.Globalization;
using System.Text.RegularExpressions;

namespace MlsConsole.Lexicon;

/// <summary>String formats of the AT Protocol, and base64 as this service's methods use it.</summary>
public static partial class Formats
{
    /// <summary>Longest DID, in characters.</summary>
    public const int MaxDidLength = 2048;

    /// <summary>Whether a string is a DID by the AT Protocol's syntax.</summary>
    public static bool IsDid(string value) => value.Length <= MaxDidLength && DidSyntax().IsMatch(value);

    /// <summary>A datetime with milliseconds, in UTC: <c>yyyy-MM-ddTHH:mm:ss.fffZ</c>.</summary>
    public static string DateTime(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads a datetime of the AT Protocol's syntax (RFC 3339 with capital T and a time zone).</summary>
    public static bool TryDateTime(string value, out DateTimeOffset time)
    {
        time = default;
        return DateTimeSyntax().IsMatch(value) && !value.StartsWith("000", StringComparison.Ordinal) && !value.EndsWith("-00:00", StringComparison.Ordinal)
            && DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    /// <summary>Reads base64 of RFC 4648 §4, padded or not; anything else is refused, unused bits that are set included.</summary>
    /// <exception cref="LexiconException">It is not base64.</exception>
    public static byte[] Base64(string value, string path)
    {
        int padding = value.EndsWith("==", StringComparison.Ordinal) ? 2 : value.EndsWith('=') ? 1 : 0;
        int digits = value.Length - padding;
        if (digits % 4 == 1 || (padding != 0 && value.Length % 4 != 0)) throw NotBase64(path);
        string padded = padding == 0 && digits % 4 != 0 ? value.PadRight((digits + 3) / 4 * 4, '=') : value;
        var bytes = new byte[digits / 4 * 3 + Math.Max(0, digits % 4 - 1)];
        // TryFromBase64String skips white space; then fewer bytes come out than there are digits for.
        if (!Convert.TryFromBase64String(padded, bytes, out int written) || written != bytes.Length) throw NotBase64(path);
        if (digits % 4 != 0 && Convert.ToBase64String(bytes.AsSpan(bytes.Length - (digits % 4 - 1)))[..(digits % 4)] != value[(digits - digits % 4)..digits]) throw NotBase64(path);
        return bytes;
    }

    private static LexiconException NotBase64(string path) => new(path, "must be base64 (RFC 4648 §4).");

    [GeneratedRegex(@"\Adid:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]\z")]
    private static partial Regex DidSyntax();

    [GeneratedRegex(@"\A[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,20})?(Z|[+-][0-2][0-9]:[0-5][0-9])\z")]
    private static partial Regex DateTimeSyntax();
}
