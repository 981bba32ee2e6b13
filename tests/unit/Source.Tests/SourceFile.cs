using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace MlsConsole.Source.Tests;

/// <summary>A text file of the repository.</summary>
/// <param name="Path">The path from the repository's root, with forward slashes.</param>
public sealed record SourceFile(string Path)
{
    private static readonly string[] s_foldersOfOutput =
    [
        ".git",
        ".vs",
        ".idea",
        "artifacts",
        "bin",
        "node_modules",
        "obj",
    ];

    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    private static readonly Lazy<IReadOnlyList<SourceFile>> s_all = new(() =>
        [.. Walk(new(Root)).OrderBy(file => file.Path, StringComparer.Ordinal)]
    );

    /// <summary>All files of the repository, without what a build leaves behind.</summary>
    public static IReadOnlyList<SourceFile> All => s_all.Value;

    /// <summary>Whether a tool has written the file; such a file keeps the tool's form.</summary>
    public bool IsGenerated => Path.Contains("/Migrations/", StringComparison.Ordinal);

    public IReadOnlyList<string> Lines => File.ReadAllText(FullPath).ReplaceLineEndings("\n").Split('\n');

    private string FullPath => System.IO.Path.Combine(Root, Path);

    /// <summary>The C# files below a folder that people write.</summary>
    /// <param name="folder">The folder's path from the repository's root, such as <c>src/Core</c>.</param>
    public static IEnumerable<SourceFile> CSharpBelow(string folder) =>
        All.Where(file =>
            file.Path.StartsWith($"{folder}/", StringComparison.Ordinal)
            && file.Path.EndsWith(".cs", StringComparison.Ordinal)
            && !file.IsGenerated
        );

    public SyntaxNode Parse() => CSharpSyntaxTree.ParseText(File.ReadAllText(FullPath)).GetRoot();

    /// <summary>The file and the line of a part of its syntax tree, such as <c>src/Core/Did.cs:12</c>.</summary>
    public string Place(SyntaxNode node) => Place(node.SpanStart, node.SyntaxTree);

    public string Place(int position, SyntaxTree tree) =>
        $"{Path}:{tree.GetLineSpan(new(position, 0)).StartLinePosition.Line + 1}";

    private static IEnumerable<SourceFile> Walk(DirectoryInfo folder) =>
        folder
            .EnumerateFiles()
            .Select(file => new SourceFile(System.IO.Path.GetRelativePath(Root, file.FullName).Replace('\\', '/')))
            .Concat(
                folder
                    .EnumerateDirectories()
                    .Where(inner => !s_foldersOfOutput.Contains(inner.Name) && inner.LinkTarget is null)
                    .SelectMany(Walk)
            );

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "MlsConsole.sln")))
            folder = folder.Parent;
        return folder?.FullName
            ?? throw new InvalidOperationException("MlsConsole.sln is in no folder above the tests.");
    }
}
