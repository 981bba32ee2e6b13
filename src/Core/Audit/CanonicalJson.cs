using System.Globalization;
using System.Text;

namespace MlsConsole.Core.Audit;

/// <summary>
/// A JSON object in the form of RFC 8785: no white space, the properties in the order of their names, and only those
/// characters escaped that have to be. So every object has exactly one text.
/// </summary>
internal sealed class CanonicalJson
{
    private readonly StringBuilder _text = new("{");
    private string _last = "";

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

    /// <summary>Adds a property with a truth value.</summary>
    public CanonicalJson Add(string name, bool value)
    {
        Name(name).Append(value ? "true" : "false");
        return this;
    }

    /// <summary>Adds a property with an object; a property whose value is null is left out.</summary>
    public CanonicalJson Add(string name, CanonicalJson? value) => AddObject(name, value?.ToString());

    /// <summary>
    /// Adds a property with an object that is in this form already; a property whose value is null is left out.
    /// </summary>
    public CanonicalJson AddObject(string name, string? value)
    {
        if (value is not null)
            Name(name).Append(value);
        return this;
    }

    /// <summary>The text of the object.</summary>
    public override string ToString() => $"{_text}}}";

    private StringBuilder Name(string name)
    {
        if (string.CompareOrdinal(_last, name) >= 0)
            throw new InvalidOperationException($"'{name}' stands after '{_last}'.");
        if (_last.Length > 0)
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
