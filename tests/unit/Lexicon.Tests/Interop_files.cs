using System.Formats.Cbor;
using System.Text.Json;
using MlsConsole.Tests;

namespace MlsConsole.Lexicon.Tests;

/// <summary>AT Protocol's published files of strings, records and lexicons, by the code that reads ours.</summary>
public sealed class Interop_files
{
    private static readonly Dictionary<string, Func<string, bool>> Syntaxes = new()
    {
        ["atidentifier"] = Formats.IsAtIdentifier, ["aturi"] = Formats.IsAtUri, ["cid"] = Formats.IsCid, ["datetime"] = Formats.IsDateTime, ["did"] = Formats.IsDid,
        ["handle"] = Formats.IsHandle, ["language"] = Formats.IsLanguage, ["nsid"] = Formats.IsNsid, ["recordkey"] = Formats.IsRecordKey, ["tid"] = Formats.IsTid, ["uri"] = Formats.IsUri,
    };

    /// <summary>Every file of the folder, with how many strings it has.</summary>
    public static TheoryData<string, bool, int> Files => new()
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
        var isFormat = Syntaxes[file[..file.IndexOf('_', StringComparison.Ordinal)]];
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
        foreach (var record in records.EnumerateArray()) Decode(DagCbor.Encode(record.GetProperty("json")));
        Assert.Equal(5, records.GetArrayLength());
    }

    [SkippableFact]
    public void Every_record_beside_the_data_model_is_none()
    {
        var records = Interop.Read("data-model/data-model-invalid.json");
        foreach (var record in records.EnumerateArray()) Assert.Throws<LexiconException>(() => DagCbor.Encode(record.GetProperty("json")));
        Assert.Equal(12, records.GetArrayLength());
    }

    [SkippableFact]
    public void Every_lexicon_is_judged_as_published()
    {
        foreach (var (file, valid, count) in (List<(string, bool, int)>)[("lexicon-valid", true, 3), ("lexicon-invalid", false, 7)])
        {
            var lexicons = Interop.Read($"lexicon/{file}.json");
            foreach (var one in lexicons.EnumerateArray())
                Assert.True(valid == (Generating.Run(one.GetProperty("lexicon").GetRawText()).Diagnostics.Length == 0), $"{file}: {one.GetProperty("name")}");
            Assert.Equal(count, lexicons.GetArrayLength());
        }
    }

    private static JsonElement Decode(byte[] cbor)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json)) DagCbor.Read(new CborReader(cbor, CborConformanceMode.Canonical), writer);
        return JsonSerializer.Deserialize<JsonElement>(json.ToArray());
    }
}
