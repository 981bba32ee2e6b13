using System.Collections.Immutable;
using System.Reflection;
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
        return CSharpGeneratorDriver
            .Create([new LexiconGenerator().AsSourceGenerator()], files)
            .RunGenerators(CSharpCompilation.Create("test"))
            .GetRunResult();
    }

    /// <summary>What becomes of lexicons, compiled and loaded, as if it stood beside src/Lexicon.</summary>
    internal static Assembly Compile(params string[] lexicons)
    {
        var result = Run(lexicons);
        Assert.Empty(result.Diagnostics);
        string own = typeof(Generating).Assembly.GetName().Name!; // what the readers are made of is open to it
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileNameWithoutExtension(path) != own)
            .Select(path => (MetadataReference)MetadataReference.CreateFromFile(path));
        using var assembly = new MemoryStream();
        var emitted = CSharpCompilation
            .Create(own, result.GeneratedTrees, references, new(OutputKind.DynamicallyLinkedLibrary))
            .Emit(assembly);
        Assert.Empty(emitted.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        return Assembly.Load(assembly.ToArray());
    }

    [Fact]
    public void A_method_becomes_records_and_a_descriptor()
    {
        var result = Run(
            """
            {"lexicon":1,"id":"a.b.doIt","defs":{"main":{"type":"procedure","input":{"encoding":"application/json","schema":{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}},
            "output":{"encoding":"application/json","schema":{"type":"object","properties":{}}},"errors":[{"name":"Bad"}]}}}
            """
        );
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
        var result = Run(
            """{"lexicon":1,"id":"a.b.ask","defs":{"main":{"type":"query","output":{"encoding":"application/json","schema":{"type":"object","properties":{}}}}}}"""
        );
        Assert.Empty(result.Diagnostics);
        Assert.Contains(
            "Query<AskParameters, AskOutput> Ask",
            string.Join("\n", result.GeneratedTrees.Select(tree => tree.ToString())),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("{", "MLSLEX001")]
    [InlineData("[]", "MLSLEX001")]
    [InlineData("""{"lexicon":1,"lexicon":1}""", "MLSLEX001")]
    [InlineData("""{"lexicon":2,"id":"a.b.c","defs":{}}""", "MLSLEX002")]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"blob"}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"object"}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"string","maxGraphemes":3}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"string","format":"did","maxLength":30}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"integer","enum":[1,2]}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","nullable":["y"],"properties":{"y":{"type":"integer"}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"main":{"type":"query","parameters":{"type":"params","properties":{"y":{"type":"array","items":{"type":"integer"}}}},"output":{"encoding":"application/json","schema":{"type":"object","properties":{}}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"main":{"type":"procedure","parameters":{"type":"params","properties":{}},"input":{"encoding":"application/json","schema":{"type":"object","properties":{}}},"output":{"encoding":"application/json","schema":{"type":"object","properties":{}}}}}}""",
        "MLSLEX002"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"ref","ref":"#z"}}}}}""",
        "MLSLEX003"
    )]
    [InlineData(
        """{"lexicon":1,"id":"a.b.c","defs":{"x":{"type":"object","properties":{"y":{"type":"ref","ref":"a.b.d#z"}}}}}""",
        "MLSLEX003"
    )]
    public void A_bad_lexicon_is_a_build_error(string lexicon, string id) =>
        Assert.Equal(id, Assert.Single(Run(lexicon).Diagnostics).Id);

    private sealed class File(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
