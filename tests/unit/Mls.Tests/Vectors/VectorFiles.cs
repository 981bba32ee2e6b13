using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>The working group's test vectors: in MLSCONSOLE_VECTORS, else beside the repository. Absent, a test is skipped; with CI=true it fails.</summary>
internal static class VectorFiles
{
    public static string? Folder { get; } = FindFolder();

    public static IReadOnlyList<JsonElement> Load(string file)
    {
        string? path = Folder is null ? null : Path.Combine(Folder, file);
        if (path is null || !File.Exists(path))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"{file} is absent: set MLSCONSOLE_VECTORS to the folder of the test vectors.");
            Skip.If(true, $"{file} is absent: set MLSCONSOLE_VECTORS to the folder of the test vectors.");
        }
        using var document = JsonDocument.Parse(File.ReadAllBytes(path!));
        return [.. document.RootElement.Clone().EnumerateArray()];
    }

    /// <summary>The cases of a file whose cipher suite this library has.</summary>
    public static IEnumerable<(CipherSuite Suite, JsonElement Case)> BySuite(string file)
    {
        foreach (var test in Load(file))
        {
            ushort id = test.GetProperty("cipher_suite").GetUInt16();
            Assert.True(CipherSuite.IsSupported(id), $"{file} has cipher suite {id}");
            yield return (CipherSuite.Get(id), test);
        }
    }

    public static byte[] Hex(this JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString()!);
    public static byte[] Hex(this JsonElement element) => Convert.FromHexString(element.GetString()!);
    public static ReadOnlyMemory<byte>? HexOrNull(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? (ReadOnlyMemory<byte>?)Convert.FromHexString(value.GetString()!) : null;

    private static string? FindFolder()
    {
        if (Environment.GetEnvironmentVariable("MLSCONSOLE_VECTORS") is { Length: > 0 } set) return set;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "MlsConsole.sln")))
                return Path.Combine(folder.Parent!.FullName, "shared", "mls-vectors");
        return null;
    }
}
