using Microsoft.CodeAnalysis;

namespace MlsConsole.Lexicon.Generator;

/// <summary>What can be wrong with a lexicon file, or with the generator's settings: build errors.</summary>
internal static class Diagnostics
{
    public static readonly DiagnosticDescriptor MalformedJson = Describe(
        "MLSLEX001",
        "The lexicon is not well-formed JSON: {0}"
    );
    public static readonly DiagnosticDescriptor Unsupported = Describe(
        "MLSLEX002",
        "The lexicon has something that the generator does not support: {0}"
    );
    public static readonly DiagnosticDescriptor UnknownReference = Describe(
        "MLSLEX003",
        "The lexicon refers to a definition that does not exist: {0}"
    );
    public static readonly DiagnosticDescriptor NoNamespace = Describe(
        "MLSLEX004",
        "LexiconNamesOnly is true, and LexiconNamesNamespace does not say into which namespace the names belong"
    );

    private static DiagnosticDescriptor Describe(string id, string message) =>
        new DiagnosticDescriptor(id, "Lexicon", message, "Lexicon", DiagnosticSeverity.Error, isEnabledByDefault: true);
}

internal sealed class LexiconError : Exception
{
    public LexiconError(DiagnosticDescriptor descriptor, string what)
        : base(what) => Descriptor = descriptor;

    public DiagnosticDescriptor Descriptor { get; }
}
