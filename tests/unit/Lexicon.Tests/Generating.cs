using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using MlsConsole.Lexicon.Generator;

namespace MlsConsole.Lexicon.Tests;

public class Generating
{
    internal static GeneratorDriverRunResult Run(params string[] lexicons)
    {
        var files = lexicons.Select((text, i) => (AdditionalText)new File($"{i}.json", text)).ToImmutableArray();
        return CSharpGeneratorDriver.Create([new LexiconGenerator().AsSourceGenerator()], files).RunGenerators(CSharpCompilation.Create("test")).GetRunResult();
    }

    [Fact]
    public void A_method_becomes_records_and_a_descriptor()
    {
        var result = Run("""
            {"lexicon":1,"id":"a.b.doIt","defs":{"main":{"type":"procedure","input":{"encoding":"application/json","schema":{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}},
            "output":{"encoding":"application/json","schema":{"type":"object","properties":{}}},"errors":[{"name":"Bad"}]}}}
            """);
        Assert.Empty(result.Diagnostics);
        string all = string.Join("\n", result.GeneratedTrees.Select(tree => tree.ToString()));
        Assert.Contains("public sealed record DoItInput", all, StringComparison.Ordinal);
        Assert.Contains("public required long N { get; init; }", all, StringComparison.Ordinal);
        Assert.Contains("Procedure<DoItInput, DoItOutput> DoIt", all, StringComparison.Ordinal);
        Assert.Contains("[\"Bad\"]", all, StringComparison.Ordinal);
    }

    [Fact]
    public void A_query_needs_no_parameters()
    {
        var result = Run("""{"lexicon":1,"id":"a.b.ask","defs":{"main":{"type":"query","output":{"encoding":"application/json","schema":{"type":"object","properties":{}}}}}}""");
        Assert.Empty(result.Diagnostics);
        Assert.Contains("Query<AskParameters, AskOutput> Ask", string.Join("\n", result.GeneratedTrees.Select(tree => tree.ToString())), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "MLSLEX001")]
    [InlineData("[]", "MLSLEX001")]
    [InlineData("""{"lexicon":1,"lexicon":1}""", "MLSLEX001")]
    [InlineData("""{"lexicon":2,"id":"a.b.c","defs":{}}""", "MLSLEX002")]
    [InlineData("""{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"blob"}}}}}""", "MLSLEX002")]
    [InlineData("""{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"object"}}}}}""", "MLSLEX002")]
    [InlineData("""{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"ref","ref":"#z"}}}}}""", "MLSLEX003")]
    [InlineData("""{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"ref","ref":"a.b.d#z"}}}}}""", "MLSLEX003")]
    public void A_bad_lexicon_is_a_build_error(string lexicon, string id) => Assert.Equal(id, Assert.Single(Run(lexicon).Diagnostics).Id);

    private sealed class File(string path, string text) : AdditionalText
    {
        public override string Path => path;
        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
