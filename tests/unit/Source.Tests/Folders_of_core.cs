using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MlsConsole.Source.Tests;

/// <summary>
/// The folders of src/Core stand in one order, and a folder uses only folders below itself: there is no circle, and
/// what a folder needs can be read from top to bottom in docs/architecture.md.
/// </summary>
public class Folders_of_core
{
    private const string Core = "src/Core";
    private const string RootNamespace = "MlsConsole.Core";

    /// <summary>All folders of src/Core, from the bottom to the top.</summary>
    private static readonly IReadOnlyList<Band> s_bands =
    [
        new(
            "Bottom",
            "What every call stands on. No folder of this band knows a feature.\n"
                + "Below the band are the types of src/Core itself, which use no folder.",
            [
                "ConsoleUsers",
                "Storage",
                "Activity",
                "Audit",
                "Rows",
                "Outbox",
                "Calls",
                "RateLimits",
                "Identity",
                "Rollouts",
                "People",
                "Figures",
                "Episodes",
                "Log",
                "Groups",
            ]
        ),
        new(
            "Middle",
            "The features, each with what it knows alone and the few features that it builds upon.",
            [
                "KeyPackages",
                "Devices",
                "Membership",
                "JoinTurns",
                "Approvals",
                "Welcomes",
                "Forks",
                "Rejoins",
                "Proposals",
                "ExternalSenders",
                "Events",
                "Messages",
            ]
        ),
        new(
            "Top",
            "What joins several features into one call or one duty.",
            ["GroupInfos", "Epochs", "Conversations", "ExternalCommits", "Retention", "ServiceInfo"]
        ),
    ];

    private static readonly IReadOnlyList<string> s_order = [.. s_bands.SelectMany(band => band.Folders)];

    private static readonly IReadOnlyList<Parsed> s_files =
    [
        .. SourceFile.CSharpBelow(Core).Select(file => new Parsed(file, FolderOf(file), file.Parse())),
    ];

    /// <summary>The names of the types that each folder declares.</summary>
    private static readonly ILookup<string, string> s_types = s_files
        .Where(file => file.Folder is not null)
        .SelectMany(file =>
            file.Tree.DescendantNodes()
                .Select(node =>
                    node switch
                    {
                        BaseTypeDeclarationSyntax type => type.Identifier.ValueText,
                        DelegateDeclarationSyntax type => type.Identifier.ValueText,
                        _ => null,
                    }
                )
                .Where(name => name is not null)
                .Select(name => (file.Folder, Name: name!))
        )
        .ToLookup(item => item.Folder!, item => item.Name);

    private sealed record Band(string Name, string Meaning, string[] Folders);

    /// <param name="File">The file.</param>
    /// <param name="Folder">The folder of src/Core that holds the file; null for src/Core itself.</param>
    /// <param name="Tree">The syntax tree of the file.</param>
    private sealed record Parsed(SourceFile File, string? Folder, SyntaxNode Tree);

    [Fact]
    public void Each_has_its_place_in_the_order() =>
        Findings.None(
            "A folder of src/Core needs a place in the order that this test holds.",
            s_files.Select(file => file.Folder).OfType<string>().Distinct().Except(s_order)
        );

    [Fact]
    public void Use_only_folders_below_themselves() =>
        Findings.None(
            "A folder of src/Core may use only folders that stand below it in the order that this test holds.",
            s_files
                .Where(file => file.Folder is not null)
                .SelectMany(Uses)
                .Where(use => Height(use.Of) >= Height(use.User))
                .Select(use => $"{use.Place}: {use.User} uses {use.Of}, which stands above it")
        );

    [Fact]
    public void Are_unknown_to_the_types_of_the_root() =>
        Findings.None(
            "A file of src/Core itself may use no folder; CoreServices.cs, which registers the services, may.",
            s_files
                .Where(file => file.Folder is null && file.File.Path != $"{Core}/CoreServices.cs")
                .SelectMany(Uses)
                .Select(use => $"{use.Place}: the root uses {use.Of}")
        );

