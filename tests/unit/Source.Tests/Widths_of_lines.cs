using System.Text.RegularExpressions;

namespace MlsConsole.Source.Tests;

/// <summary>No line is wider than 120 columns: CSharpier wraps code, but neither comments nor strings.</summary>
public partial class Widths_of_lines
{
    private const int Limit = 120;

    private static readonly HashSet<string> s_endings = [".c", ".cs", ".css", ".h", ".mjs", ".razor", ".sh", ".swift"];

    private static readonly HashSet<string> s_scripts = [".ci/run", "run", "test", "tests/fuzz/run"];

    /// <summary>Documents whose tables tests write; their prose stands in those tests.</summary>
    private static readonly HashSet<string> s_generatedDocuments = ["docs/conformance.md", "docs/validation.md"];

    [Fact]
    public void Of_code() =>
        Findings.None(
            $"A line of code, a comment or a string may have {Limit} columns.",
            SourceFile
                .All.Where(file =>
                    !file.IsGenerated
                    && (s_endings.Contains(Path.GetExtension(file.Path)) || s_scripts.Contains(file.Path))
                )
                .SelectMany(file => TooWide(file, file.Lines.Index()))
        );

    [Fact]
    public void Of_prose() =>
        Findings.None(
            $"A line of prose in Markdown may have {Limit} columns.",
            SourceFile
                .All.Where(file =>
                    file.Path.EndsWith(".md", StringComparison.Ordinal) && !s_generatedDocuments.Contains(file.Path)
                )
                .SelectMany(file => TooWide(file, Prose(file.Lines)))
        );

    private static IEnumerable<string> TooWide(SourceFile file, IEnumerable<(int Index, string Item)> lines) =>
        lines
            .Where(line => line.Item.EnumerateRunes().Count() > Limit)
            .Select(line => $"{file.Path}:{line.Index + 1}: {line.Item.EnumerateRunes().Count()} columns");

    /// <summary>
    /// The lines of a Markdown document without those that cannot be wrapped: code between fences, tables, definitions
    /// of links, lines that are one link, and HTML comments.
    /// </summary>
    private static IEnumerable<(int Index, string Item)> Prose(IReadOnlyList<string> lines)
    {
        bool inCode = false,
            inComment = false;
        foreach (var (index, line) in lines.Index())
        {
            string text = line.TrimStart();
            bool isFence = text.StartsWith("```", StringComparison.Ordinal);
            inCode ^= isFence;
            inComment |= text.StartsWith("<!--", StringComparison.Ordinal);
            if (!inCode && !isFence && !inComment && !text.StartsWith('|') && !Link().IsMatch(text))
                yield return (index, line);
            inComment &= !text.Contains("-->", StringComparison.Ordinal);
        }
    }

    /// <summary>The definition of a link, or a line or an item of a list that is one link.</summary>
    [GeneratedRegex(@"^(\[[^\]]+\]: .*|([-*] |\d+\. )?(\[[^\]]*\]\([^)]*\)|<?https?://\S+>?)[.,;:]?)$")]
    private static partial Regex Link();
}
