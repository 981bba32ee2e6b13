using System.Runtime.CompilerServices;
using System.Text.Json;

namespace MlsConsole.Tests;

/// <summary>
/// AT Protocol's published interop files: beside the folder named by MLSCONSOLE_VECTORS, or beside the repository.
/// </summary>
internal static class Interop
{
    public static JsonElement Read(string path)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Find(path)));
        return json.RootElement.Clone();
    }

    /// <summary>The lines of a text file that are no comments.</summary>
    public static IReadOnlyList<string> Lines(string path) =>
        [.. File.ReadAllLines(Find(path)).Where(static line => line.Length > 0 && line[0] != '#')];

    private static string Find(string path)
    {
        string file = Path.Combine(Folder(), "atproto-interop", path);
        if (!File.Exists(file))
        {
            Assert.False(
                Environment.GetEnvironmentVariable("CI") == "true",
                $"{file} is missing, and CI must not skip it."
            );
            Skip.If(true, $"{file} is missing.");
        }
        return file;
    }

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Environment.GetEnvironmentVariable("MLSCONSOLE_VECTORS") is { Length: > 0 } vectors
            ? Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(vectors))!
            : Path.Combine(Path.GetDirectoryName(thisFile)!, "../../shared");
}
