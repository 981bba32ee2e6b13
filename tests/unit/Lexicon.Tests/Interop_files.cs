using System.Formats.Cbor;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MlsConsole.Tests;

namespace MlsConsole.Lexicon.Tests;

/// <summary>AT Protocol's published files of strings, records and lexicons, by the code that reads ours.</summary>
public sealed class Interop_files
{
    private static readonly Dictionary<string, Func<string, bool>> s_syntaxes = new()
    {
        ["atidentifier"] = Formats.IsAtIdentifier,
        ["aturi"] = Formats.IsAtUri,
        ["cid"] = Formats.IsCid,
        ["datetime"] = Formats.IsDateTime,
        ["did"] = Formats.IsDid,
        ["handle"] = Formats.IsHandle,
        ["language"] = Formats.IsLanguage,
        ["nsid"] = Formats.IsNsid,
        ["recordkey"] = Formats.IsRecordKey,
        ["tid"] = Formats.IsTid,
        ["uri"] = Formats.IsUri,
    };

    /// <summary>Every file of the folder, with how many strings it has.</summary>
    public static TheoryData<string, bool, int> Files =>
        new()
        {
            { "atidentifier_syntax_invalid", false, 22 },
            { "atidentifier_syntax_valid", true, 11 },
            { "aturi_syntax_invalid", false, 72 },
            { "aturi_syntax_valid", true, 23 },
            { "cid_syntax_invalid", false, 10 },
            { "cid_syntax_valid", true, 8 },
            { "datetime_parse_invalid", false, 7 },
            { "datetime_syntax_invalid", false, 45 },
            { "datetime_syntax_valid", true, 35 },
            { "did_syntax_invalid", false, 18 },
            { "did_syntax_valid", true, 24 },
            { "handle_syntax_invalid", false, 48 },
            { "handle_syntax_valid", true, 71 },
            { "language_parse_invalid", false, 4 },
            { "language_syntax_invalid", false, 7 },
            { "language_syntax_valid", true, 18 },
            { "nsid_syntax_invalid", false, 27 },
            { "nsid_syntax_valid", true, 25 },
            { "recordkey_syntax_invalid", false, 11 },
            { "recordkey_syntax_valid", true, 16 },
            { "tid_syntax_invalid", false, 9 },
            { "tid_syntax_valid", true, 4 },
            { "uri_syntax_invalid", false, 12 },
            { "uri_syntax_valid", true, 9 },
        };

    [SkippableTheory, MemberData(nameof(Files))]
    public void Every_string_is_judged_as_published(string file, bool valid, int count)
    {
        var lines = Interop.Lines($"syntax/{file}.txt");
        Assert.Equal(count, lines.Count);
        var isFormat = s_syntaxes[file[..file.IndexOf('_', StringComparison.Ordinal)]];
        Assert.Equal([], lines.Where(line => isFormat(line) != valid));
    }

    [SkippableFact]
    public void Every_record_has_the_published_encoding_and_cid()
    {
        int read = 0;
        foreach (var fixture in Interop.Read("data-model/data-model-fixtures.json").EnumerateArray())
        {
            byte[] cbor = Formats.Base64(fixture.GetProperty("cbor_base64").GetString()!, "");
            Assert.Equal(Convert.ToHexString(cbor), Convert.ToHexString(DagCbor.Encode(fixture.GetProperty("json"))));
            Assert.Equal(fixture.GetProperty("cid").GetString(), DagCbor.CidOf(cbor));
            Assert.True(JsonElement.DeepEquals(fixture.GetProperty("json"), Decode(cbor)));
            read++;
        }
        Assert.Equal(3, read);
    }

    [SkippableFact]
    public void Every_record_of_the_data_model_is_one()
    {
        var records = Interop.Read("data-model/data-model-valid.json");
        foreach (var record in records.EnumerateArray())
            Decode(DagCbor.Encode(record.GetProperty("json")));
        Assert.Equal(5, records.GetArrayLength());
    }

    [SkippableFact]
    public void Every_record_beside_the_data_model_is_none()
    {
        var records = Interop.Read("data-model/data-model-invalid.json");
        foreach (var record in records.EnumerateArray())
            Assert.Throws<LexiconException>(() => DagCbor.Encode(record.GetProperty("json")));
        Assert.Equal(12, records.GetArrayLength());
    }

    [SkippableFact]
    public void Every_lexicon_is_judged_as_published()
    {
        foreach (
            var (file, valid, count) in (List<(string, bool, int)>)
                [("lexicon-valid", true, 3), ("lexicon-invalid", false, 7)]
        )
        {
            var lexicons = Interop.Read($"lexicon/{file}.json");
            foreach (var one in lexicons.EnumerateArray())
                Assert.True(
                    valid == (Generating.Run(one.GetProperty("lexicon").GetRawText()).Diagnostics.Length == 0),
                    $"{file}: {one.GetProperty("name")}"
                );
            Assert.Equal(count, lexicons.GetArrayLength());
        }
    }

