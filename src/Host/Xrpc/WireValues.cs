using System.Buffers;
using System.Globalization;

namespace MlsConsole.Host;

/// <summary>Values that JSON and query strings carry as text. What cannot be read is an invalid request that names the field, never its content.</summary>
internal static class WireValues
{
    private static readonly SearchValues<char> Base64Alphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

    /// <summary>Base64 of RFC 4648 §4, padded or not; no other alphabet and no white space.</summary>
    /// <exception cref="XrpcException">It is none.</exception>
    public static byte[] Bytes(string field, string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan().TrimEnd('=');
        int padding = text.Length - digits.Length;
        // A group of four characters may lack one or two, and padding, where it is used, completes the group.
        if (digits.Length % 4 == 1 || padding > 2 || (padding > 0 && text.Length % 4 != 0) || digits.ContainsAnyExcept(Base64Alphabet))
            throw XrpcException.InvalidRequest($"{field} must be base64.");
        string padded = text.Length % 4 == 0 ? text : text.PadRight((text.Length + 3) / 4 * 4, '=');
        try
        {
            return Convert.FromBase64String(padded);
        }
        catch (FormatException)
        {
            throw XrpcException.InvalidRequest($"{field} must be base64.");
        }
    }

    /// <summary><see cref="Bytes"/> of a field that may be absent.</summary>
    /// <exception cref="XrpcException">It is there and no base64.</exception>
    public static ReadOnlyMemory<byte>? OptionalBytes(string field, string? text) =>
        // A conditional expression would turn null into an empty value: byte[] converts to ReadOnlyMemory<byte> first.
        text is null ? (ReadOnlyMemory<byte>?)null : Bytes(field, text);

    /// <summary>An epoch or sequence number in a query: decimal digits without sign or leading zero, at most 2^53 - 1 as in bodies.</summary>
    /// <exception cref="XrpcException">It is none.</exception>
    public static long Number(string field, string text)
    {
        const long max = (1L << 53) - 1;
        bool canonical = text.Length > 0 && (text.Length == 1 || text[0] != '0');
        if (!canonical || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) || value > max)
            throw XrpcException.InvalidRequest($"{field} must be a decimal integer from 0 to 2^53 - 1.");
        return value;
    }

    /// <summary>A moment as AT Protocol writes it, in UTC with milliseconds.</summary>
    public static string Datetime(DateTimeOffset moment) =>
        moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
