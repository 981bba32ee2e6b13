using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace MlsConsole.Source.Tests;

/// <summary>A file of src and a method of src are short enough to be read at once.</summary>
public class Sizes_of_files_and_methods
{
    private const int LinesOfFile = 400;
    private const int LinesOfMethod = 60;

    /// <summary>What may be longer, as <c>path</c> or <c>path: method</c>, with the reason.</summary>
    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["src/Mls/Crypto/CipherSuite.Table.cs: Table"] = "It is a table: one entry of the same form for each suite.",
        ["src/Host/Live/EventFrames.cs: MessageOf"] =
            "It is a table: one record of the lexicon for each kind of event.",
    };

    [Fact]
    public void Files() =>
        Findings.None(
            $"A file of src may have {LinesOfFile} lines.",
            SourceFile
                .All.Where(file =>
                    file.Path.StartsWith("src/", StringComparison.Ordinal)
                    && Path.GetExtension(file.Path) is ".cs" or ".razor"
                    && !file.IsGenerated
                    && !s_exceptions.ContainsKey(file.Path)
                )
                // The text after the last line's end is no line.
                .Select(file => (file.Path, Count: file.Lines.Count - 1))
                .Where(file => file.Count > LinesOfFile)
                .Select(file => $"{file.Path}: {file.Count} lines")
        );

    [Fact]
    public void Methods() =>
        Findings.None(
            $"A method, a constructor or a local function of src may have {LinesOfMethod} lines.",
            from file in SourceFile.CSharpBelow("src")
            from method in MethodsOf(file.Parse())
            where method.Lines > LinesOfMethod && !s_exceptions.ContainsKey($"{file.Path}: {method.Name}")
            select $"{file.Place(method.Node)}: {method.Name} has {method.Lines} lines"
        );

    private static IEnumerable<(string Name, SyntaxNode Node, int Lines)> MethodsOf(SyntaxNode root)
    {
        foreach (var node in root.DescendantNodes())
        {
            string? name = node switch
            {
                MethodDeclarationSyntax method => method.Identifier.ValueText,
                ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
                LocalFunctionStatementSyntax function => function.Identifier.ValueText,
                BaseMethodDeclarationSyntax other => other.Kind().ToString(),
                BasePropertyDeclarationSyntax property => property switch
                {
                    PropertyDeclarationSyntax named => named.Identifier.ValueText,
                    _ => property.Kind().ToString(),
                },
                _ => null,
            };
            if (name is not null)
                yield return (name, node, Lines(node.SyntaxTree, FirstToken(node).SpanStart, node.Span.End));
        }
        // The statements of a program without a class are one method.
        var statements = root.ChildNodes().OfType<GlobalStatementSyntax>().ToList();
        if (statements.Count > 0)
            yield return (
                "the program",
                statements[0],
                Lines(root.SyntaxTree, statements[0].SpanStart, statements[^1].Span.End)
            );
    }

    /// <summary>The first token behind the attributes.</summary>
    private static SyntaxToken FirstToken(SyntaxNode node) =>
        node.ChildNodesAndTokens()
            .Where(child => !child.IsKind(SyntaxKind.AttributeList))
            .Select(child => child.IsToken ? child.AsToken() : child.AsNode()!.GetFirstToken())
            .First();

    private static int Lines(SyntaxTree tree, int start, int end)
    {
        var span = tree.GetLineSpan(TextSpan.FromBounds(start, end));
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }
}
