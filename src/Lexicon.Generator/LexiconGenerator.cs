using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace MlsConsole.Lexicon.Generator;

/// <summary>AT Protocol lexicon files to C#: a record for each object, a strict reader and a writer for it, and a descriptor for each method.</summary>
[Generator]
public sealed class LexiconGenerator : IIncrementalGenerator
{
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        // Path and text are strings, so an unchanged file does not run anything again.
        var files = context
            .AdditionalTextsProvider.Where(file => file.Path.EndsWith(".json", StringComparison.Ordinal))
            .Select((file, cancellation) => (file.Path, Text: file.GetText(cancellation)?.ToString() ?? ""))
            .Collect();
        context.RegisterSourceOutput(files, Generate);
    }

    private static void Generate(SourceProductionContext context, ImmutableArray<(string Path, string Text)> files)
    {
        var schema = new Schema();
        foreach (var (path, text) in files.OrderBy(file => file.Path, StringComparer.Ordinal))
            Try(context, path, () => schema.Add(path, Json.ParseObject(text)));
        var methods = new StringBuilder();
        foreach (var document in schema.Documents)
            Try(
                context,
                document.Path,
                () =>
                {
                    var emitter = new Emitter(schema, document);
                    context.AddSource(document.Id + ".g.cs", SourceText.From(emitter.Emit(methods), Encoding.UTF8));
                }
            );
        context.AddSource("Lexicons.g.cs", SourceText.From(Emitter.Registry(methods.ToString()), Encoding.UTF8));
    }

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
