using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MlsConsole.Core.Audit;

/// <summary>
/// A JSON object in the form of RFC 8785: no white space, the properties in the order of their names, and only those
/// characters escaped that have to be. So every object has exactly one text. Values are strings, integers of at most 53
/// bits, booleans and objects.
/// </summary>
internal sealed class CanonicalJson
{
    private const long MaxInteger = (1L << 53) - 1;

    private readonly StringBuilder _text = new("{");
    private string? _last;

    /// <summary>Adds a property with a string; a property whose value is null is left out.</summary>
    public CanonicalJson Add(string name, string? value)
    {
        if (value is not null)
            String(Name(name), value);
        return this;
    }

    /// <summary>Adds a property with an integer of at most 53 bits, which every reader of JSON keeps exactly.</summary>
    public CanonicalJson Add(string name, long value)
    {
        Name(name).Append(value.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    public CanonicalJson Add(string name, bool value)
    {
        Name(name).Append(value ? "true" : "false");
        return this;
    }

    /// <summary>Adds a property with an object, which must be complete.</summary>
    public CanonicalJson Add(string name, CanonicalJson value)
    {
        Name(name).Append(value._text).Append('}');
        return this;
    }

    /// <summary>The text of the object.</summary>
    public override string ToString() => $"{_text}}}";

    /// <summary>Reads an object; null if the text is not exactly what this class writes for an object.</summary>
    public static CanonicalJson? Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return Of(document.RootElement) is { } json && json.ToString() == text ? json : null;
        }
        catch (JsonException)
        {
            return null;
        }
        catch (InvalidOperationException)
        {
            // A property twice, properties in another order, or half of a surrogate pair.
            return null;
        }
    }

    private static CanonicalJson? Of(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            return null;
        var json = new CanonicalJson();
        foreach (var property in element.EnumerateObject())
        {
            JsonElement value = property.Value;
            switch (value.ValueKind)
            {
                case JsonValueKind.String:
                    json.Add(property.Name, value.GetString());
                    break;
                case JsonValueKind.Number when value.TryGetInt64(out long number) && IsExact(number):
                    json.Add(property.Name, number);
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    json.Add(property.Name, value.GetBoolean());
                    break;
                case JsonValueKind.Object when Of(value) is { } nested:
                    json.Add(property.Name, nested);
                    break;
                default:
                    return null;
            }
        }
        return json;
    }

    /// <summary>Whether every reader of JSON keeps the integer exactly.</summary>
    public static bool IsExact(long value) => value is >= -MaxInteger and <= MaxInteger;

    private StringBuilder Name(string name)
    {
        if (_last is not null && string.CompareOrdinal(_last, name) >= 0)
            throw new InvalidOperationException($"'{name}' stands after '{_last}'.");
        if (_last is not null)
            _text.Append(',');
        _last = name;
        return String(_text, name).Append(':');
    }

    private static StringBuilder String(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\b' => text.Append("\\b"),
                '\t' => text.Append("\\t"),
                '\n' => text.Append("\\n"),
                '\f' => text.Append("\\f"),
                '\r' => text.Append("\\r"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }
        return text.Append('"');
    }
}
