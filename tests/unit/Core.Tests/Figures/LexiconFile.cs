using System.Text.Json;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>Reads the lexicons of the sources.</summary>
internal static class LexiconFile
{
    /// <summary>The names of the errors that the lexicon of a method declares.</summary>
    public static IReadOnlyList<string> ErrorsOf(string method)
    {
        string path = Directory
            .GetFiles(Path.Combine(RepositoryRoot.Path, "lexicons"), method + ".json", SearchOption.AllDirectories)
            .Single();
        using var lexicon = JsonDocument.Parse(File.ReadAllText(path));
        return
        [
            .. lexicon
                .RootElement.GetProperty("defs")
                .GetProperty("main")
                .GetProperty("errors")
                .EnumerateArray()
                .Select(error => error.GetProperty("name").GetString()!),
        ];
    }
}
