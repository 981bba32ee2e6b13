using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>Where the test vectors are: in MLSCONSOLE_VECTORS, else beside the repository.</summary>
internal static class VectorFiles
{
    /// <summary>The working group's vectors, beside the repository. What docs/conformance.md is about.</summary>
    public static string? Published { get; } =
        Repository is { } root ? Path.Combine(Path.GetDirectoryName(root)!, "shared", "mls-vectors") : null;

    /// <summary>What this run is to read.</summary>
    public static string? Folder { get; } =
        Environment.GetEnvironmentVariable("MLSCONSOLE_VECTORS") is { Length: > 0 } set
            ? Path.GetFullPath(set)
            : Published;

    /// <summary>Whether somebody asked for this folder by name: then it must be there.</summary>
    public static bool IsChosen => Folder != Published;

    /// <summary>The folder of the solution.</summary>
    public static string? Repository
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "MlsConsole.sln")))
                    return folder.FullName;
            return null;
        }
    }

    public static byte[] Hex(this JsonElement element, string name) =>
        Convert.FromHexString(element.GetProperty(name).GetString()!);

    public static byte[] Hex(this JsonElement element) => Convert.FromHexString(element.GetString()!);

    public static ReadOnlyMemory<byte>? HexOrNull(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? (ReadOnlyMemory<byte>?)Convert.FromHexString(value.GetString()!)
            : null;
}
