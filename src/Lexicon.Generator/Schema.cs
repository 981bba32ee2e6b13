using System.Text.RegularExpressions;

namespace MlsConsole.Lexicon.Generator;

/// <summary>A lexicon file.</summary>
internal sealed class LexiconDocument
{
    public LexiconDocument(string path, string id, Dictionary<string, object?> definitions) =>
        (Path, Id, Definitions) = (path, id, definitions);

    public string Path { get; }
    public string Id { get; }
    public Dictionary<string, object?> Definitions { get; }

    /// <summary>The last segment of the NSID, for example <c>processExternalCommit</c>.</summary>
    public string LastSegment => Id.Substring(Id.LastIndexOf('.') + 1);

    /// <summary>The last segment of the NSID, with its first letter in upper case.</summary>
    public string Name => Names.Pascal(LastSegment);

    /// <summary>Whether the main definition of the file is a method.</summary>
    public bool IsMethod => MainType is "procedure" or "query" or "subscription";

    public bool IsSubscription => MainType == "subscription";

    /// <summary>The description of the file's main definition, or null.</summary>
    public string? Description => Definitions.ObjectOrNull("main")?.TextOrNull("description");

    /// <summary>The names of the errors that the main definition of the file, a method, declares.</summary>
    public IEnumerable<string> ErrorNames =>
        Definitions
            .Object("main")
            .List("errors")
            .OfType<Dictionary<string, object?>>()
            .Select(error => error.Text("name"));

    private string? MainType => Definitions.ObjectOrNull("main")?.TextOrNull("type");

    /// <summary>The name of the C# record that is made of a definition of this file.</summary>
    /// <remarks>
    /// The messages of a subscription have short names, like "commit" and "info": the name of their record begins
    /// with that of the method.
    /// </remarks>
    public string RecordOf(string definition) =>
        IsSubscription ? Name + Names.Pascal(definition) : Names.Pascal(definition);
}

/// <summary>All lexicon files, so that references can be followed.</summary>
internal sealed class Schema
{
    private readonly SortedDictionary<string, LexiconDocument> _documents = new SortedDictionary<
        string,
        LexiconDocument
    >(System.StringComparer.Ordinal);

    public IEnumerable<LexiconDocument> Documents => _documents.Values;

    public void Add(string path, Dictionary<string, object?> json)
    {
        if (!(json.TryGetValue("lexicon", out object? version) && version is double and 1))
            throw new LexiconError(Diagnostics.Unsupported, "only lexicon version 1");
        string id = json.Text("id");
        if (!Names.IsNsid(id))
            throw new LexiconError(Diagnostics.Unsupported, $"'{id}' is no NSID");
        if (_documents.ContainsKey(id))
            throw new LexiconError(Diagnostics.Unsupported, $"'{id}' is defined twice");
        _documents.Add(id, new LexiconDocument(path, id, json.Object("defs")));
    }

    /// <summary>The name of the C# record of the object to which a reference leads.</summary>
    /// <exception cref="LexiconError">There is no such definition, or it is not an object.</exception>
    public string RecordOf(string reference, LexiconDocument from)
    {
        int hash = reference.IndexOf('#');
        string id = hash < 0 ? reference : reference.Substring(0, hash),
            name = hash < 0 ? "main" : reference.Substring(hash + 1);
        if (id.Length == 0)
            id = from.Id;
        if (
            !_documents.TryGetValue(id, out var document)
            || !(
                document.Definitions.TryGetValue(name, out object? definition)
                && definition is Dictionary<string, object?> target
            )
        )
            throw new LexiconError(Diagnostics.UnknownReference, reference);
        if (target.Text("type") != "object")
            throw new LexiconError(
                Diagnostics.Unsupported,
                $"a reference to a definition of type {target.Text("type")} ({reference})"
            );
        return document.RecordOf(name);
    }
}

internal static class Names
{
    public static bool IsNsid(string id) =>
        Regex.IsMatch(
            id,
            @"\A[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+"
                + @"\.[a-zA-Z][a-zA-Z0-9]{0,62}\z"
        );

    public static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name.Substring(1);

    public static string Text(this Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? value) && value is string text
            ? text
            : throw new LexiconError(Diagnostics.Unsupported, $"'{name}' is missing or no string");

    /// <summary>Requires that a schema has a type.</summary>
    /// <exception cref="LexiconError">The schema has another type.</exception>
    public static void Require(this Dictionary<string, object?> json, string type)
    {
        if (json.Text("type") != type)
            throw new LexiconError(Diagnostics.Unsupported, $"type {json.Text("type")} where {type} has to be");
    }

    /// <summary>Requires that a schema has no keywords but these, its type and its description.</summary>
    /// <exception cref="LexiconError">The schema has another keyword.</exception>
    public static void Allow(this Dictionary<string, object?> json, string where, params string[] keywords)
    {
        foreach (string keyword in json.Keys)
            if (keyword is not ("type" or "description") && !keywords.Contains(keyword))
                throw new LexiconError(Diagnostics.Unsupported, $"'{keyword}' of {where}");
    }

    /// <summary>The text as it stands in an XML documentation comment of one line.</summary>
    public static string Escape(string? text) =>
        (text ?? "").Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\n", " ");

    public static string Quoted(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";

    public static string? TextOrNull(this Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? value) ? value as string : null;

    public static Dictionary<string, object?> Object(this Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? value) && value is Dictionary<string, object?> result
            ? result
            : throw new LexiconError(Diagnostics.Unsupported, $"'{name}' is missing or no object");

    public static Dictionary<string, object?>? ObjectOrNull(this Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? value) ? value as Dictionary<string, object?> : null;

    public static IReadOnlyList<object?> List(this Dictionary<string, object?> json, string name) =>
        json.TryGetValue(name, out object? value) && value is List<object?> list
            ? list
            : (IReadOnlyList<object?>)System.Array.Empty<object?>();

    public static string Long(this Dictionary<string, object?> json, string name, string otherwise) =>
        json.TryGetValue(name, out object? value) && value is double number
            ? ((long)number).ToString(System.Globalization.CultureInfo.InvariantCulture) + "L"
            : otherwise;

    public static bool Requires(this Dictionary<string, object?> json, string property) =>
        json.List("required").OfType<string>().Contains(property);
}
