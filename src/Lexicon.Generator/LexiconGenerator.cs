using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace MlsConsole.Lexicon.Generator;

/// <summary>
/// Makes C# of AT Protocol lexicon files: a record for each object, with a strict reader and a writer, and a descriptor
/// for each method. In a project whose property <c>LexiconNamesOnly</c> is true, the generator makes only constants
/// with the names of the methods and errors, in the namespace of the property <c>LexiconNamesNamespace</c>.
/// </summary>
[Generator]
public sealed class LexiconGenerator : IIncrementalGenerator
{
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        // Path and text are compared as strings, so that the generator does not run again for unchanged files.
        var files = context
            .AdditionalTextsProvider.Where(file => file.Path.EndsWith(".json", StringComparison.Ordinal))
            .Select((file, cancellation) => (file.Path, Text: file.GetText(cancellation)?.ToString() ?? ""))
            .Collect();
        var namesOnly = context.AnalyzerConfigOptionsProvider.Select(
            (provider, _) => NamesOnly(provider.GlobalOptions)
        );
        context.RegisterSourceOutput(
            files.Combine(namesOnly),
            (production, input) =>
            {
                var (isNamesOnly, containingNamespace) = input.Right;
                var schema = Read(production, input.Left);
                if (isNamesOnly)
                    GenerateNames(production, schema, containingNamespace);
                else
                    Generate(production, schema);
            }
        );
    }

    /// <summary>The project's MSBuild properties, which it shows by items <c>CompilerVisibleProperty</c>.</summary>
    private static (bool IsNamesOnly, string Namespace) NamesOnly(AnalyzerConfigOptions options)
    {
        options.TryGetValue("build_property.LexiconNamesOnly", out string? isNamesOnly);
        options.TryGetValue("build_property.LexiconNamesNamespace", out string? containingNamespace);
        return (string.Equals(isNamesOnly, "true", StringComparison.OrdinalIgnoreCase), containingNamespace ?? "");
    }

    private static Schema Read(SourceProductionContext context, ImmutableArray<(string Path, string Text)> files)
    {
        var schema = new Schema();
        foreach (var (path, text) in files.OrderBy(file => file.Path, StringComparer.Ordinal))
            Try(context, path, () => schema.Add(path, Json.ParseObject(text)));
        return schema;
    }

    private static void GenerateNames(SourceProductionContext context, Schema schema, string containingNamespace)
    {
        if (containingNamespace.Length == 0)
        {
            context.ReportDiagnostic(Diagnostic.Create(Diagnostics.NoNamespace, Location.None));
            return;
        }
        var names = new NamesEmitter();
        foreach (var method in schema.Documents.Where(document => document.IsMethod))
            Try(context, method.Path, () => names.Add(method));
        AddSource(context, "Names.g.cs", names.Emit(containingNamespace));
    }

    private static void Generate(SourceProductionContext context, Schema schema)
    {
        var methods = new StringBuilder();
        foreach (var document in schema.Documents)
            Try(
                context,
                document.Path,
                () => AddSource(context, document.Id + ".g.cs", new Emitter(schema, document).Emit(methods))
            );
        AddSource(context, "Lexicons.g.cs", Emitter.Registry(methods.ToString()));
    }

    private static void AddSource(SourceProductionContext context, string name, string code) =>
        context.AddSource(name, SourceText.From(code, Encoding.UTF8));

    private static void Try(SourceProductionContext context, string path, Action action)
    {
        try
        {
            action();
        }
        catch (LexiconError error)
        {
            context.ReportDiagnostic(
                Diagnostic.Create(
                    error.Descriptor,
                    Location.Create(path, default, default),
                    Path.GetFileName(path) + ": " + error.Message
                )
            );
        }
    }
}
