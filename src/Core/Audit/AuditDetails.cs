namespace MlsConsole.Core.Audit;

/// <summary>
/// The evidence of an audit entry as a JSON object: the state before and after, the numbers of a verdict, a second
/// person. It must never have a secret or the content of a message. Properties are added in any order.
/// </summary>
/// <remarks>
/// The size is bounded, because an entry is kept for ever. Whoever adds what a stranger can write has bounded it
/// before: details that are too large are a mistake in the code, so they are an exception and no refusal.
/// </remarks>
public sealed class AuditDetails
{
    /// <summary>The longest text of all details together, in characters.</summary>
    public const int MaxLength = 8192;

    /// <summary>How many objects may stand in each other.</summary>
    public const int MaxDepth = 4;

    private readonly SortedDictionary<string, Action<CanonicalJson>> _properties = new(StringComparer.Ordinal);
    private int _depth = 1;

    /// <summary>Adds a string; if it is null, the property is left out.</summary>
    public AuditDetails Add(string name, string? value) => Add(name, json => json.Add(name, value));

    /// <summary>Adds an integer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The integer has more than 53 bits.</exception>
    public AuditDetails Add(string name, long value) =>
        CanonicalJson.IsExact(value)
            ? Add(name, json => json.Add(name, value))
            : throw new ArgumentOutOfRangeException(nameof(value), value, "An integer of details has at most 53 bits.");

    public AuditDetails Add(string name, bool value) => Add(name, json => json.Add(name, value));

    /// <summary>Adds an object, which must be complete.</summary>
    /// <exception cref="ArgumentException">Too many objects would stand in each other.</exception>
    public AuditDetails Add(string name, AuditDetails value)
    {
        _depth = Math.Max(_depth, value._depth + 1);
        if (_depth > MaxDepth)
            throw new ArgumentException($"Of details at most {MaxDepth} objects stand in each other.", nameof(value));
        CanonicalJson nested = value.Json();
        return Add(name, json => json.Add(name, nested));
    }

    /// <summary>The details as canonical JSON (RFC 8785), as an entry has them.</summary>
    /// <exception cref="InvalidOperationException">The text would be longer than <see cref="MaxLength"/>.</exception>
    public override string ToString()
    {
        string text = Json().ToString();
        return text.Length <= MaxLength
            ? text
            : throw new InvalidOperationException($"The details of an audit entry have {text.Length} characters.");
    }

    private AuditDetails Add(string name, Action<CanonicalJson> write)
    {
        _properties.Add(name, write);
        return this;
    }

    private CanonicalJson Json()
    {
        var json = new CanonicalJson();
        foreach (var write in _properties.Values)
            write(json);
        return json;
    }
}
