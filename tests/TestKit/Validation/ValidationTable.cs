using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>
/// Writes the chapters of docs/validation.md that are tables of rules: each rule, where the source checks it, and the
/// cases that break it.
/// </summary>
public static class ValidationTable
{
    /// <summary>The folder of the solution.</summary>
    public static string Repository { get; } = RepositoryRoot.Path;

    private static string Page => Path.Combine(Repository, "docs", "validation.md");

    /// <summary>
    /// Where the C# in a folder uses the members of a class: for each member, <c>Folder/File.cs: Method, Method</c> in
    /// the order of the files.
    /// </summary>
    public static ILookup<string, string> Uses(string folder, string className) =>
        Directory
            .EnumerateFiles(Path.Combine(Repository, folder), "*.cs", SearchOption.AllDirectories)
            .Select(path =>
                (Path: path, Name: Path.GetRelativePath(Path.Combine(Repository, folder), path).Replace('\\', '/'))
            )
            .Where(file => !file.Name.StartsWith("obj/", StringComparison.Ordinal))
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .SelectMany(file =>
                CSharpSyntaxTree
                    .ParseText(File.ReadAllText(file.Path))
                    .GetRoot()
                    .DescendantNodes()
                    .OfType<MemberAccessExpressionSyntax>()
                    .Where(use =>
                        use.Expression is IdentifierNameSyntax owner && owner.Identifier.ValueText == className
                    )
                    .GroupBy(use => use.Name.Identifier.ValueText, MethodOf)
                    .Select(uses => (Member: uses.Key, Place: $"{file.Name}: {string.Join(", ", uses.Distinct())}"))
            )
            .ToLookup(use => use.Member, use => use.Place);

    private static string MethodOf(SyntaxNode node) =>
        node.Ancestors().OfType<MemberDeclarationSyntax>().First() switch
        {
            MethodDeclarationSyntax method => method.Identifier.ValueText,
            PropertyDeclarationSyntax property => property.Identifier.ValueText,
            ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
            BaseFieldDeclarationSyntax field => field.Declaration.Variables[0].Identifier.ValueText,
            var other => other.Kind().ToString(),
        };

    /// <summary>
    /// The rules that are public fields of a class, with the names of the fields, in the order of the RFC's sections.
    /// </summary>
    public static IReadOnlyList<(string Field, Rule Rule)> RulesOf(Type type) =>
        [
            .. type.GetFields()
                .Where(field => field.FieldType == typeof(Rule))
                .Select(field => (field.Name, Rule: (Rule)field.GetValue(null)!))
                .OrderBy(item => item.Rule.Section, Comparer<string>.Create(BySection))
                .ThenBy(item => item.Rule.Id, StringComparer.Ordinal),
        ];

    private static int BySection(string one, string other)
    {
        static int[] Parts(string section) => [.. section[1..].Split('.').Select(int.Parse)];
        return Parts(one).AsSpan().SequenceCompareTo(Parts(other));
    }

    /// <summary>One row of Markdown; lines of a cell stand below each other.</summary>
    public static string Row(params IEnumerable<string>[] cells)
    {
        var row = new StringBuilder("|");
        foreach (var cell in cells)
            row.Append(' ')
                .AppendJoin("<br>", cell.Select(line => line.Replace("|", "\\|", StringComparison.Ordinal)))
                .Append(" |");
        return row.Append('\n').ToString();
    }

    /// <summary>The lines of a chapter of the page that are rows of its table, as cells.</summary>
    public static IReadOnlyList<string[]> RowsOf(string heading) =>
        [
            .. Chapter(heading)
                .Match(Read())
                .Value.Split('\n')
                .Where(line => line.StartsWith('|'))
                .Skip(2)
                .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries)),
        ];

    /// <summary>
    /// Writes the chapter if MLSCONSOLE_TABLES is "write", to which <c>./test --rules</c> sets it; otherwise compares
    /// it with the page.
    /// </summary>
    public static void WriteOrCompare(string heading, string text)
    {
        string page = Read(),
            chapter = $"\n{text}\n";
        var found = Chapter(heading).Match(page);
        Assert.True(found.Success, $"docs/validation.md has no chapter \"{heading}\".");
        if (Environment.GetEnvironmentVariable("MLSCONSOLE_TABLES") == "write")
            File.WriteAllText(Page, $"{page[..found.Index]}{chapter}{page[(found.Index + found.Length)..]}");
        else
            Assert.True(
                found.Value == chapter,
                $"docs/validation.md, \"{heading}\", is not that of this code: run ./test --rules."
            );
    }

    private static string Read() => File.ReadAllText(Page).ReplaceLineEndings("\n");

    private static Regex Chapter(string heading) =>
        new($@"(?<=^## {Regex.Escape(heading)}\n).*?(?=^## |\z)", RegexOptions.Multiline | RegexOptions.Singleline);
}
