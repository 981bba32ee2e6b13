namespace MlsConsole.Lexicon.Generator;

/// <summary>One property of an object or one query parameter: its C# type and how it is read and written.</summary>
internal sealed class Property
{
    /// <summary>
    /// The string formats whose values stay strings in C#, each with the method of <c>Formats</c> that checks it.
    /// </summary>
    private static readonly Dictionary<string, string> s_formats = new Dictionary<string, string>(
        StringComparer.Ordinal
    )
    {
        ["handle"] = "IsHandle",
        ["at-identifier"] = "IsAtIdentifier",
        ["nsid"] = "IsNsid",
        ["record-key"] = "IsRecordKey",
        ["tid"] = "IsTid",
        ["cid"] = "IsCid",
        ["at-uri"] = "IsAtUri",
        ["uri"] = "IsUri",
        ["language"] = "IsLanguage",
    };

    /// <summary>
    /// The keywords that a schema of each type may have. A keyword that the generated code would not heed must not be
    /// in a lexicon either.
    /// </summary>
    private static readonly Dictionary<string, string[]> s_keywords = new Dictionary<string, string[]>(
        StringComparer.Ordinal
    )
    {
        ["string"] = ["minLength", "maxLength", "enum", "knownValues"],
        ["format"] = ["format"],
        ["integer"] = ["minimum", "maximum", "default"],
        ["boolean"] = ["default"],
        ["ref"] = ["ref"],
        ["array"] = ["items", "minLength", "maxLength"],
    };

    private readonly Dictionary<string, object?> _schema;
    private readonly string _kind;
    private readonly Property? _items;

    private Property(
        string json,
        Dictionary<string, object?> schema,
        bool required,
        string kind,
        string type,
        Property? items
    )
    {
        (Json, _schema, Required, _kind, Type, _items) = (json, schema, required, kind, type, items);
        Name = Names.Pascal(json);
    }

    public string Json { get; }
    public string Name { get; }

    /// <summary>The name of the local variable for the value.</summary>
    public string Local => "_" + Json;
    public bool Required { get; }
    public string Type { get; }
    public string? Description => _schema.TextOrNull("description");
    public bool HasDefault => _schema.ContainsKey("default");
    public string Default =>
        _schema["default"] switch
        {
            bool value => value ? "true" : "false",
            double => _schema.Long("default", ""),
            _ => throw new LexiconError(Diagnostics.Unsupported, $"the default of '{Json}'"),
        };

    public static Property Of(
        string json,
        Dictionary<string, object?> schema,
        bool required,
        Schema all,
        LexiconDocument document
    )
    {
        string type = schema.Text("type");
        if (
            s_keywords.TryGetValue(
                type == "string" && schema.ContainsKey("format") ? "format" : type,
                out string[]? keywords
            )
        )
            schema.Allow($"'{json}'", keywords);
        switch (type)
        {
            case "string":
                string? format = schema.TextOrNull("format");
                if (format is not (null or "did" or "datetime") && !s_formats.ContainsKey(format))
                    throw new LexiconError(Diagnostics.Unsupported, $"format {format} of '{json}'");
                return new Property(
                    json,
                    schema,
                    required,
                    format ?? "string",
                    format == "datetime" ? "DateTimeOffset" : "string",
                    null
                );
            case "integer":
                return new Property(json, schema, required, type, "long", null);
            case "boolean":
                return new Property(json, schema, required, type, "bool", null);
            case "ref":
                return new Property(json, schema, required, type, all.RecordOf(schema.Text("ref"), document), null);
            case "array":
                var items = Of(json, schema.Object("items"), true, all, document);
                return new Property(json, schema, required, type, $"IReadOnlyList<{items.Type}>", items);
            default:
                throw new LexiconError(
                    Diagnostics.Unsupported,
                    $"type {type} of '{json}' (inline objects are not allowed: use a ref)"
                );
        }
    }

    /// <summary>The expression that reads the value at the current position of a variable <c>reader</c>.</summary>
    /// <param name="path">The expression of the place in the input, for messages.</param>
    public string ReadExpression(string path) =>
        _kind switch
        {
            "string" => Listed($"JsonInput.String(ref reader, {path}, {Bounds("minLength", "maxLength")})", path),
            "did" => $"JsonInput.Did(ref reader, {path})",
            "datetime" => $"JsonInput.DateTime(ref reader, {path})",
            "integer" => $"JsonInput.Integer(ref reader, {path}, {Bounds("minimum", "maximum")})",
            "boolean" => $"JsonInput.Boolean(ref reader, {path})",
            "ref" => $"{Type}.Read(ref reader, {path})",
            _ when s_formats.TryGetValue(_kind, out string? check) =>
                $"JsonInput.Formatted(ref reader, {path}, \"{_kind}\", Formats.{check})",
            _ => $"JsonInput.Array(ref reader, {path}, {Bounds("minLength", "maxLength")}, "
                + $"static (ref Utf8JsonReader reader, string item) => {_items!.ReadExpression("item")})",
        };

    /// <summary>The statement that writes a value to a variable <c>writer</c>.</summary>
    public string WriteStatement(string value) =>
        _kind switch
        {
            "string" or "did" => $"writer.WriteStringValue({value});",
            "datetime" => $"writer.WriteStringValue(Formats.DateTime({value}));",
            "integer" => $"writer.WriteNumberValue({value});",
            "boolean" => $"writer.WriteBooleanValue({value});",
            "ref" => $"{value}.Write(writer);",
            _ when s_formats.ContainsKey(_kind) => $"writer.WriteStringValue({value});",
            _ => $"writer.WriteStartArray(); foreach (var item in {value}) {{ {_items!.WriteStatement("item")} }} "
                + "writer.WriteEndArray();",
        };

    /// <summary>The expression that reads a query parameter from a variable <c>input</c>.</summary>
    public string ParameterExpression()
    {
        string read = _kind switch
        {
            "string" => Listed($"input.String(\"{Json}\", {Bounds("minLength", "maxLength")})", $"\"{Json}\""),
            "did" => $"input.Did(\"{Json}\")",
            "integer" => $"input.Integer(\"{Json}\", {Bounds("minimum", "maximum")})",
            "boolean" => $"input.Boolean(\"{Json}\")",
            _ when s_formats.TryGetValue(_kind, out string? check) =>
                $"input.Formatted(\"{Json}\", \"{_kind}\", Formats.{check})",
            _ => throw new LexiconError(Diagnostics.Unsupported, $"a parameter of type {_kind} ('{Json}')"),
        };
        if (HasDefault)
            return $"{read} ?? {Default}";
        return Required ? $"{read} ?? throw JsonInput.Missing(\"\", \"{Json}\")" : read;
    }

    /// <summary>
    /// Checks that a string which was read is one of the values of the schema's <c>enum</c>, if it has one.
    /// </summary>
    private string Listed(string read, string path)
    {
        if (!_schema.ContainsKey("enum"))
            return read;
        var values = _schema
            .List("enum")
            .Select(value => value is string text ? Names.Quoted(text) : throw NoStrings());
        return $"JsonInput.Listed({read}, {path}, [{string.Join(", ", values)}])";

        LexiconError NoStrings() => new LexiconError(Diagnostics.Unsupported, $"the enum of '{Json}'");
    }

    /// <summary>The arguments for the smallest and the greatest value or length.</summary>
    private string Bounds(string minimum, string maximum) =>
        _schema.Long(minimum, minimum == "minimum" ? "-JsonInput.MaxInteger" : "0L")
        + ", "
        + _schema.Long(maximum, "JsonInput.MaxInteger");
}
