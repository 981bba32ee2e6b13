using System.Diagnostics;
using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// A group of 50,000 leaves in a process of its own, whose memory is measured from its start to its end.
/// </summary>
[Trait("Category", "Slow")]
public class Large_groups
{
    private const long Limit = 1L << 30;

    [Fact]
    public Task A_group_of_50_000_leaves_is_created_from_its_GroupInfo_staged_and_followed_within_1_GiB() => Followed();

    [Fact]
    public Task A_group_of_50_000_leaves_whose_parents_are_blank_is_too() => Followed("--fresh");

    private static async Task Followed(params string[] options)
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-large-").FullName;
        try
        {
            await Run(["make", folder, "--members", "50000", .. options]);
            // The limit makes the collector free memory before the process takes more than this. The assertion below
            // also counts the memory outside of the collector's heap.
            using var result = JsonDocument.Parse(
                await Run(["follow", folder], ("DOTNET_GCHeapHardLimit", $"0x{Limit:x}"))
            );
            var followed = result.RootElement;
            Assert.Equal(50_001, followed.GetProperty("Members").GetInt32());
            Assert.Equal(5, followed.GetProperty("Epochs").GetInt32());
            Assert.True(followed.GetProperty("Agree").GetBoolean(), result.RootElement.ToString());
            Assert.InRange(followed.GetProperty("PeakBytes").GetInt64(), 0, Limit);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> Run(string[] arguments, params (string Name, string Value)[] environment)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var program = Path.Combine(
            VectorFiles.Repository!,
            "benchmarks",
            "Mls",
            "bin",
            configuration,
            "net10.0",
            "MlsConsole.Mls.Benchmarks.dll"
        );
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{arguments[0]} ended with {process.ExitCode}:\n{output}{await errors}");
        return output;
    }
}
