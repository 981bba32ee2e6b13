using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MlsConsole.Source.Tests;

/// <summary>A method of src that returns a task, or a sequence of tasks, has a name that ends in Async.</summary>
public class Names_of_asynchronous_methods
{
    /// <summary>What has another name, as <c>Class.Method</c>, with the reason.</summary>
    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["MlsClient.Call"] = "It is public in the published client.",
    };

    [Fact]
    public void End_in_async() =>
        Findings.None(
            "A method that returns a task has a name that ends in Async.",
            from file in SourceFile.CSharpBelow("src")
            from method in file.Parse().DescendantNodes().Select(Asynchronous).OfType<Method>()
            where !method.Name.EndsWith("Async", StringComparison.Ordinal)
            where !s_exceptions.ContainsKey($"{TypeOf(method.Node)?.Identifier.ValueText}.{method.Name}")
            select $"{file.Place(method.Node)}: {method.Name}"
        );

    private sealed record Method(string Name, SyntaxNode Node);

    /// <summary>
    /// A method or a local function that returns a task and chooses its own name: no override, no explicit
    /// implementation, no entry point of a program and no method of a hub, whose name is that of the message.
    /// </summary>
    private static Method? Asynchronous(SyntaxNode node) =>
        node switch
        {
            MethodDeclarationSyntax method
                when IsTask(method.ReturnType)
                    && !method.Modifiers.Any(SyntaxKind.OverrideKeyword)
                    && method.ExplicitInterfaceSpecifier is null
                    && method.Identifier.ValueText != "Main"
                    && !IsHub(TypeOf(method)) => new(method.Identifier.ValueText, method),
            LocalFunctionStatementSyntax function when IsTask(function.ReturnType) => new(
                function.Identifier.ValueText,
                function
            ),
            _ => null,
        };

    private static bool IsTask(TypeSyntax type) =>
        (type is NullableTypeSyntax nullable ? nullable.ElementType : type)
            is SimpleNameSyntax { Identifier.ValueText: "Task" or "ValueTask" or "IAsyncEnumerable" };

    private static bool IsHub(TypeDeclarationSyntax? type) =>
        type?.BaseList?.Types.Any(item =>
            item.Type is SimpleNameSyntax { Identifier.ValueText: "Hub" } && type is ClassDeclarationSyntax
        ) == true;

    private static TypeDeclarationSyntax? TypeOf(SyntaxNode node) =>
        node.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault();
}