    /// <summary>
    /// The files of the catalog: each of them is compiled, or is refused for the first thing in it that methods here
    /// cannot have.
    /// </summary>
    [SkippableTheory]
    [InlineData("permission-set", null)]
    [InlineData("procedure", "'parameters' of a procedure")]
    [InlineData("query", "a parameter of type array ('array')")]
    [InlineData("record", null)]
    [InlineData("subscription", null)]
    public void Every_lexicon_of_the_catalog_is_compiled_or_refused_by_name(string file, string? refused)
    {
        string lexicon = Interop.Read($"lexicon/catalog/{file}.json").GetRawText();
        if (refused is null)
            Generating.Compile(lexicon);
        else
            Assert.EndsWith(
                refused,
                Assert
                    .Single(Generating.Run(lexicon).Diagnostics, diagnostic => diagnostic.Id == "MLSLEX002")
                    .GetMessage(null),
                StringComparison.Ordinal
            );
    }

    /// <summary>Why a method here cannot have some of the catalog's properties. It can have all others.</summary>
    private static readonly Dictionary<string, string> s_refusedProperties = new()
    {
        ["nullableString"] = "'nullable' of an object",
        ["bytes"] = "type bytes",
        ["cid-link"] = "type cid-link",
        ["blob"] = "type blob",
        ["unknown"] = "type unknown",
        ["object"] = "type object",
        ["union"] = "type union",
        ["constInteger"] = "'const' of 'constInteger'",
        ["enumInteger"] = "'enum' of 'enumInteger'",
        ["graphemeString"] = "'minGraphemes' of 'graphemeString'",
        ["sizeBytes"] = "type bytes",
        ["sizeBlob"] = "type blob",
        ["acceptBlob"] = "type blob",
        ["closedUnion"] = "type union",
    };

    /// <summary>
    /// Nothing here reads records. So the record data is read by the reader of a procedure's input, which has those
    /// properties of the catalog's record that a method here can have.
    /// </summary>
    [SkippableFact]
    public void Record_data_is_judged_as_published_as_far_as_methods_have_its_types()
    {
        string record = Interop.Read("lexicon/catalog/record.json").GetRawText();
        JsonObject schema = JsonNode.Parse(record)!["defs"]!["main"]!["record"]!.AsObject();
        string[] properties = [.. schema["properties"]!.AsObject().Select(property => property.Key)];
        Assert.Empty(s_refusedProperties.Keys.Except(properties));
        foreach (string property in properties)
        {
            var diagnostics = Generating.Run(record, Procedure(schema, [property])).Diagnostics;
            if (!s_refusedProperties.TryGetValue(property, out string? refused))
                Assert.Empty(diagnostics);
            else
                Assert.Contains(
                    refused,
                    Assert.Single(diagnostics, diagnostic => diagnostic.Id == "MLSLEX002").GetMessage(null),
                    StringComparison.Ordinal
                );
        }

        string[] served = [.. properties.Except(s_refusedProperties.Keys)];
        var lexicons = Generating.Compile(record, Procedure(schema, served)).GetType("MlsConsole.Lexicon.Lexicons")!;
        object procedure = lexicons.GetProperty("Judge")!.GetValue(null)!;
        var read = procedure.GetType().GetMethod("ReadInput")!.CreateDelegate<ReadInput>(procedure);
        foreach (var one in Interop.Read("lexicon/record-data-valid.json").EnumerateArray())
            read(Encoding.UTF8.GetBytes(one.GetProperty("data").GetRawText()));
        int judged = 0;
        var invalid = Interop.Read("lexicon/record-data-invalid.json");
        foreach (var one in invalid.EnumerateArray())
        {
            var data = one.GetProperty("data");
            if (data.EnumerateObject().Any(property => s_refusedProperties.ContainsKey(property.Name)))
                continue;
            Assert.Throws<LexiconException>(() => read(Encoding.UTF8.GetBytes(data.GetRawText())));
            judged++;
        }
        Assert.Equal((26, 50), (judged, invalid.GetArrayLength()));
    }

    private delegate object ReadInput(ReadOnlySpan<byte> json);

    /// <summary>The lexicon of a procedure that takes some properties of a record.</summary>
    private static string Procedure(JsonObject record, IReadOnlyList<string> properties)
    {
        JsonObject input = new() { ["type"] = "object" };
        foreach (string list in (string[])["required", "nullable"])
            if (
                record[list]!.AsArray().Select(name => name!.GetValue<string>()).Intersect(properties).ToList() is
                { Count: > 0 } names
            )
                input[list] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]);
        input["properties"] = new JsonObject(
            properties.Select(name => KeyValuePair.Create(name, record["properties"]![name]?.DeepClone()))
        );
        JsonObject Body(JsonObject schema) => new() { ["encoding"] = "application/json", ["schema"] = schema };
        return new JsonObject
        {
            ["lexicon"] = 1,
            ["id"] = "example.lexicon.judge",
            ["defs"] = new JsonObject
            {
                ["main"] = new JsonObject
                {
                    ["type"] = "procedure",
                    ["input"] = Body(input),
                    ["output"] = Body(new() { ["type"] = "object", ["properties"] = new JsonObject() }),
                },
            },
        }.ToJsonString();
    }

    private static JsonElement Decode(byte[] cbor)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
            DagCbor.Read(new CborReader(cbor, CborConformanceMode.Canonical), writer);
        return JsonSerializer.Deserialize<JsonElement>(json.ToArray());
    }
}