    [Fact]
    public void Are_used_by_plain_using_directives_alone()
    {
        Findings.None(
            "The using directives of src/Core tell who uses whom: no alias, no global or static or nested directive.",
            s_files.SelectMany(file =>
                file.Tree.DescendantNodes()
                    .OfType<UsingDirectiveSyntax>()
                    .Where(directive =>
                        directive.GlobalKeyword.Span.Length > 0
                        || directive.Parent is not CompilationUnitSyntax
                        || (
                            Named(directive) is not null
                            && (directive.Alias is not null || directive.StaticKeyword.Span.Length > 0)
                        )
                    )
                    .Select(directive => $"{file.File.Place(directive)}: {directive}")
            )
        );
        Assert.DoesNotContain(
            "<Using ",
            string.Join('\n', new SourceFile($"{Core}/Core.csproj").Lines),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Are_never_named_beside_a_type() =>
        Findings.None(
            "The using directives of src/Core tell who uses whom, so no type may be named with its folder.",
            s_files.SelectMany(file =>
                file.Tree.DescendantNodes(descendIntoTrivia: true)
                    .Where(node => IsQualified(node, file.Folder))
                    .Select(node =>
                        $"{file.File.Place(node)}: {file.Folder ?? "the root"} names {node.WithoutTrivia()}"
                    )
            )
        );

    [Theory]
    [InlineData(Core, RootNamespace)]
    [InlineData("src/Host", "MlsConsole.Host")]
    public void Are_namespaces(string project, string rootNamespace) =>
        Findings.None(
            "A namespace is the path of its folder.",
            from file in SourceFile.CSharpBelow(project)
            let folder = Path.GetDirectoryName(file.Path[(project.Length + 1)..])!.Replace('\\', '/')
            let expected = folder.Length == 0 ? rootNamespace : $"{rootNamespace}.{folder.Replace('/', '.')}"
            from declared in file.Parse().DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>()
            where declared.Name.ToString() != expected
            select $"{file.Place(declared)}: {declared.Name} is not {expected}"
        );

    [Fact, Trait("Category", "Tables")]
    public void Stand_in_the_documentation() =>
        DocumentBlock.WriteOrCompare("docs/architecture.md", "folders of Core", Picture());

    /// <summary>For each band, from the top down, a table of its folders and of what each of them uses.</summary>
    private static string Picture()
    {
        var uses = s_files
            .Where(file => file.Folder is not null)
            .SelectMany(Uses)
            .Select(use => (use.User, use.Of))
            .Distinct()
            .ToLookup(use => use.User, use => use.Of);
        var present = s_files.Select(file => file.Folder).ToHashSet();
        return string.Concat(
            s_bands
                .Reverse()
                .Select(band =>
                    $"\n**{band.Name}.** {band.Meaning}\n\n| folder | uses |\n|---|---|\n"
                    + string.Concat(
                        band.Folders.Reverse()
                            .Where(present.Contains)
                            .Select(folder => $"| {folder} | {Names(uses[folder])} |\n")
                    )
                )
        );
    }

    private static string Names(IEnumerable<string> folders) =>
        string.Join(", ", folders.OrderByDescending(Height).DefaultIfEmpty("none"));

    private static IEnumerable<(string User, string Of, string Place)> Uses(Parsed file) =>
        from directive in file.Tree.DescendantNodes().OfType<UsingDirectiveSyntax>()
        let named = Named(directive)
        where named is not null && named != file.Folder
        select (file.Folder ?? "", named, file.File.Place(directive));

    /// <summary>The folder of Core that a using directive names; null if it names none.</summary>
    private static string? Named(UsingDirectiveSyntax directive)
    {
        string name = directive.NamespaceOrType.ToString().Replace("global::", "", StringComparison.Ordinal);
        return name.StartsWith($"{RootNamespace}.", StringComparison.Ordinal) ? name.Split('.')[2] : null;
    }

    /// <summary>
    /// Whether a node is a name that begins with a namespace of ours, or a type of another folder with that folder in
    /// front: <c>Storage.Database</c> compiles anywhere in Core without a using directive.
    /// </summary>
    private static bool IsQualified(SyntaxNode node, string? folder)
    {
        if (node is AliasQualifiedNameSyntax { Alias.Identifier.ValueText: "global" } global)
            return global.Name.Identifier.ValueText == "MlsConsole";
        if (node.Ancestors().Any(outer => outer is UsingDirectiveSyntax) || IsNameOfNamespace(node))
            return false;
        var (left, right) = node switch
        {
            QualifiedNameSyntax name => (name.Left.ToString(), name.Right.Identifier.ValueText),
            MemberAccessExpressionSyntax access => (access.Expression.ToString(), access.Name.Identifier.ValueText),
            QualifiedCrefSyntax { Member: NameMemberCrefSyntax member } reference => (
                reference.Container.ToString(),
                member.Name.ToString()
            ),
            _ => ("", ""),
        };
        if (left is RootNamespace)
            return true;
        string named = left.StartsWith("Core.", StringComparison.Ordinal) ? left["Core.".Length..] : left;
        return named != folder && s_types[named].Contains(right);
    }

    private static bool IsNameOfNamespace(SyntaxNode node) =>
        node.Ancestors().Any(outer => outer is BaseNamespaceDeclarationSyntax space && space.Name.Contains(node));

    private static string? FolderOf(SourceFile file) =>
        file.Path.Split('/') is [_, _, var folder, _, ..] ? folder : null;

    private static int Height(string folder) => s_order.ToList().IndexOf(folder);
}
