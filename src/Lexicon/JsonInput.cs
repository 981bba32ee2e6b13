using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace MlsConsole.Lexicon;

/// <summary>The methods of which the generated readers of JSON are made.</summary>
/// <remarks>They refuse nulls, numbers in strings, fractions and exponents, and a property that stands twice.</remarks>
internal static class JsonInput
{
    /// <summary>The largest integer of the AT Protocol data model, 2^53 - 1.</summary>
    public const long MaxInteger = (1L << 53) - 1;

    public static void BeginObject(ref Utf8JsonReader reader, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new LexiconException(path, "must be an object.");
    }

    /// <summary>Moves to the next property's name; false at the end of the object.</summary>
    public static bool NextProperty(ref Utf8JsonReader reader, string path)
    {
        if (!reader.Read())
            throw new LexiconException(path, "does not end.");
        return reader.TokenType == JsonTokenType.PropertyName;
    }

    /// <summary>Moves to the value of a known property and returns the value's path.</summary>
    /// <param name="reader">The reader, which is at the name of the property.</param>
    /// <param name="path">The path of the object.</param>
    /// <param name="name">The name of the property.</param>
    /// <param name="seen">One bit for each property that was read before.</param>
    /// <param name="index">The bit of this property.</param>
    /// <exception cref="LexiconException">The property stands twice, or is null.</exception>
    public static string Enter(ref Utf8JsonReader reader, string path, string name, ref ulong seen, int index)
    {
        string at = path.Length == 0 ? name : $"{path}.{name}";
        if ((seen & (1UL << index)) != 0)
            throw new LexiconException(at, "stands twice.");
        seen |= 1UL << index;
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
            throw new LexiconException(at, "must not be null.");
        return at;
    }

    public static void SkipProperty(ref Utf8JsonReader reader) => reader.Skip();

    public static LexiconException Missing(string path, string name) =>
        new(path.Length == 0 ? name : $"{path}.{name}", "is required.");

    public static string String(ref Utf8JsonReader reader, string path, long minLength, long maxLength)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new LexiconException(path, "must be a string.");
        // An escape takes more bytes than its character, so a string with escapes is measured after they are resolved.
        if (!reader.ValueIsEscaped && reader.ValueSpan.Length > maxLength)
            throw new LexiconException(path, $"has more than {maxLength} bytes.");
        string value = reader.GetString()!;
        return Checked(value, path, minLength, maxLength);
    }

    public static string Checked(string value, string path, long minLength, long maxLength)
    {
        if (
            value.Length > maxLength
            || (value.Length * 3L > maxLength && Encoding.UTF8.GetByteCount(value) > maxLength)
        )
            throw new LexiconException(path, $"has more than {maxLength} bytes.");
        if (minLength > 0 && Encoding.UTF8.GetByteCount(value) < minLength)
            throw new LexiconException(path, $"has fewer than {minLength} bytes.");
        return value;
    }

    [return: NotNullIfNotNull(nameof(value))]
    public static string? Listed(string? value, string path, params ReadOnlySpan<string> list) =>
        value is null || list.Contains(value)
            ? value
            : throw new LexiconException(path, $"must be one of {string.Join(", ", list)}.");

    public static string Did(ref Utf8JsonReader reader, string path) =>
        CheckedDid(String(ref reader, path, 1, Formats.MaxDidLength), path);

    public static string CheckedDid(string value, string path) =>
        Formats.IsDid(value) ? value : throw new LexiconException(path, "must be a DID.");

    public static string Formatted(
        ref Utf8JsonReader reader,
        string path,
        string format,
        Func<string, bool> isFormat
    ) => CheckedFormat(String(ref reader, path, 1, MaxInteger), path, format, isFormat);

    public static string CheckedFormat(string value, string path, string format, Func<string, bool> isFormat) =>
        isFormat(value) ? value : throw new LexiconException(path, $"must have the format {format}.");

    public static DateTimeOffset DateTime(ref Utf8JsonReader reader, string path) =>
        Formats.TryDateTime(String(ref reader, path, 1, 64), out var time)
            ? time
            : throw new LexiconException(path, "must be a datetime.");

    public static long Integer(ref Utf8JsonReader reader, string path, long minimum, long maximum)
    {
        // TryGetInt64 refuses fractions and exponents.
        if (
            reader.TokenType != JsonTokenType.Number
            || !reader.TryGetInt64(out long value)
            || Math.Abs(value) > MaxInteger
        )
            throw new LexiconException(path, "must be an integer of at most 53 bits.");
        return InRange(value, path, minimum, maximum);
    }

    public static long InRange(long value, string path, long minimum, long maximum)
    {
        if (value < minimum)
            throw new LexiconException(path, $"must be at least {minimum}.");
        if (value > maximum)
            throw new LexiconException(path, $"must be at most {maximum}.");
        return value;
    }

    public static bool Boolean(ref Utf8JsonReader reader, string path) =>
        reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            _ => throw new LexiconException(path, "must be true or false."),
        };

    public static IReadOnlyList<T> Array<T>(
        ref Utf8JsonReader reader,
        string path,
        long minLength,
        long maxLength,
        JsonRead<T> item
    )
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new LexiconException(path, "must be an array.");
        var items = new List<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (items.Count == maxLength)
                throw new LexiconException(path, $"has more than {maxLength} items.");
            items.Add(item(ref reader, $"{path}[{items.Count}]"));
        }
        if (items.Count < minLength)
            throw new LexiconException(path, $"has fewer than {minLength} items.");
        return items;
    }
}
