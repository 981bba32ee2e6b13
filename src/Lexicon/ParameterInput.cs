using System.Globalization;

namespace MlsConsole.Lexicon;

/// <summary>
/// The query parameters of an XRPC request. A parameter with an empty value counts as absent, a boolean is <c>true</c>
/// or <c>false</c>, and unknown parameters are ignored.
/// </summary>
public sealed class ParameterInput
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    internal ParameterInput(IEnumerable<KeyValuePair<string, string>> parameters)
    {
        foreach (var (name, value) in parameters)
        {
            if (value.Length == 0)
                continue;
            if (!_values.TryGetValue(name, out var list))
                _values.Add(name, list = []);
            list.Add(value);
        }
    }

    internal string? String(string name, long minLength, long maxLength) =>
        Single(name) is { } value ? JsonInput.Checked(value, name, minLength, maxLength) : null;

    internal string? Did(string name) => Single(name) is { } value ? JsonInput.CheckedDid(value, name) : null;

    internal string? Formatted(string name, string format, Func<string, bool> isFormat) =>
        Single(name) is { } value ? JsonInput.CheckedFormat(value, name, format, isFormat) : null;

    internal long? Integer(string name, long minimum, long maximum)
    {
        if (Single(name) is not { } value)
            return null;
        if (
            !long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            || Math.Abs(number) > JsonInput.MaxInteger
            || value[0] == '+'
        )
            throw new LexiconException(name, "must be an integer of at most 53 bits.");
        return JsonInput.InRange(number, name, minimum, maximum);
    }

    internal bool? Boolean(string name) =>
        Single(name) switch
        {
            null => null,
            "true" => true,
            "false" => false,
            _ => throw new LexiconException(name, "must be true or false."),
        };

    private string? Single(string name) =>
        !_values.TryGetValue(name, out var list) ? null
        : list.Count == 1 ? list[0]
        : throw new LexiconException(name, "must stand once.");

    internal static string Text(string value) => value;

    internal static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    internal static string Text(bool value) => value ? "true" : "false";
}
